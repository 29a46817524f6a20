"""One document of the server, read without surprises."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from octavo.client.errors import UnreadableAnswer


@dataclass(frozen=True, slots=True)
class Resource:
    """A JSON object; `members` is the whole of it, also what we do not know."""

    members: Mapping[str, object]

    @classmethod
    def of(cls, value: object, what: str) -> "Resource":
        """The object in an answer.

        Raises:
            UnreadableAnswer: it is no object.
        """
        if not isinstance(value, dict):
            raise UnreadableAnswer(f"The server's answer for {what} is not a JSON object.")
        return cls(value)

    @property
    def id(self) -> str:
        """Its `Id`."""
        return self.text("Id")

    @property
    def name(self) -> str:
        """Its `Name`."""
        return self.text("Name")

    def find_text(self, member: str) -> str | None:
        """A text member; None when it is absent or null."""
        value = self.members.get(member)
        return value if isinstance(value, str) else None

    def text(self, member: str) -> str:
        """A text member.

        Raises:
            UnreadableAnswer: it is absent or no text.
        """
        value = self.find_text(member)
        if value is None:
            raise UnreadableAnswer(f"The server sent a document without {member}: {_short(self.members)}")
        return value

    def is_true(self, member: str) -> bool:
        """Whether a member is true."""
        return self.members.get(member) is True

    def texts(self, member: str) -> list[str]:
        """A list of texts; empty when it is absent."""
        value = self.members.get(member)
        return [str(one) for one in value] if isinstance(value, list) else []

    def child(self, member: str) -> "Resource":
        """An object inside this one; an empty one when it is absent."""
        value = self.members.get(member)
        return Resource(value if isinstance(value, dict) else {})

    def children(self, member: str) -> Iterator["Resource"]:
        """The objects of a list inside this one.

        Raises:
            UnreadableAnswer: the list is absent.
        """
        value = self.members.get(member)
        if not isinstance(value, list):
            raise UnreadableAnswer(f"The server sent a document without a list {member}: {_short(self.members)}")
        return (Resource.of(one, member) for one in value)

    def find_link(self, name: str) -> str | None:
        """A link's template; names ignore case."""
        links = self.child("Links").members
        found = next((value for own, value in links.items() if own.lower() == name.lower()), None)
        return found if isinstance(found, str) else None

    def link(self, name: str) -> str:
        """A link's template.

        Raises:
            UnreadableAnswer: there is no such link.
        """
        found = self.find_link(name)
        if found is None:
            raise UnreadableAnswer(f"The server sent a document without the link {name}: {_short(self.members)}")
        return found


def _short(members: Mapping[str, object]) -> str:
    return ", ".join(list(members)[:12]) or "(empty)"
