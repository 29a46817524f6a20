"""How a text is written as YAML: in a wanted style where that can say it, else in double quotes."""

import json
import re
from collections.abc import Iterator
from typing import Any

from octavo.executor.structured.yaml_nodes import Kind, events_of, nodes_of

_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def as_scalar(value: str, style: str, *, in_flow: bool, indent: int) -> str:
    """The text in this style (empty: plain) if it can be written so, else in double quotes."""
    written = ""
    if style in ("|", ">"):
        written = _as_block(value, style, indent)
    elif style == "'":
        written = "'" + value.replace("'", "''") + "'"
    elif not style:
        written = value
    return written if written and _says(written, value, style, in_flow=in_flow) else quoted(value)


def quoted(value: str) -> str:
    """The text in double quotes, on one line."""
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def as_structure(value: str, *, in_flow: bool, column: int, indent: int) -> str:
    """What the text says as YAML, to stand at this column; if it says nothing, or is no YAML, the text in quotes.

    Args:
        value: the text.
        in_flow: brackets are around it, so it needs brackets too.
        column: where it begins.
        indent: where a collection in it has to begin.
    """
    try:
        nodes = nodes_of(value)
    except ValueError:
        return quoted(value)
    roots = [node for node in nodes if node.name == ""]
    if len(roots) != 1 or roots[0].is_empty:
        return quoted(value)
    root = roots[0]
    if root.kind is Kind.SCALAR:
        return as_scalar(root.value, root.style, in_flow=in_flow, indent=indent)
    if root.kind is Kind.ALIAS:
        return quoted(value)
    if in_flow:
        events = events_of(value)
        start = next(event for event in events if type(event).__name__ in ("MappingStartEvent", "SequenceStartEvent"))
        return _bracketed(start, events)
    return " " * (indent - column) + _shifted(value[root.start : root.end], indent - root.column)


def _says(written: str, value: str, style: str, *, in_flow: bool) -> bool:
    """Whether it is read as one scalar of this style with this value."""
    if "\n" in written and style not in ("|", ">"):
        return False
    try:
        events = list(events_of(f"[{written}]\n" if in_flow else f"- {written}\n"))
    except ValueError:
        return False
    scalar = events[3]
    return (
        len(events) == 7
        and type(scalar).__name__ == "ScalarEvent"
        and (scalar.value, scalar.style or "", scalar.anchor, scalar.tag) == (value, style, None, None)
    )


def _as_block(value: str, style: str, indent: int) -> str:
    """Empty: it cannot be written so."""
    lines = value.removesuffix("\n").split("\n")
    if not lines[0].strip() or not lines[-1].strip() or lines[0][0] in " \t":
        return ""
    if style == ">" and any(not line or line[0] in " \t" for line in lines):
        return ""
    mark = style if value.endswith("\n") else f"{style}-"
    joint = "\n\n" if style == ">" else "\n"
    return f"{mark}\n" + joint.join(f"{' ' * indent}{line}" if line else "" for line in lines)


def _shifted(text: str, by: int) -> str:
    """The text with its lines, but for the first, moved to the right, or to the left."""
    first, *others = text.replace("\r\n", "\n").split("\n")
    moved = [" " * by + line if by >= 0 else re.sub(f"^ {{0,{-by}}}", "", line) for line in others]
    return "\n".join([first, *(line if line.strip() else "" for line in moved)])


def _bracketed(event: Any, events: Iterator[Any]) -> str:
    """What begins with this event, with brackets and on one line; tags, anchors and comments are not kept."""
    what, parts = type(event).__name__, []
    if what == "ScalarEvent":
        style = event.style if event.style in ("'", '"') else ""
        return as_scalar(event.value, style, in_flow=True, indent=0) if event.value or event.style else "null"
    if what == "SequenceStartEvent":
        while type(inner := next(events)).__name__ != "SequenceEndEvent":
            parts.append(_bracketed(inner, events))
        return f"[{', '.join(parts)}]"
    if what == "MappingStartEvent":
        while type(inner := next(events)).__name__ != "MappingEndEvent":
            parts.append(f"{_bracketed(inner, events)}: {_bracketed(next(events), events)}")
        return f"{{{', '.join(parts)}}}"
    raise ValueError("an alias leads out of it")
