"""Puts variables into XML files: a variable whose name is an XPath gives its value to the nodes it names.

Prefixes are those that the file declares. All the rest of the file stays, byte by byte.
Source: script-execution.md §5.11; why so: decision 0083.
"""

from collections.abc import Mapping

from octavo.executor.messages import warn
from octavo.executor.text_files import TextFile
from octavo.executor.xml_text import Edit, Kind, XmlNode, XmlText, as_declared, escaped, parse_xml, written
from octavo.executor.xpath import XPathError, declared_namespaces, select


def replace_in_xml(file: TextFile, variables: Mapping[str, str]) -> int:
    """Put the variables into the file; how many found a place.

    Raises:
        ValueError: the file is no XML, or defines entities.
    """
    file = as_declared(file)
    document, count = parse_xml(file.text), 0
    for name, value in variables.items():
        if "/" not in name and ":" not in name:
            continue
        try:
            nodes = select(name, document.root, declared_namespaces(document.root))
        except XPathError:
            continue
        if nodes:
            try:
                document = document.edited(_edit(document, node, value) for node in nodes)
                count += 1
            except ValueError as error:
                warn(f"The value for {name} cannot be put into {file.path}: {error}. It stays as it is.")
    if count:
        file.replace(written(file, document))
    return count


def _edit(document: XmlText, node: XmlNode, value: str) -> Edit:
    """The value as what the node is."""
    if node.kind is Kind.ELEMENT:
        return document.content_edit(node, _inner(value, document.newline))
    text = value.replace("\r\n", "\n").replace("\n", document.newline)
    if node.kind is Kind.ATTRIBUTE:
        text = escaped(value, in_attribute=True)
    elif node.kind is Kind.TEXT:
        text = escaped(value.replace("\r\n", "\n")).replace("\n", document.newline)
    elif node.kind is Kind.CDATA:
        escaped(value)
        text = text.replace("]]>", "]]]]><![CDATA[>")
    elif node.kind is Kind.COMMENT and ("--" in value or value.endswith("-")):
        raise ValueError("a comment cannot hold '--'")
    elif node.kind is Kind.INSTRUCTION:
        if "?>" in value:
            raise ValueError("a processing instruction cannot hold '?>'")
        text = f" {text}" if text else ""
    elif node.kind is Kind.ROOT:
        raise ValueError("it is the whole document")
    return Edit(node.inner_start, node.inner_end, text)


def _inner(value: str, newline: str) -> str:
    """The value as XML if it is, else as text."""
    value = value.replace("\r\n", "\n")
    try:
        parse_xml(f"<_>{value}</_>")
    except ValueError:
        value = escaped(value)
    return value.replace("\n", newline)
