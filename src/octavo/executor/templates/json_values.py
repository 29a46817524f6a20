"""Values that hold JSON: finding a part, and how it is written. Pure. Source: script-execution.md §3.5.6."""

import json
from collections.abc import Sequence

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


class NoJson(Exception):
    """The text is no JSON object or array."""


def read_json(text: str) -> Json:
    """The object or array that the text spells.

    Raises:
        NoJson: it spells none.
    """
    stripped = text.strip()
    if not stripped or stripped[0] not in "[{":
        raise NoJson
    try:
        value: Json = json.loads(stripped)
    except (ValueError, RecursionError):
        raise NoJson from None
    return value


def find_part(value: Json, path: Sequence[str]) -> Json:
    """What stands at the path; None when nothing does. Names are case-sensitive, array indexes numbers."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit():
            value = value[int(step)] if int(step) < len(value) else None
        else:
            return None
    return value


def write_part(value: Json) -> str:
    """A part as a text: nothing is empty, booleans as `True`, numbers normalised, the rest compact JSON."""
    match value:
        case None:
            return ""
        case bool():
            return str(value)
        case str():
            return value
        case int():
            return str(value)
        case float():
            return str(int(value)) if value.is_integer() else repr(value)
        case _:
            return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
