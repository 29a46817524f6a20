"""The part of XPath 1.0 by which people name places in configuration files.

Paths with `/`, `//`, `.`, `..`, `*`, `@`, the common axes, `text()`, `comment()`, `node()`, `processing-instruction()`;
predicates with positions, comparisons, `and`, `or`, `not` and a few functions. Names without prefix have no namespace.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from octavo.executor.xml_text import Kind, XmlNode

LONGEST = 2000
_NAME = r"[^\W\d][\w.-]*"
_TOKEN = re.compile(
    rf"""\s*("[^"]*"|'[^']*'|\d+(?:\.\d+)?|//|::|\.\.|!=|<=|>=|[/\[\]()@,|=<>.*]|{_NAME}(?::(?!:)(?:{_NAME}|\*))?)"""
)


class XPathError(ValueError):
    """The text is no XPath, or says more than is understood here."""


@dataclass(frozen=True, slots=True)
class _At:
    node: XmlNode
    position: int = 1
    size: int = 1


_Value = list[XmlNode] | str | float | bool
_Expression = Callable[[_At], _Value]
_NodeTest = Callable[[XmlNode], bool]


def select(text: str, start: XmlNode, namespaces: Mapping[str, str]) -> list[XmlNode]:
    """The nodes that the path names, seen from a node.

    Raises:
        XPathError: it is no path that is understood here.
    """
    if len(text) > LONGEST:
        raise XPathError(f"it is longer than {LONGEST} characters")
    try:
        found = _Parser(text, namespaces).parsed()(_At(start))
    except RecursionError as error:
        raise XPathError("it is nested too deep") from error
    if not isinstance(found, list):
        raise XPathError(f"'{text}' names no nodes")
    return found


def declared_namespaces(root: XmlNode) -> dict[str, str]:
    """The prefixes that are declared anywhere; of one that is declared twice, the first."""
    found: dict[str, str] = {}
    for node in root.walk():
        for prefix, uri in node.namespaces.items():
            if prefix:
                found.setdefault(prefix, uri)
    return found


class _Parser:
    """Recursive descent; each rule gives a function of the place where it is evaluated."""

    def __init__(self, text: str, namespaces: Mapping[str, str]) -> None:
        self._namespaces = {"xml": "http://www.w3.org/XML/1998/namespace", **namespaces}
        self._tokens: list[str] = []
        self._next = place = 0
        while place < len(text.rstrip()):
            found = _TOKEN.match(text, place)
            if found is None:
                raise XPathError(f"'{text}' is not understood from '{text[place:]}' on")
            self._tokens.append(found[1])
            place = found.end()

    def parsed(self) -> _Expression:
        expression = self._or()
        if self._peek():
            raise XPathError(f"'{self._peek()}' is one too many")
        return expression

    def _peek(self, ahead: int = 0) -> str:
        place = self._next + ahead
        return self._tokens[place] if place < len(self._tokens) else ""

    def _take(self, *wanted: str) -> str:
        """The next token if it is one of these, else empty."""
        token = self._peek()
        if token and token in wanted:
            self._next += 1
            return token
        return ""

    def _need(self, wanted: str) -> None:
        if not self._take(wanted):
            raise XPathError(f"'{wanted}' is missing")

    def _or(self) -> _Expression:
        parts = [self._and()]
        while self._take("or"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else lambda at: any(_truth(part(at)) for part in parts)

    def _and(self) -> _Expression:
        parts = [self._comparison()]
        while self._take("and"):
            parts.append(self._comparison())
        return parts[0] if len(parts) == 1 else lambda at: all(_truth(part(at)) for part in parts)

    def _comparison(self) -> _Expression:
        left = self._union()
        operator = self._take("=", "!=", "<", "<=", ">", ">=")
        if not operator:
            return left
        right = self._union()
        return lambda at: _compare(operator, left(at), right(at))

    def _union(self) -> _Expression:
        parts = [self._value()]
        while self._take("|"):
            parts.append(self._value())
        return parts[0] if len(parts) == 1 else lambda at: _united([_nodes(part(at)) for part in parts])

    def _value(self) -> _Expression:
        token = self._peek()
        if token[:1] in ("'", '"'):
            self._next += 1
            return lambda _: token[1:-1]
        if token[:1].isdigit():
            self._next += 1
            return lambda _: float(token)
        if self._take("("):
            inner = self._or()
            self._need(")")
            return inner
        if self._peek(1) == "(" and token in _FUNCTIONS:
            return self._call()
        return self._path()

    def _call(self) -> _Expression:
        function, count = _FUNCTIONS[self._peek()]
        self._next += 2
        arguments: list[_Expression] = []
        while not self._take(")"):
            if arguments:
                self._need(",")
            arguments.append(self._or())
        if len(arguments) not in count:
            raise XPathError("a function has too many arguments, or too few")
        return lambda at: function(at, [argument(at) for argument in arguments])

    def _path(self) -> _Expression:
        steps: list[Callable[[list[XmlNode]], list[XmlNode]]] = []
        is_absolute = self._peek() in ("/", "//")
        if not is_absolute:
            steps.append(self._step())
        while separator := self._take("/", "//"):
            if separator == "//":
                steps.append(lambda nodes: _united([list(node.walk()) for node in nodes]))
            steps.append(self._step())

        def found(at: _At) -> _Value:
            nodes = [_top(at.node)] if is_absolute else [at.node]
            for step in steps:
                nodes = step(nodes)
            return nodes

        return found

    def _step(self) -> Callable[[list[XmlNode]], list[XmlNode]]:
        if self._take("."):
            return lambda nodes: nodes
        if self._take(".."):
            return lambda nodes: _united([_AXES["parent"](node) for node in nodes])
        name = "child"
        if self._take("@"):
            name = "attribute"
        elif self._peek(1) == "::":
            name = self._peek()
            self._next += 2
        axis = _AXES.get(name)
        if axis is None:
            raise XPathError(f"the axis '{name}' is not understood")
        test = self._test(Kind.ATTRIBUTE if name == "attribute" else Kind.ELEMENT)
        predicates = self._predicates()

        def step(nodes: list[XmlNode]) -> list[XmlNode]:
            return _united([_filtered([each for each in axis(node) if test(each)], predicates) for node in nodes])

        return step

    def _predicates(self) -> list[_Expression]:
        predicates = []
        while self._take("["):
            predicates.append(self._or())
            self._need("]")
        return predicates

    def _test(self, principal: Kind) -> _NodeTest:
        word = self._peek()
        self._next += 1
        if word == "*":
            return lambda node: node.kind is principal
        if self._peek() == "(" and word in _NODE_TESTS:
            self._next += 1
            target = self._peek()[1:-1] if self._peek()[:1] in ("'", '"') else ""
            self._next += bool(target)
            self._need(")")
            kinds = _NODE_TESTS[word]
            return lambda node: node.kind in kinds and target in ("", node.name)
        if not re.fullmatch(rf"{_NAME}(:({_NAME}|\*))?", word) or self._peek() == "(":
            raise XPathError(f"'{word}' is not understood")
        prefix, _, name = word.rpartition(":")
        if prefix and prefix not in self._namespaces:
            raise XPathError(f"the prefix '{prefix}' is not declared")
        namespace = self._namespaces[prefix] if prefix else ""
        return lambda node: (
            node.kind is principal and node.namespace == namespace and name in ("*", node.local_name) and _is_seen(node)
        )


def _is_seen(node: XmlNode) -> bool:
    """Declarations of namespaces are no attributes for XPath."""
    return node.kind is not Kind.ATTRIBUTE or node.name.split(":")[0] != "xmlns"


def _filtered(nodes: list[XmlNode], predicates: Sequence[_Expression]) -> list[XmlNode]:
    for predicate in predicates:
        kept = []
        for number, node in enumerate(nodes, 1):
            value = predicate(_At(node, number, len(nodes)))
            if value == number if isinstance(value, float) else _truth(value):
                kept.append(node)
        nodes = kept
    return nodes


def _united(lists: Sequence[Sequence[XmlNode]]) -> list[XmlNode]:
    """Each node once."""
    return list(dict.fromkeys(node for nodes in lists for node in nodes))


def _top(node: XmlNode) -> XmlNode:
    while node.parent:
        node = node.parent
    return node


def _nodes(value: _Value) -> list[XmlNode]:
    if not isinstance(value, list):
        raise XPathError("'|' joins nodes only")
    return value


def _truth(value: _Value) -> bool:
    return bool(value)


def _text(value: _Value) -> str:
    if isinstance(value, list):
        return value[0].text if value else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else value


def _number(value: _Value) -> float:
    try:
        return float(value) if isinstance(value, bool | float) else float(_text(value).strip())
    except ValueError:
        return float("nan")


def _compare(operator: str, left: _Value, right: _Value) -> bool:
    lefts: Sequence[_Value] = [each.text for each in left] if isinstance(left, list) else [left]
    rights: Sequence[_Value] = [each.text for each in right] if isinstance(right, list) else [right]
    if isinstance(left, bool) or isinstance(right, bool):
        lefts, rights = [_truth(left)], [_truth(right)]
    return any(_compare_one(operator, one, other) for one in lefts for other in rights)


def _compare_one(operator: str, left: _Value, right: _Value) -> bool:
    if operator in ("=", "!="):
        by_number = isinstance(left, float) or isinstance(right, float)
        same = _number(left) == _number(right) if by_number else _text(left) == _text(right)
        return same == (operator == "=")
    one, other = _number(left), _number(right)
    return {"<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other}[operator]


def _siblings(node: XmlNode, *, after: bool) -> list[XmlNode]:
    if node.parent is None or node.kind is Kind.ATTRIBUTE:
        return []
    place = node.parent.children.index(node)
    return node.parent.children[place + 1 :] if after else node.parent.children[:place][::-1]


def _ancestors(node: XmlNode) -> list[XmlNode]:
    found = []
    while node.parent:
        node = node.parent
        found.append(node)
    return found


_AXES: dict[str, Callable[[XmlNode], list[XmlNode]]] = {
    "child": lambda node: node.children,
    "attribute": lambda node: [each for each in node.attributes if _is_seen(each)],
    "self": lambda node: [node],
    "parent": lambda node: [node.parent] if node.parent else [],
    "descendant": lambda node: list(node.walk())[1:],
    "descendant-or-self": lambda node: list(node.walk()),
    "ancestor": _ancestors,
    "ancestor-or-self": lambda node: [node, *_ancestors(node)],
    "following-sibling": lambda node: _siblings(node, after=True),
    "preceding-sibling": lambda node: _siblings(node, after=False),
}
_NODE_TESTS = {
    "text": (Kind.TEXT, Kind.CDATA),
    "comment": (Kind.COMMENT,),
    "processing-instruction": (Kind.INSTRUCTION,),
    "node": tuple(Kind),
}
_Arguments = Sequence[_Value]


def _own(at: _At, arguments: _Arguments) -> XmlNode | None:
    if not arguments:
        return at.node
    nodes = _nodes(arguments[0])
    return nodes[0] if nodes else None


def _name_of(at: _At, arguments: _Arguments) -> str:
    node = _own(at, arguments)
    return node.name if node else ""


_FUNCTIONS: dict[str, tuple[Callable[[_At, _Arguments], _Value], tuple[int, ...]]] = {
    "position": (lambda at, _: float(at.position), (0,)),
    "last": (lambda at, _: float(at.size), (0,)),
    "count": (lambda _, given: float(len(_nodes(given[0]))), (1,)),
    "not": (lambda _, given: not _truth(given[0]), (1,)),
    "true": (lambda _, __: True, (0,)),
    "false": (lambda _, __: False, (0,)),
    "name": (_name_of, (0, 1)),
    "local-name": (lambda at, given: _name_of(at, given).rpartition(":")[2], (0, 1)),
    "namespace-uri": (lambda at, given: node.namespace if (node := _own(at, given)) else "", (0, 1)),
    "string": (lambda at, given: _text(given[0]) if given else at.node.text, (0, 1)),
    "normalize-space": (lambda at, given: " ".join((_text(given[0]) if given else at.node.text).split()), (0, 1)),
    "contains": (lambda _, given: _text(given[1]) in _text(given[0]), (2,)),
    "starts-with": (lambda _, given: _text(given[0]).startswith(_text(given[1])), (2,)),
    "string-length": (lambda at, given: float(len(_text(given[0]) if given else at.node.text)), (0, 1)),
}
