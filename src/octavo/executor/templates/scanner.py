"""Reads one token of a template: symbols, filters, operands, calculations. A cursor over text; linear.

Source: script-execution.md §3.5.1, §3.5.4, §3.5.7, §3.6.
"""

import re

from octavo.executor.templates.syntax import (
    AnyIndex,
    Argument,
    Condition,
    Filter,
    Index,
    IndexFrom,
    Literal,
    Name,
    Number,
    Operand,
    Operation,
    Part,
    Substitution,
    Symbol,
    Term,
)

_BLANKS = re.compile(r"\s*")
_IDENT = re.compile(r"[\w\-:/~()@]+(?:[ \t]+[\w\-:/~()@]+)*")
_WORD = re.compile(r"[\w\-:/~()@+]+")
_CALC_NAME = re.compile(r"[\w\-:~@.]*[A-Za-z_][\w\-:~@.\[\]]*")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_QUOTED = re.compile(r'"([^"#]*)"|\\"([^#]*?)\\"')
MAX_BRACKETS = 50  # levels, in a calculation
MAX_INDEXES = 8  # symbols as indexes of symbols
MAX_TOKEN = 8_192  # characters between `#{` and `}`: what is longer is no token, so that reading stays linear


class SyntaxProblem(Exception):
    """The text is no template here; `position` says where."""

    def __init__(self, what: str, position: int) -> None:
        super().__init__(f"{what} at character {position + 1}")
        self.position = position


class Scanner:
    """A cursor. Each `read_…` moves it behind what it returns, or raises `SyntaxProblem`."""

    def __init__(self, text: str, position: int = 0) -> None:
        self.text = text
        self.position = position
        self._indexes = 0

    def skip_blanks(self) -> None:
        """Move behind white space."""
        self.position = _skip(self.text, self.position)

    def take(self, expected: str) -> bool:
        """Move behind `expected` if it stands here."""
        if self.text.startswith(expected, self.position):
            self.position += len(expected)
            return True
        return False

    def expect(self, expected: str) -> None:
        """The same, and nothing else may stand here."""
        if not self.take(expected):
            raise SyntaxProblem(f"expected '{expected}'", self.position)

    def read_substitution(self) -> Substitution:
        """A symbol with filters, or a chain of filters that begins with `|`."""
        self.skip_blanks()
        symbol = None if self.text.startswith("|", self.position) else self.read_symbol()
        return Substitution(symbol, self._read_filters())

    def read_symbol(self) -> Symbol:
        """`ident(.ident | [index])*`, blanks around it left out."""
        self.skip_blanks()
        parts: list[Part] = [Name(self._read_ident())]
        while True:
            if self.take("."):
                self.skip_blanks()
                parts.append(Name(self._read_ident()))
            elif self.take("["):
                parts.append(self._read_index())
            else:
                self.skip_blanks()
                return Symbol(tuple(parts))

    def read_condition(self) -> Condition:
        """An operand, or two compared by `==` or `!=`."""
        left = self._read_operand()
        for operator in ("==", "!="):
            if self.take(operator):
                right = self._read_operand()
                if isinstance(left, Literal) and isinstance(right, Literal):
                    raise SyntaxProblem("a comparison needs a variable", self.position)
                return Condition(left, operator, right)
        if isinstance(left, Literal):
            raise SyntaxProblem("a condition needs a variable", self.position)
        return Condition(left)

    def read_term(self, depth: int = 0) -> Term:
        """A calculation: products of factors, added and subtracted."""
        term = self._read_product(depth)
        while True:
            self.skip_blanks()
            operator = self._one_of("+-")
            if not operator:
                return term
            term = Operation(operator, term, self._read_product(depth))

    def _read_product(self, depth: int) -> Term:
        term = self._read_factor(depth)
        while True:
            self.skip_blanks()
            operator = self._one_of("*/")
            if not operator:
                return term
            term = Operation(operator, term, self._read_factor(depth))

    def _read_factor(self, depth: int) -> Term:
        self.skip_blanks()
        if depth > MAX_BRACKETS:
            raise SyntaxProblem("too many brackets", self.position)
        if self.take("("):
            term = self.read_term(depth + 1)
            self.skip_blanks()
            self.expect(")")
            return term
        if self.take("{"):
            symbol = self.read_symbol()
            self.expect("}")
            return symbol
        number = _NUMBER.match(self.text, self.position)
        name = _CALC_NAME.match(self.text, self.position)
        if name and not (number and number.end() >= name.end()):
            inner = Scanner(name.group())
            self.position = name.end()
            return inner.read_symbol()
        if number:
            self.position = number.end()
            return Number(float(number.group()), number.group())
        raise SyntaxProblem("expected a number or a name", self.position)

    def _one_of(self, operators: str) -> str:
        found = self.text[self.position : self.position + 1]
        if found and found in operators:
            self.position += 1
            return found
        return ""

    def _read_ident(self) -> str:
        match = _IDENT.match(self.text, self.position)
        if match is None:
            raise SyntaxProblem("expected a name", self.position)
        self.position = match.end()
        return match.group()

    def _read_index(self) -> Part:
        if self.take("#{"):
            self._indexes += 1
            if self._indexes > MAX_INDEXES:
                raise SyntaxProblem("too many symbols as indexes", self.position)
            symbol = self.read_symbol()
            self._indexes -= 1
            self.expect("}")
            self.expect("]")
            return IndexFrom(symbol)
        start, depth = self.position, 0
        for place in range(start, len(self.text)):
            character = self.text[place]
            if character == "[":
                depth += 1
            elif character == "]":
                if depth == 0:
                    self.position = place + 1
                    text = self.text[start:place]
                    return AnyIndex() if text == "*" else Index(text)
                depth -= 1
            elif character in "#{}":
                break
        raise SyntaxProblem("an index without its ']'", start)

    def _read_filters(self) -> tuple[Filter, ...]:
        filters = []
        self.skip_blanks()
        while self.take("|"):
            self.skip_blanks()
            name = _WORD.match(self.text, self.position)
            if name is None:
                raise SyntaxProblem("expected the name of a filter", self.position)
            self.position = name.end()
            filters.append(Filter(name.group(), self._read_arguments()))
        return tuple(filters)

    def _read_arguments(self) -> tuple[Argument, ...]:
        arguments: list[Argument] = []
        while True:
            self.skip_blanks()
            if self.take("#{"):
                arguments.append(self.read_symbol())
                self.expect("}")
                continue
            quoted = _QUOTED.match(self.text, self.position)
            word = _WORD.match(self.text, self.position)
            if quoted:
                arguments.append(Literal(quoted.group(1) if quoted.group(1) is not None else quoted.group(2)))
                self.position = quoted.end()
            elif word:
                arguments.append(Literal(word.group()))
                self.position = word.end()
            else:
                return tuple(arguments)

    def _read_operand(self) -> Operand:
        self.skip_blanks()
        quoted = _QUOTED.match(self.text, self.position)
        if quoted:
            self.position = quoted.end()
            self.skip_blanks()
            return Literal(quoted.group(1) if quoted.group(1) is not None else quoted.group(2))
        operand = self.read_substitution()
        if operand.symbol is None:
            raise SyntaxProblem("a condition needs a variable", self.position)
        return operand


def _skip(text: str, position: int) -> int:
    match = _BLANKS.match(text, position)
    return match.end() if match else position
