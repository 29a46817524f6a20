"""Puts variables into YAML files by writing over the nodes in the text; all the rest stays, byte by byte.

A scalar keeps style, tag and anchor where its new text can be written so, else it is quoted. A mapping or list becomes
what the variable's text says as YAML. What was written is read again before it is kept.
Source: script-execution.md §5.11; why so: decision 0083.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from octavo.executor.scripts import StepRefused
from octavo.executor.structured.yaml_nodes import Kind, Node, nodes_of
from octavo.executor.structured.yaml_text import as_scalar, as_structure
from octavo.executor.text_files import TextFile


def replace_in_yaml(file: TextFile, variables: Mapping[str, str]) -> int:
    """Put the variables into the file; how many nodes got a value.

    Raises:
        ValueError: the file is no YAML, or but a line of text.
        StepRefused: a value cannot be written at its place.
    """
    wanted = {name.lower(): value for name, value in variables.items()}
    nodes = nodes_of(file.text)
    roots = [node for node in nodes if node.name == ""]
    if roots and all(node.kind is Kind.SCALAR and not node.is_empty for node in roots):
        raise ValueError("it holds neither mapping nor list")
    outermost = _outermost(nodes, wanted)
    chosen = [node for node in outermost if _is_wanted(node, wanted)]
    if not chosen:
        return 0
    newline = "\r\n" if "\r\n" in file.text else "\n"
    step = _usual_step(nodes)
    pieces, place = [], 0
    for node in chosen:
        text = _written(node, wanted[_name(node)], step, file.text)
        pieces += [file.text[place : node.start], text.replace("\n", newline)]
        place = node.end
    changed = "".join([*pieces, file.text[place:]])
    _check(outermost, _outermost(_again(changed), wanted), wanted, file.path)
    file.replace(changed)
    return len(chosen)


def _name(node: Node) -> str:
    return (node.name or "").lower()


def _is_wanted(node: Node, wanted: Mapping[str, str]) -> bool:
    return bool(node.name) and _name(node) in wanted


def _outermost(nodes: Sequence[Node], wanted: Mapping[str, str]) -> list[Node]:
    """The nodes but for those within wanted ones."""
    found, end = [], -1
    for node in nodes:
        if node.start >= end:
            found.append(node)
            if _is_wanted(node, wanted):
                end = node.end
    return found


def _usual_step(nodes: Sequence[Node]) -> int:
    """By how much most collections in the file are indented."""
    steps = Counter(
        node.column - node.parent_column
        for node in nodes
        if node.kind in (Kind.MAPPING, Kind.LIST) and not node.in_flow and 0 <= node.parent_column < node.column
    )
    return steps.most_common(1)[0][0] if steps else 2


def _written(node: Node, value: str, step: int, text: str) -> str:
    """The value as it stands in the file, in the node's place."""
    indent = max(node.parent_column, 0) + step
    if node.kind in (Kind.MAPPING, Kind.LIST):
        column = node.column if node.column > node.parent_column else indent
        return as_structure(value, in_flow=node.in_flow, column=node.column, indent=column)
    written = as_scalar(value, node.style, in_flow=node.in_flow, indent=indent)
    if node.is_empty:
        before = text[: node.start][-1:]
        return f" {written}" if before in (":", "-", "?") or _ends_in_property(text[: node.start]) else f": {written}"
    comment = re.match(r"[|>]\S*([ \t]+#[^\r\n]*)", text[node.start : node.end])
    if comment and written[0] in "|>":
        mark, _, lines = written.partition("\n")
        return f"{mark}{comment[1]}\n{lines}"
    return written


def _ends_in_property(text: str) -> bool:
    """Whether a tag or an anchor is the last thing."""
    return bool(re.search(r"(?:^|\s)[&!][^\s,\[\]{}]*$", text[-300:]))


def _again(text: str) -> list[Node]:
    try:
        return nodes_of(text)
    except ValueError:
        return []


def _check(before: Sequence[Node], after: Sequence[Node], wanted: Mapping[str, str], path: Path) -> None:
    """Refuse when anything but the wanted nodes changed, or one of them says something else than it should."""
    for node, new in zip(before, after, strict=False):
        if node.name != new.name:
            break
        if not _is_wanted(node, wanted):
            if (node.kind, node.value) != (new.kind, new.value):
                break
        elif node.kind in (Kind.SCALAR, Kind.ALIAS) and new.value != wanted[_name(node)]:
            break
    else:
        if len(before) == len(after):
            return
    raise StepRefused(f"The value for {node.name or 'a node'} cannot be written into {path}. Give it another value.")
