"""Transforms of .NET configuration files: an XML file whose elements say what becomes of those like them in another.

`xdt:Locator` says which elements (Match, Condition, XPath; else those of the same name), `xdt:Transform` what is done
to them. All the rest of the transformed file stays as it was. Source: script-execution.md §5.11.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from octavo.executor.xml_text import Edit, Kind, XmlNode, XmlText, escaped
from octavo.executor.xpath import declared_namespaces, select

NAMESPACE = "http://schemas.microsoft.com/XML-Document-Transform"
_INSTRUCTION = re.compile(r"\s*(\w+)\s*(?:\((.*)\))?\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Transformed:
    """The document as it is then, and what did not go as the transform may expect."""

    document: XmlText
    warnings: Sequence[str]


def transform(document: XmlText, transformation: XmlText) -> Transformed:
    """Carry out what the transformation says, element by element.

    Raises:
        ValueError: the transformation says what nobody understands, or the outcome would be no XML.
    """
    run = _Run(document, transformation, declared_namespaces(transformation.root))
    for element in transformation.root.elements():
        run.carry_out(element)
    return Transformed(run.document, run.warnings)


@dataclass(slots=True)
class _Run:
    document: XmlText
    source: XmlText
    prefixes: Mapping[str, str]
    warnings: list[str] = field(default_factory=list)

    def carry_out(self, element: XmlNode) -> None:
        """An element of the transformation, then those in it."""
        said = element.attribute("Transform", NAMESPACE)
        if said:
            name, argument = _parsed(said.value)
            action = _ACTIONS.get(name)
            if action is None:
                raise ValueError(f"the transform '{name}' is not known; known are {', '.join(_ACTIONS)}")
            edits = action(self, element, argument)
            self.document = self.document.edited(edits) if edits else self.document
        for each in element.elements():
            self.carry_out(each)

    def targets(self, element: XmlNode) -> list[XmlNode]:
        """What the element stands for in the document; says so if that is nothing."""
        found = self.located(element)
        if not found:
            self.warnings.append(f"no element in the file is like {_path(element)}")
        return found

    def first(self, element: XmlNode, action: str) -> list[XmlNode]:
        """The first of what it stands for; says so if there are more."""
        found = self.targets(element)
        if len(found) > 1:
            self.warnings.append(f"{len(found)} elements are like {_path(element)}, but {action} takes the first only")
        return found[:1]

    def located(self, element: XmlNode) -> list[XmlNode]:
        """What the element stands for in the document."""
        if element.parent is None:
            return [self.document.root]
        said = element.attribute("Locator", NAMESPACE)
        name, argument = _parsed(said.value) if said else ("", "")
        if name == "XPath":
            return self.selected(argument)
        parents = self.located(element.parent)
        like = [each for parent in parents for each in parent.elements() if _is_like(each, element)]
        if name == "Match":
            keys = [_attribute_of(element, key) for key in _names(argument)]
            return [each for each in like if all(_has(each, key) for key in keys)]
        if name == "Condition":
            chosen = {
                each
                for parent in parents
                for each in select(f"*[local-name()='{element.local_name}'][{argument}]", parent, self.prefixes)
            }
            return [each for each in like if each in chosen]
        if name:
            raise ValueError(f"the locator '{name}' is not known; known are Match, Condition, XPath")
        return like

    def selected(self, path: str) -> list[XmlNode]:
        """What a path in the transformation names in the document."""
        return select(path, self.document.root, self.prefixes)

    def copy(self, element: XmlNode, place: XmlNode) -> str:
        """The element's text without what is for us, with the declarations that it needs below the place."""
        nodes = [each for each in element.walk() if each.kind is Kind.ELEMENT]
        removed = [one for each in nodes for one in each.attributes if _is_ours(one)]
        used = {each.name.rpartition(":")[0] for each in nodes}
        used |= {one.name.partition(":")[0] for each in nodes for one in each.attributes if ":" in one.name}
        own = {one.name.partition(":")[2] for one in element.attributes if one.name.split(":")[0] == "xmlns"}
        added = "".join(
            f' {f"xmlns:{prefix}" if prefix else "xmlns"}="{escaped(uri, in_attribute=True)}"'
            for prefix in sorted(used - own - {"xml", "xmlns"})
            if (uri := element.namespaces.get(prefix, "")) not in (place.namespaces.get(prefix, ""), NAMESPACE)
        )
        pieces, at = [f"<{element.name}{added}"], _behind_name(element)
        for one in sorted(removed, key=lambda each: each.start):
            pieces.append(self.source.slice(at, one.start))
            at = one.end
        text = "".join([*pieces, self.source.slice(at, element.end)])
        return text.replace("\r\n", "\n").replace("\n", self.document.newline)

    def indent_before(self, node: XmlNode) -> str | None:
        """The line end and blanks that the node stands behind; None: something else is before it."""
        found = re.search(rb"\r?\n[ \t]*$", self.document.data[max(0, node.start - 200) : node.start])
        return found[0].decode("ascii") if found else None


def _replace(run: _Run, element: XmlNode, _: str) -> list[Edit]:
    return [
        Edit(each.start, each.end, run.copy(element, each.parent or each)) for each in run.first(element, "Replace")
    ]


def _remove(run: _Run, element: XmlNode, _: str) -> list[Edit]:
    return _removals(run, run.first(element, "Remove"))


def _remove_all(run: _Run, element: XmlNode, _: str) -> list[Edit]:
    return _removals(run, run.targets(element))


def _removals(run: _Run, targets: Sequence[XmlNode]) -> list[Edit]:
    """The elements and the lines that they leave empty."""
    edits = []
    for each in targets:
        if not each.parent or not each.parent.parent:
            raise ValueError("the outermost element cannot be removed")
        edits.append(Edit(each.start - len((run.indent_before(each) or "").encode()), each.end, ""))
    return edits


def _insert(run: _Run, element: XmlNode, _: str) -> list[Edit]:
    parents = run.targets(element.parent) if element.parent else []
    if not parents:
        return []
    parent, text = parents[0], run.copy(element, parents[0])
    if children := parent.elements():
        return [Edit(children[-1].end, children[-1].end, f"{run.indent_before(children[-1]) or ''}{text}")]
    outer = run.indent_before(parent) or run.document.newline
    content = run.document.slice(parent.inner_start, parent.inner_end)
    return [run.document.content_edit(parent, f"{content.rstrip()}{outer}  {text}{outer}")]


def _insert_if_missing(run: _Run, element: XmlNode, argument: str) -> list[Edit]:
    return [] if run.located(element) else _insert(run, element, argument)


def _insert_before(run: _Run, element: XmlNode, argument: str) -> list[Edit]:
    return [
        Edit(each.start, each.start, f"{run.copy(element, each)}{run.indent_before(each) or ''}")
        for each in _sibling(run, argument)
    ]


def _insert_after(run: _Run, element: XmlNode, argument: str) -> list[Edit]:
    return [
        Edit(each.end, each.end, f"{run.indent_before(each) or ''}{run.copy(element, each)}")
        for each in _sibling(run, argument)
    ]


def _sibling(run: _Run, path: str) -> list[XmlNode]:
    found = run.selected(path)
    if not found:
        run.warnings.append(f"no element in the file is at {path}")
    return found[:1]


def _set_attributes(run: _Run, element: XmlNode, argument: str) -> list[Edit]:
    given = [each for each in element.attributes if not _is_ours(each) and each.name.split(":")[0] != "xmlns"]
    if argument.strip():
        given = [_attribute_of(element, name) for name in _names(argument)]
    edits = []
    for target in run.targets(element):
        for each in given:
            old = target.attribute(each.local_name, each.namespace)
            value = escaped(each.value, in_attribute=True)
            if old:
                edits.append(Edit(old.inner_start, old.inner_end, value))
            else:
                place = target.attributes[-1].end if target.attributes else _behind_name(target)
                edits.append(Edit(place, place, f' {each.name}="{value}"'))
    return _joined(edits)


def _remove_attributes(run: _Run, element: XmlNode, argument: str) -> list[Edit]:
    names = _names(argument)
    return [
        Edit(each.start, each.end, "")
        for target in run.targets(element)
        for each in target.attributes
        if (each.name in names if names else each.name.split(":")[0] != "xmlns")
    ]


def _joined(edits: Sequence[Edit]) -> list[Edit]:
    """What goes to the same place, in one."""
    found: dict[tuple[int, int], str] = {}
    for edit in edits:
        found[edit.start, edit.end] = found.get((edit.start, edit.end), "") + edit.text
    return [Edit(*place, text) for place, text in found.items()]


_ACTIONS: dict[str, Callable[[_Run, XmlNode, str], list[Edit]]] = {
    "Replace": _replace,
    "Insert": _insert,
    "InsertIfMissing": _insert_if_missing,
    "InsertBefore": _insert_before,
    "InsertAfter": _insert_after,
    "Remove": _remove,
    "RemoveAll": _remove_all,
    "SetAttributes": _set_attributes,
    "RemoveAttributes": _remove_attributes,
}


def _parsed(text: str) -> tuple[str, str]:
    """The name and what stands in its brackets."""
    found = _INSTRUCTION.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text}' is not understood")
    return found[1], found[2] or ""


def _names(argument: str) -> list[str]:
    return [each.strip() for each in argument.split(",") if each.strip()]


def _attribute_of(element: XmlNode, name: str) -> XmlNode:
    found = next((each for each in element.attributes if each.name == name), None)
    if found is None:
        raise ValueError(f"{_path(element)} has no attribute '{name}', which it names")
    return found


def _has(element: XmlNode, attribute: XmlNode) -> bool:
    own = element.attribute(attribute.local_name, attribute.namespace)
    return own is not None and own.value == attribute.value


def _is_like(element: XmlNode, other: XmlNode) -> bool:
    return (element.local_name, element.namespace) == (other.local_name, other.namespace)


def _is_ours(attribute: XmlNode) -> bool:
    return NAMESPACE in (attribute.namespace, attribute.value if attribute.name.startswith("xmlns:") else "")


def _behind_name(element: XmlNode) -> int:
    return element.start + 1 + len(element.name.encode("utf-8"))


def _path(element: XmlNode) -> str:
    """How people find it: names from the outermost on."""
    parts: list[str] = []
    node: XmlNode | None = element
    while node is not None and node.name:
        parts.append(node.name)
        node = node.parent
    return "/" + "/".join(reversed(parts))
