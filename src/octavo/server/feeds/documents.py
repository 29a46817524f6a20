"""What feeds answer, read with care: JSON and XML of bounded size from places we do not control.

Readers are tolerant: a member that is missing or of another type counts as absent. Source: identity.py, on DOCTYPE.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree


class Unreadable(ValueError):
    """The document is not what it should be; the message says why, without the document's content."""


def read_json(data: bytes) -> Mapping[str, object]:
    """The object that a JSON document holds.

    Raises:
        Unreadable: it is no JSON, or no object.
    """
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Unreadable("it is not JSON") from error
    if not isinstance(found, dict):
        raise Unreadable("it is JSON, but not an object")
    return found


def read_json_list(data: bytes) -> Sequence[Mapping[str, object]]:
    """The objects in a JSON list.

    Raises:
        Unreadable: it is no JSON, or no list.
    """
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Unreadable("it is not JSON") from error
    if not isinstance(found, list):
        raise Unreadable("it is JSON, but not a list")
    return [each for each in found if isinstance(each, dict)]


def read_xml(data: bytes) -> ElementTree.Element:
    """The root of an XML document without a document type, and so without entities.

    Raises:
        Unreadable: it is no XML, or has a document type.
    """
    parser = ElementTree.XMLParser(target=_WithoutDocumentType())  # noqa: S314 - refuses what the rule is about
    try:
        parser.feed(data)
        root = parser.close()
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise error if isinstance(error, Unreadable) else Unreadable("it is not XML") from error
    assert isinstance(root, ElementTree.Element)  # noqa: S101 - what a TreeBuilder builds
    return root


def text_in(element: ElementTree.Element, path: str) -> str:
    """The text of the first element at a path, whatever its namespace; empty when there is none."""
    for each in elements_in(element, path):
        return (each.text or "").strip()
    return ""


def elements_in(element: ElementTree.Element, path: str) -> list[ElementTree.Element]:
    """All elements at a path like `versioning/versions/version`, whatever their namespace."""
    return element.findall("/".join(f"{{*}}{name}" for name in path.split("/")))


def text_of(members: Mapping[str, object], name: str) -> str:
    """A member that is text; empty when it is not."""
    value = members.get(name)
    return value if isinstance(value, str) else ""


def object_of(members: Mapping[str, object], name: str) -> Mapping[str, object]:
    """A member that is an object; empty when it is not."""
    value = members.get(name)
    return value if isinstance(value, dict) else {}


def objects_of(members: Mapping[str, object], name: str) -> Sequence[Mapping[str, object]]:
    """A member that is a list of objects; empty when it is not."""
    value = members.get(name)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def texts_of(members: Mapping[str, object], name: str) -> Sequence[str]:
    """A member that is a list of texts; empty when it is not."""
    value = members.get(name)
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def size_of(members: Mapping[str, object], name: str) -> int | None:
    """A member that is a size; None when it is not."""
    value = members.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def moment_of(members: Mapping[str, object], name: str) -> datetime | None:
    """A member that is an ISO moment, in UTC; None when it is not. Without a zone it counts as UTC."""
    try:
        found = datetime.fromisoformat(text_of(members, name))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


class _WithoutDocumentType(ElementTree.TreeBuilder):
    """Builds the tree, and ends at a document type, in whatever encoding it comes."""

    def doctype(self, *_: object) -> None:
        raise Unreadable("it has a document type, which is not allowed")
