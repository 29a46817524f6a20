"""From text to tree, in one pass with a stack of open blocks; linear in the text.

In halt mode anything that is no template is an error. In continue mode an unreadable token is kept as text, and a block
that is never closed reads as a symbol. Source: script-execution.md §3.5.3, §3.5.8.
"""

import re
from dataclasses import dataclass, field
from enum import Enum, auto

from octavo.executor.templates.scanner import MAX_TOKEN, Scanner, SyntaxProblem
from octavo.executor.templates.syntax import (
    Branch,
    Calculation,
    Choice,
    Condition,
    Loop,
    Node,
    Substitution,
    Symbol,
    Text,
)

MAX_NESTED_BLOCKS = 100
_HASHES = re.compile(r"(#+)\{")
_OPENER = re.compile(r"\s*(if|unless|each|calc)(?=\s)", re.IGNORECASE)
_EACH = re.compile(r"\s*([\w\-:/~()@]+)\s+in(?=\s)")


class ParseMode(Enum):
    """What becomes of text that is no template."""

    HALT = auto()
    CONTINUE = auto()


@dataclass(slots=True)
class _Block:
    """A block that is still open. `start` is where its `#{` stands, `inside` where its body begins."""

    keyword: str
    start: int
    inside: int
    condition: Condition | None = None
    name: str = ""
    symbol: Symbol | None = None
    branches: list[Branch] = field(default_factory=list)
    is_in_else: bool = False
    nodes: list[Node] = field(default_factory=list)


def parse(text: str, mode: ParseMode) -> tuple[Node, ...]:
    """The tree of a template.

    Raises:
        SyntaxProblem: in halt mode, when the text is no template; in continue mode never.
    """
    if "#{" not in text:
        return (Text(text),) if text else ()
    return _Parser(text, mode).parse()


class _Parser:
    def __init__(self, text: str, mode: ParseMode) -> None:
        self._text = text
        self._mode = mode
        self._root: list[Node] = []
        self._open: list[_Block] = []

    def parse(self) -> tuple[Node, ...]:
        position = 0
        while match := _HASHES.search(self._text, position):
            self._add_text(self._text[position : match.start()])
            hashes = len(match.group(1))
            if hashes % 2 == 0:
                self._add_text("#" * (hashes - 1) + "{")
                position = match.end()
                continue
            self._add_text("#" * (hashes - 2))
            position = self._read_token(match.end() - 2)
        self._add_text(self._text[position:])
        while self._open:
            self._give_up_block()
        return tuple(self._root)

    @property
    def _nodes(self) -> list[Node]:
        return self._open[-1].nodes if self._open else self._root

    def _add_text(self, text: str) -> None:
        if text:
            self._nodes.append(Text(text))

    def _read_token(self, start: int) -> int:
        """The token whose `#{` is at `start`; the position behind it."""
        try:
            return self._read(start)
        except SyntaxProblem:
            if self._mode is ParseMode.HALT:
                raise
            self._add_text("#{")
            return start + 2

    def _read(self, start: int) -> int:
        inside = start + 2
        closed = self._try_close(inside)
        if closed is not None:
            return closed
        opener = _OPENER.match(self._text, inside)
        if opener is not None:
            try:
                return self._open_block(opener.group(1).lower(), start, opener.end())
            except SyntaxProblem:
                if self._mode is ParseMode.HALT:
                    raise
        scanner = self._scanner(inside)
        substitution = scanner.read_substitution()
        if substitution.symbol is None and not substitution.filters:
            raise SyntaxProblem("an empty token", start)
        scanner.expect("}")
        self._nodes.append(substitution)
        return inside + scanner.position

    def _scanner(self, position: int) -> Scanner:
        """A cursor over the next token, and no more of the text than a token may have."""
        return Scanner(self._text[position : position + MAX_TOKEN])

    def _try_close(self, inside: int) -> int | None:
        if not self._open:
            return None
        block = self._open[-1]
        if block.keyword in ("if", "unless") and not block.is_in_else:
            if self._text.startswith("else}", inside):
                self._end_branch(block)
                block.is_in_else = True
                return inside + len("else}")
            if block.keyword == "if" and self._text.startswith("elseif ", inside):
                scanner = self._scanner(inside + len("elseif "))
                condition = scanner.read_condition()
                scanner.expect("}")
                self._end_branch(block)
                block.condition = condition
                return inside + len("elseif ") + scanner.position
        closer = f"/{block.keyword}}}"
        if self._text.startswith(closer, inside):
            self._open.pop()
            self._nodes.append(self._closed(block, self._text[block.start : inside + len(closer)]))
            return inside + len(closer)
        return None

    def _end_branch(self, block: _Block) -> None:
        if block.condition is not None:
            block.branches.append(Branch(block.condition, tuple(block.nodes)))
        block.nodes = []

    def _closed(self, block: _Block, source: str) -> Node:
        if block.keyword == "each":
            if block.symbol is None:
                raise SyntaxProblem("a loop without what it goes over", block.start)
            return Loop(block.name, block.symbol, tuple(block.nodes))
        if block.is_in_else:
            otherwise = tuple(block.nodes)
        else:
            self._end_branch(block)
            otherwise = ()
        return Choice(tuple(block.branches), otherwise, block.keyword == "unless", source)

    def _open_block(self, keyword: str, start: int, position: int) -> int:
        scanner = self._scanner(position)
        if keyword == "calc":
            term = scanner.read_term()
            scanner.skip_blanks()
            scanner.expect("}")
            source = re.sub(r"\s+", "", scanner.text[: scanner.position - 1])
            self._nodes.append(Calculation(term, source))
            return position + scanner.position
        if len(self._open) >= MAX_NESTED_BLOCKS:
            raise SyntaxProblem(f"more than {MAX_NESTED_BLOCKS} blocks in one another", start)
        block = _Block(keyword, start, position)
        if keyword == "each":
            each = _EACH.match(scanner.text)
            if each is None:
                raise SyntaxProblem("expected 'each NAME in SYMBOL'", position)
            block.name = each.group(1)
            scanner.position = each.end()
            block.symbol = scanner.read_symbol()
        else:
            block.condition = scanner.read_condition()
        scanner.expect("}")
        block.inside = position + scanner.position
        self._open.append(block)
        return block.inside

    def _give_up_block(self) -> None:
        """A block without its end: an error, or in continue mode a symbol and what follows it."""
        block = self._open.pop()
        if self._mode is ParseMode.HALT:
            raise SyntaxProblem(f"'#{{{block.keyword}' without '#{{/{block.keyword}}}'", block.start)
        self._nodes.append(self._as_symbol(block))
        for branch in block.branches:
            self._nodes.extend(branch.body)
        self._nodes.extend(block.nodes)

    def _as_symbol(self, block: _Block) -> Node:
        source = self._text[block.start : block.inside]
        try:
            scanner = Scanner(source, 2)
            substitution: Substitution = scanner.read_substitution()
            scanner.expect("}")
        except SyntaxProblem:
            return Text(source)
        return substitution
