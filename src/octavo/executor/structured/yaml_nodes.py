"""The nodes of a YAML text: how each is named, what it holds, and from where to where it stands.

The parser only tells where things are: it builds no objects and never follows an alias, so a hostile text costs no more
than its length.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

DEEPEST = 200


class Kind(Enum):
    """What a node is."""

    SCALAR = "scalar"
    ALIAS = "alias"
    MAPPING = "mapping"
    LIST = "list"


@dataclass(slots=True)
class Node:
    """A node with its place in the text, tag and anchor aside. Name: None within a key, else that of its value."""

    name: str | None
    kind: Kind
    start: int
    end: int
    column: int
    parent_column: int = -1
    in_flow: bool = False
    style: str = ""
    value: str = ""
    is_empty: bool = False


def nodes_of(text: str) -> list[Node]:
    """The nodes of all documents, in their order.

    Raises:
        ValueError: the text is no YAML, is nested too deep, or there is no parser on this machine.
    """
    return _Reader(text).nodes


def events_of(text: str) -> Iterator[Any]:
    """What the parser meets.

    Raises:
        ValueError: the text is no YAML, or there is no parser on this machine.
    """
    return _heard(text, "parse")


def _heard(text: str, what: str) -> Iterator[Any]:
    try:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError
    except ImportError as error:
        raise ValueError("the Python package ruamel.yaml is missing on this machine") from error
    try:
        yield from getattr(YAML(typ="safe", pure=True), what)(text)
    except (YAMLError, ValueError, IndexError, NotImplementedError) as error:
        raise ValueError(" ".join(str(error).split())) from error


class _Reader:
    def __init__(self, text: str) -> None:
        self.nodes: list[Node] = []
        self._text = text
        self._places = _Places(text)
        self._events = _heard(text, "parse")
        for event in self._events:
            if type(event).__name__ == "DocumentStartEvent":
                self._read(next(self._events), "", None, 0)

    def _read(self, event: Any, name: str | None, parent: Node | None, depth: int) -> Node:
        if depth > DEEPEST:
            raise ValueError(f"it is nested deeper than {DEEPEST} levels")
        node = self._node(event, name)
        if parent:
            node.parent_column, node.in_flow = parent.column, bool(node.in_flow or parent.in_flow)
        self.nodes.append(node)
        if node.kind is Kind.MAPPING:
            self._read_mapping(node, depth)
        elif node.kind is Kind.LIST:
            self._read_list(node, depth)
        return node

    def _read_mapping(self, node: Node, depth: int) -> None:
        event = next(self._events)
        while type(event).__name__ != "MappingEndEvent":
            key = self._read(event, None, node, depth + 1)
            name = _joined(node.name, key.value if key.kind is Kind.SCALAR else None)
            value = self._read(next(self._events), name, node, depth + 1)
            node.end = max(node.end, key.end, value.end)
            event = next(self._events)
        self._finish(node, event)

    def _read_list(self, node: Node, depth: int) -> None:
        number, event = 0, next(self._events)
        while type(event).__name__ != "SequenceEndEvent":
            value = self._read(event, _joined(node.name, str(number)), node, depth + 1)
            node.end = max(node.end, value.end)
            number, event = number + 1, next(self._events)
        self._finish(node, event)

    @staticmethod
    def _finish(node: Node, event: Any) -> None:
        """A collection in brackets ends with the bracket, any other with its last value."""
        if node.style == "flow":
            node.end = event.end_mark.index

    def _node(self, event: Any, name: str | None) -> Node:
        what = type(event).__name__
        if what == "AliasEvent":
            start, end = event.start_mark.index, event.end_mark.index
            return Node(name, Kind.ALIAS, start, end, self._places.column(start), value=f"*{event.anchor}")
        if what == "ScalarEvent":
            return self._scalar(event, name)
        start = self._places.of_content(event)
        kind = Kind.MAPPING if what == "MappingStartEvent" else Kind.LIST
        style = "flow" if event.flow_style else ""
        column = self._places.column(start)
        return Node(name, kind, start, start, column, in_flow=bool(event.flow_style), style=style)

    def _scalar(self, event: Any, name: str | None) -> Node:
        found = self._places.of_scalar(event)
        start = self._places.of_nothing(event) if found is None else found
        end = start + len(self._text[start : event.end_mark.index].rstrip("\r\n \t"))
        column = self._places.column(start)
        style = event.style or ""
        return Node(name, Kind.SCALAR, start, end, column, style=style, value=event.value, is_empty=found is None)


class _Places:
    """Where the text of a node begins: behind its tag and anchor."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._scalars: dict[int, int] = {}
        depth = 0
        for token in _heard(text, "scan"):
            what, start = type(token).__name__, token.start_mark.index
            if what.startswith(("Block", "Flow")):
                depth += what.endswith("StartToken") - what.endswith("EndToken")
            if depth > DEEPEST:
                raise ValueError(f"it is nested deeper than {DEEPEST} levels")
            if what not in ("TagToken", "AnchorToken", "DirectiveToken"):
                self._starts.append(start)
            if token.end_mark.index > start:
                self._ends.append(token.end_mark.index)
            if what == "ScalarToken":
                self._scalars[token.end_mark.index] = start

    def of_content(self, event: Any) -> int:
        found = bisect_left(self._starts, event.start_mark.index)
        return self._starts[found] if found < len(self._starts) else len(self._text)

    def of_scalar(self, event: Any) -> int | None:
        """None: it is empty, and stands nowhere."""
        return self._scalars.get(event.end_mark.index) if event.value or event.style else None

    def of_nothing(self, event: Any) -> int:
        """Behind what was written last before it."""
        return self._ends[bisect_right(self._ends, event.end_mark.index) - 1]

    def column(self, place: int) -> int:
        return place - self._text.rfind("\n", 0, place) - 1


def _joined(name: str | None, part: str | None) -> str | None:
    if name is None or part is None:
        return None
    return f"{name}:{part}" if name else part
