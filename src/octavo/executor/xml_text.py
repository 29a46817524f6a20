"""An XML text, and where each of its nodes stands in it: what nobody changes stays as it was, byte by byte.

`expat` of the standard library tells the places. Entity definitions are refused, other files are never fetched.
Why so: decision 0083.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any
from xml.parsers import expat

from octavo.executor.text_files import TextFile

DEEPEST = 200
_ATTRIBUTE = re.compile(rb"""(\s+)([^\s=/>]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_DECLARED = re.compile(r"""<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]*)["']""")
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Kind(Enum):
    """What a node is."""

    ROOT = "root"
    ELEMENT = "element"
    ATTRIBUTE = "attribute"
    TEXT = "text"
    CDATA = "CDATA section"
    COMMENT = "comment"
    INSTRUCTION = "processing instruction"


@dataclass(eq=False, slots=True)
class XmlNode:
    """A node: all of it from start to end, what it holds from inner_start to inner_end, in bytes of UTF-8.

    Of an attribute, start is before the blanks that part it from what is before; of an empty tag (`<a/>`), both inner
    places are its end.
    """

    kind: Kind
    parent: "XmlNode | None"
    start: int
    end: int = 0
    inner_start: int = 0
    inner_end: int = 0
    name: str = ""
    value: str = ""
    children: "list[XmlNode]" = field(default_factory=list)
    attributes: "list[XmlNode]" = field(default_factory=list)
    namespaces: Mapping[str, str] = field(default_factory=dict)

    @property
    def local_name(self) -> str:
        """The name without its prefix."""
        return self.name.rpartition(":")[2]

    @property
    def namespace(self) -> str:
        """What its prefix, or an element's lack of one, means."""
        prefix = self.name.rpartition(":")[0]
        if not prefix and self.kind is not Kind.ELEMENT:
            return ""
        return self.namespaces.get(prefix, "")

    @property
    def text(self) -> str:
        """What it says, tags aside."""
        if self.kind in (Kind.ELEMENT, Kind.ROOT):
            return "".join(each.value for each in self.walk() if each.kind in (Kind.TEXT, Kind.CDATA))
        return self.value

    def attribute(self, name: str, namespace: str = "") -> "XmlNode | None":
        """An attribute by its local name."""
        return next((each for each in self.attributes if (each.local_name, each.namespace) == (name, namespace)), None)

    def elements(self) -> "list[XmlNode]":
        """The elements directly in it."""
        return [each for each in self.children if each.kind is Kind.ELEMENT]

    def walk(self) -> "Iterator[XmlNode]":
        """It and all below it, in the order of the text, attributes aside."""
        pending = [self]
        while pending:
            node = pending.pop()
            yield node
            pending += reversed(node.children)


@dataclass(frozen=True, slots=True)
class Edit:
    """Another text for what stands from start to end."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class XmlText:
    """An XML text with its tree."""

    data: bytes
    root: XmlNode

    @property
    def text(self) -> str:
        """All of it."""
        return self.data.decode("utf-8")

    @property
    def newline(self) -> str:
        """The line end that it uses."""
        return "\r\n" if b"\r\n" in self.data else "\n"

    def slice(self, start: int, end: int) -> str:
        """What stands from start to end."""
        return self.data[start:end].decode("utf-8")

    def content_edit(self, node: XmlNode, content: str) -> Edit:
        """Other content for an element; `<a/>` is opened for it."""
        tag = self.slice(node.start, node.inner_start)
        if not tag.endswith("/>"):
            return Edit(node.inner_start, node.inner_end, content)
        opened = f"{tag.removesuffix('/>').rstrip()}>{content}</{node.name}>" if content else tag
        return Edit(node.start, node.end, opened)

    def edited(self, edits: Iterable[Edit]) -> "XmlText":
        """The text with these edits; one within another is left out.

        Raises:
            ValueError: it would be no XML.
        """
        pieces, place = [], 0
        for edit in sorted(edits, key=lambda each: (each.start, -each.end)):
            if edit.start >= place:
                pieces += [self.data[place : edit.start], edit.text.encode("utf-8")]
                place = edit.end
        return parse_xml(b"".join([*pieces, self.data[place:]]))


def parse_xml(text: str | bytes) -> XmlText:
    """The text with its tree; bytes are UTF-8, whatever the text declares.

    Raises:
        ValueError: it is no XML, defines entities, or is nested too deep.
    """
    try:
        data = text.encode("utf-8") if isinstance(text, str) else text
        return XmlText(data, _Reader(data).root)
    except expat.ExpatError as error:
        raise ValueError(str(error)) from error


def as_declared(file: TextFile) -> TextFile:
    """The file in the encoding that its declaration names, where no byte order mark says another.

    Raises:
        ValueError: it is not in that encoding, or nobody knows it.
    """
    declared = _DECLARED.match(file.text)
    if file.mark or not declared or declared[1].lower().startswith("utf-16"):
        return file
    try:
        return replace(file, encoding=declared[1], text=file.path.read_bytes().decode(declared[1]))
    except (LookupError, UnicodeDecodeError) as error:
        raise ValueError(f"it is not in {declared[1]}, as it says: {error}") from error


def written(file: TextFile, changed: XmlText) -> str:
    """The changed text for the file: what its encoding does not have becomes a reference."""
    return changed.text.encode(file.encoding, "xmlcharrefreplace").decode(file.encoding)


def escaped(text: str, *, in_attribute: bool = False) -> str:
    """The text as XML; in attributes also quotes and line ends.

    Raises:
        ValueError: XML cannot say it.
    """
    if found := _FORBIDDEN.search(text):
        raise ValueError(f"XML has no character U+{ord(found[0]):04X}")
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    if in_attribute:
        text = text.replace('"', "&quot;").replace("'", "&apos;").replace("\n", "&#10;").replace("\t", "&#9;")
    return text


class _Reader:
    """Builds the tree while expat reads."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._open = [XmlNode(Kind.ROOT, None, 0, len(data), 0, len(data))]
        self._text: XmlNode | None = None
        self._said: list[str] = []
        self._parser = expat.ParserCreate("utf-8")
        self._parser.ordered_attributes = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartCdataSectionHandler = self._start_cdata
        self._parser.EndCdataSectionHandler = self._end_cdata
        self._parser.CommentHandler = self._comment
        self._parser.ProcessingInstructionHandler = self._instruction
        self._parser.EntityDeclHandler = self._entity
        self._parser.Parse(data, True)
        self.root = self._open[0]

    def _begin(self, kind: Kind, **more: Any) -> XmlNode:
        """A node in the innermost open element; the text before it has ended."""
        parent, start = self._open[-1], self._parser.CurrentByteIndex
        self._end_text()
        node = XmlNode(kind, parent, start, namespaces=parent.namespaces, **more)
        parent.children.append(node)
        return node

    def _end_text(self) -> None:
        if self._text and self._text.kind is Kind.TEXT:
            self._text.end = self._text.inner_end = self._parser.CurrentByteIndex
        self._close_text()

    def _close_text(self) -> None:
        if self._text:
            self._text.value, self._said, self._text = "".join(self._said), [], None

    def _start(self, name: str, attributes: list[str]) -> None:
        if len(self._open) > DEEPEST:
            raise ValueError(f"it is nested deeper than {DEEPEST} levels")
        node = self._begin(Kind.ELEMENT, name=name)
        values = dict(zip(attributes[::2], attributes[1::2], strict=True))
        own = {key.partition(":")[2]: value for key, value in values.items() if key.split(":")[0] == "xmlns"}
        node.namespaces = {**node.namespaces, **own} if own else node.namespaces
        place = node.start + 1 + len(name.encode("utf-8"))
        while found := _ATTRIBUTE.match(self._data, place):
            key, group = found[2].decode("utf-8"), 3 if found[3] is not None else 4
            inner = found.span(group)
            node.attributes.append(
                XmlNode(
                    Kind.ATTRIBUTE, node, found.start(), found.end(), *inner, key, values[key], [], [], node.namespaces
                )
            )
            place = found.end()
        node.inner_start = node.inner_end = node.end = self._data.index(b">", place) + 1
        self._open.append(node)

    def _end(self, _: str) -> None:
        self._end_text()
        node = self._open.pop()
        if not self.is_empty_tag(node):
            node.inner_end = self._parser.CurrentByteIndex
            node.end = self._data.index(b">", node.inner_end) + 1

    def is_empty_tag(self, node: XmlNode) -> bool:
        return self._data[node.inner_start - 2 : node.inner_start] == b"/>"

    def _characters(self, text: str) -> None:
        if self._text is None:
            self._text = self._begin(Kind.TEXT)
            self._text.inner_start = self._text.start
        self._said.append(text)

    def _start_cdata(self) -> None:
        self._text = self._begin(Kind.CDATA)
        self._text.inner_start = self._text.start + len(b"<![CDATA[")

    def _end_cdata(self) -> None:
        if self._text:
            self._text.inner_end = self._data.index(b"]]>", self._text.inner_start)
            self._text.end = self._text.inner_end + 3
        self._close_text()

    def _comment(self, text: str) -> None:
        node = self._begin(Kind.COMMENT, value=text)
        node.inner_start = node.start + 4
        node.inner_end = self._data.index(b"-->", node.inner_start)
        node.end = node.inner_end + 3

    def _instruction(self, target: str, text: str) -> None:
        node = self._begin(Kind.INSTRUCTION, name=target, value=text)
        node.inner_end = self._data.index(b"?>", node.start)
        node.inner_start = node.start + 2 + len(target.encode("utf-8"))
        node.end = node.inner_end + 2

    def _entity(self, name: str, *_: Any) -> None:
        raise ValueError(f"it defines the entity {name}; entities are not read")
