"""A command's members in any case: clients of two languages spell them differently. Source: resources.md §11."""

from collections.abc import Mapping
from typing import Any

from octavo.base.errors import Invalid


class Members:
    """The members of a JSON object, read by name in any case; null and absent are the same."""

    def __init__(self, data: object) -> None:
        if not isinstance(data, dict):
            raise Invalid("The body must be a JSON object.")
        self._members: dict[str, Any] = {str(name).lower(): value for name, value in data.items()}

    def value(self, name: str) -> Any:
        """Whatever is there; None when nothing is."""
        return self._members.get(name.lower())

    def text(self, name: str) -> str:
        """A text, "" when none was given.

        Raises:
            Invalid: it is no text.
        """
        value = self.value(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise Invalid(f"{name} must be a text.")
        return value.strip()

    def texts(self, name: str) -> list[str]:
        """A list of texts, empty ones left out.

        Raises:
            Invalid: it is no list of texts.
        """
        value = self.value(name)
        value = [value] if isinstance(value, str) else (value or [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise Invalid(f"{name} must be a list of texts.")
        return [each for each in value if each.strip()]

    def flag(self, name: str, default: bool | None = False) -> bool | None:
        """A boolean, also written as a text.

        Raises:
            Invalid: it is none.
        """
        value = self.value(name)
        if value is None or value == "":
            return default
        if isinstance(value, bool):
            return value
        if str(value).lower() in ("true", "false"):
            return str(value).lower() == "true"
        raise Invalid(f"{name} must be true or false.")

    def mapping(self, name: str) -> Mapping[str, Any]:
        """An object, empty when none was given.

        Raises:
            Invalid: it is none.
        """
        value = self.value(name) or {}
        if not isinstance(value, dict):
            raise Invalid(f"{name} must be an object.")
        return value
