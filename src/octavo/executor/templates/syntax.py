"""The tree of a template, and how its parts are written when they are echoed. Pure data.

A symbol's parts are names and indexes: `A.B[c]` is Name A, Name B, Index c.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Name:
    """`A`, or `.B` behind another part."""

    text: str


@dataclass(frozen=True, slots=True)
class Index:
    """`[text]`; the text may be empty."""

    text: str


@dataclass(frozen=True, slots=True)
class AnyIndex:
    """`[*]`: the first child."""


@dataclass(frozen=True, slots=True)
class IndexFrom:
    """`[#{symbol}]`: the index is the value of another symbol."""

    symbol: "Symbol"


Part = Name | Index | AnyIndex | IndexFrom


@dataclass(frozen=True, slots=True)
class Symbol:
    """What names a value."""

    parts: tuple[Part, ...]

    def __str__(self) -> str:
        return write_parts(self.parts)


@dataclass(frozen=True, slots=True)
class Literal:
    """A text given as an argument or operand."""

    text: str


Argument = Literal | Symbol


@dataclass(frozen=True, slots=True)
class Filter:
    """`| Name argument…`"""

    name: str
    arguments: tuple[Argument, ...]

    def __str__(self) -> str:
        return " ".join([self.name, *(_write_argument(argument) for argument in self.arguments)])


@dataclass(frozen=True, slots=True)
class Text:
    """What stands outside of tokens, escapes resolved."""

    text: str


@dataclass(frozen=True, slots=True)
class Substitution:
    """`#{symbol | filters}`; a chain may begin without a symbol."""

    symbol: Symbol | None
    filters: tuple[Filter, ...] = ()

    def __str__(self) -> str:
        steps = [str(self.symbol)] if self.symbol else [""]
        return "#{" + " | ".join([*steps, *(str(each) for each in self.filters)]) + "}"


Operand = Substitution | Literal


@dataclass(frozen=True, slots=True)
class Condition:
    """One operand alone, or two compared."""

    left: Operand
    operator: str = ""  # "==", "!=" or "" for the left operand alone
    right: Operand | None = None


@dataclass(frozen=True, slots=True)
class Branch:
    """A condition and what stands there when it holds."""

    condition: Condition
    body: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """`#{if}…#{elseif}…#{else}…#{/if}`; `unless` is an `if` turned round. `source` is echoed when it has no answer."""

    branches: tuple[Branch, ...]
    otherwise: tuple["Node", ...]
    is_unless: bool
    source: str


@dataclass(frozen=True, slots=True)
class Loop:
    """`#{each name in symbol}…#{/each}`"""

    name: str
    symbol: Symbol
    body: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a calculation."""

    value: float
    text: str


@dataclass(frozen=True, slots=True)
class Operation:
    """Two terms and what is done with them: `+ - * /`."""

    operator: str
    left: "Term"
    right: "Term"


Term = Number | Symbol | Operation


@dataclass(frozen=True, slots=True)
class Calculation:
    """`#{calc term}`; `source` is the expression without blanks."""

    term: Term
    source: str


Node = Text | Substitution | Choice | Loop | Calculation


def write_parts(parts: tuple[Part, ...]) -> str:
    """A symbol as people write it."""
    written = ""
    for part in parts:
        match part:
            case Name(text):
                written += f".{text}" if written else text
            case Index(text):
                written += f"[{text}]"
            case AnyIndex():
                written += "[*]"
            case IndexFrom(symbol):
                written += f"[#{{{symbol}}}]"
    return written


def _write_argument(argument: Argument) -> str:
    return f'"{argument.text}"' if isinstance(argument, Literal) else f"#{{{argument}}}"
