"""Variables by name, and templates evaluated with them.

A value is itself a template; each variable is evaluated once and remembered. What evaluates without end, too deep or
too large ends in `TemplateError`, whatever the templates are. Source: script-execution.md §3.5.1, §3.5.2, §3.5.5.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

from octavo.executor.templates.filters import apply_filter
from octavo.executor.templates.json_values import Json, NoJson, find_part, read_json, write_part
from octavo.executor.templates.parsing import ParseMode, parse
from octavo.executor.templates.scanner import SyntaxProblem
from octavo.executor.templates.syntax import (
    AnyIndex,
    Calculation,
    Choice,
    Condition,
    Index,
    IndexFrom,
    Literal,
    Loop,
    Name,
    Node,
    Number,
    Operand,
    Operation,
    Part,
    Substitution,
    Symbol,
    Term,
    Text,
    write_parts,
)
from octavo.executor.templates.truth import is_truthy_text

MAX_DEPTH = 40  # values within values
MAX_CHARACTERS = 32 * 1024 * 1024  # of one evaluated text
MAX_REPETITIONS = 1_000_000  # of all loops of one text together


class TemplateError(ValueError):
    """A template that must not be evaluated: it refers to itself, or grows beyond all bounds."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A template's text, and what of it could not be evaluated. `error`: why the whole text was left as it was."""

    text: str
    unresolved: tuple[str, ...] = ()
    error: str | None = None


class Variables(Mapping[str, str]):
    """Raw values by name, in order; names in any case. Immutable. The last of two equal names wins."""

    def __init__(self, values: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        pairs = values.items() if isinstance(values, Mapping) else values
        self._names: dict[str, str] = {}
        self._values: dict[str, str] = {}
        for name, value in pairs:
            self._names[name.casefold()] = name
            self._values[name.casefold()] = value
        self._evaluated: dict[str, str | None] = {}
        self._underway: list[str] = []
        self._children: dict[str, list[str]] | None = None

    def __getitem__(self, name: str) -> str:
        """The raw value."""
        return self._values[name.casefold()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.casefold() in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._names.values())

    def __len__(self) -> int:
        return len(self._values)

    def with_values(self, more: Mapping[str, str]) -> Self:
        """These and more; of equal names the new value."""
        return type(self)([*self.items(), *more.items()])

    def find(self, name: str) -> str | None:
        """The evaluated value; None when there is no such variable.

        Raises:
            TemplateError: the value refers to itself or grows beyond all bounds.
        """
        return self._value_of(name.casefold())

    def evaluated(self) -> dict[str, str]:
        """Every variable, evaluated, in order.

        Raises:
            TemplateError: a value refers to itself or grows beyond all bounds.
        """
        values = ((name, self._value_of(key)) for key, name in self._names.items())
        return {name: value for name, value in values if value is not None}

    def evaluate(self, text: str, mode: ParseMode = ParseMode.HALT) -> Evaluation:
        """The text with its tokens replaced. What cannot be evaluated is left and named.

        Raises:
            TemplateError: a value refers to itself or grows beyond all bounds.
        """
        if "#{" not in text:
            return Evaluation(text)
        try:
            tree = parse(text, mode)
        except SyntaxProblem as problem:
            return Evaluation(text, (), str(problem))
        writer = _Writer(self, mode)
        return Evaluation(writer.write(tree), tuple(writer.unresolved))

    def is_truthy(self, expression: str) -> bool:
        """Whether a condition holds: its text is true, and nothing in it was left unresolved."""
        evaluation = self.evaluate(expression.strip())
        return not evaluation.unresolved and evaluation.error is None and is_truthy_text(evaluation.text.strip())

    def children_of(self, path: str) -> list[str]:
        """The index texts under a path, such as `x` of `A[x].B` under `A`, in order of definition."""
        if self._children is None:
            self._children = _children(self._names.values())
        return self._children.get(path.casefold(), [])

    def _value_of(self, key: str) -> str | None:
        if key in self._evaluated:
            return self._evaluated[key]
        raw = self._values.get(key)
        if raw is None:
            return None
        if "#{" not in raw:
            self._evaluated[key] = raw
            return raw
        self._refuse_endless(key)
        self._underway.append(key)
        try:
            value = self._evaluate_value(raw)
        finally:
            self._underway.pop()
        self._evaluated[key] = value
        return value

    def _evaluate_value(self, raw: str) -> str | None:
        try:
            tree = parse(raw, ParseMode.HALT)
        except SyntaxProblem:
            return raw
        writer = _Writer(self, ParseMode.HALT)
        if len(tree) == 1 and isinstance(tree[0], Substitution) and tree[0].filters:
            last = tree[0].filters[-1]
            if last.name.lower() == "null":
                return None
        return writer.write(tree)

    def _refuse_endless(self, key: str) -> None:
        if key in self._underway:
            chain = [*self._underway[self._underway.index(key) :], key]
            names = " -> ".join(self._names[each] for each in chain)
            raise TemplateError(f"A variable refers to itself: {names}. Break the circle.")
        if len(self._underway) >= MAX_DEPTH:
            raise TemplateError(f"Variables refer to one another more than {MAX_DEPTH} levels deep. Simplify them.")


@dataclass(frozen=True, slots=True)
class _Bound:
    """What a loop variable stands for now: a path of other variables, or a value with properties."""

    text: str
    path: str | None = None
    value: Json = None
    has_value: bool = False


@dataclass(slots=True)
class _Writer:
    """Writes one template's text."""

    variables: Variables
    mode: ParseMode
    unresolved: list[str] = field(default_factory=list)
    bound: Mapping[str, _Bound] = field(default_factory=dict)
    _length: int = 0
    _repetitions: int = 0
    _out: list[str] = field(default_factory=list)

    def write(self, nodes: tuple[Node, ...]) -> str:
        self._write_all(nodes)
        return "".join(self._out)

    def _write_all(self, nodes: tuple[Node, ...]) -> None:
        for node in nodes:
            match node:
                case Text(text):
                    self._put(text)
                case Substitution():
                    self._put_or_echo(self._value_of(node), str(node))
                case Calculation(term, source):
                    result = self._calculate(term)
                    self._put_or_echo(None if result is None else _number_text(result), f"#{{{source}}}")
                case Choice():
                    self._choose(node)
                case Loop():
                    self._repeat(node)

    def _put(self, text: str) -> None:
        self._length += len(text)
        if self._length > MAX_CHARACTERS:
            raise TemplateError(
                f"A template grew beyond {MAX_CHARACTERS // 2**20} million characters. Do its variables multiply?"
            )
        self._out.append(text)

    def _put_or_echo(self, value: str | None, source: str) -> None:
        if value is None:
            self.unresolved.append(source)
            value = source
        self._put(value)

    def _value_of(self, substitution: Substitution) -> str | None:
        value = "" if substitution.symbol is None else self._look_up(substitution.symbol)
        for number, each in enumerate(substitution.filters):
            if value is None:
                return None
            arguments = [
                argument.text if isinstance(argument, Literal) else self._look_up(argument)
                for argument in each.arguments
            ]
            if any(argument is None for argument in arguments):
                return None
            given = [argument for argument in arguments if argument is not None]
            has_input = number > 0 or substitution.symbol is not None
            value = apply_filter(each.name, value if has_input else None, given)
        return value

    def _look_up(self, symbol: Symbol) -> str | None:
        parts = self._resolved(symbol.parts)
        if parts is None:
            return None
        first = parts[0].text if isinstance(parts[0], Name) else ""
        bound = self.bound.get(first.casefold())
        if bound is not None and len(parts) == 1:
            return bound.text
        if bound is not None and bound.has_value:
            return write_part(find_part(bound.value, [_step(part) for part in parts[1:]]))
        if bound is not None and bound.path is not None:
            return self._find(bound.path + write_parts((Name("_"), *parts[1:]))[1:])
        return self._find_parts(parts)

    def _find_parts(self, parts: tuple[Part, ...]) -> str | None:
        path = write_parts(parts)
        value = self._find(path)
        if value is not None:
            return value
        if isinstance(parts[-1], Index) and len(parts) > 1:
            wanted = parts[-1].text.casefold()
            for index in self.variables.children_of(write_parts(parts[:-1])):
                if index.casefold() == wanted:
                    return index
        return self._find_in_json(parts)

    def _find(self, path: str) -> str | None:
        bound = self.bound.get(path.casefold())
        return bound.text if bound is not None else self.variables.find(path)

    def _find_in_json(self, parts: tuple[Part, ...]) -> str | None:
        for length in range(len(parts) - 1, 0, -1):
            value = self.variables.find(write_parts(parts[:length]))
            if value is None:
                continue
            try:
                found = read_json(value)
            except NoJson:
                continue
            return write_part(find_part(found, [_step(part) for part in parts[length:]]))
        return None

    def _resolved(self, parts: tuple[Part, ...]) -> tuple[Part, ...] | None:
        """The parts with indexes from symbols and `*` replaced; None when one has no value."""
        resolved: list[Part] = []
        for part in parts:
            match part:
                case IndexFrom(symbol):
                    text = self._look_up(symbol)
                    if text is None:
                        return None
                    resolved.append(Index(text))
                case AnyIndex():
                    children = self.variables.children_of(write_parts(tuple(resolved)))
                    if not children:
                        return None
                    resolved.append(Index(children[0]))
                case _:
                    resolved.append(part)
        return tuple(resolved)

    def _choose(self, choice: Choice) -> None:
        for branch in choice.branches:
            holds = self._holds(branch.condition)
            if holds is None:
                self._put_or_echo(None, choice.source)
                return
            if holds is not choice.is_unless:
                self._write_all(branch.body)
                return
        self._write_all(choice.otherwise)

    def _holds(self, condition: Condition) -> bool | None:
        left, is_left_good = self._operand(condition.left)
        if not condition.operator:
            return is_truthy_text(left) if is_left_good else None
        assert condition.right is not None  # noqa: S101 - the parser gives an operator two operands
        right, is_right_good = self._operand(condition.right)
        if not (is_left_good and is_right_good):
            return None
        are_equal = (left or "") == (right or "")
        return are_equal if condition.operator == "==" else not are_equal

    def _operand(self, operand: Operand) -> tuple[str | None, bool]:
        """Its text, and whether it could be evaluated: an undefined symbol can, a filter that fails cannot."""
        if isinstance(operand, Literal):
            return operand.text, True
        value = self._value_of(operand)
        is_undefined = operand.symbol is not None and self._look_up(operand.symbol) is None
        return value, value is not None or is_undefined

    def _repeat(self, loop: Loop) -> None:
        items = self._items(loop.symbol)
        outside = self.bound
        for number, item in enumerate(items):
            marks = {
                "octopus.template.each.index": _Bound(str(number)),
                "octopus.template.each.first": _Bound(str(number == 0)),
                "octopus.template.each.last": _Bound(str(number == len(items) - 1)),
            }
            self.bound = {**outside, **marks, loop.name.casefold(): item}
            self._repetitions += 1
            if self._repetitions > MAX_REPETITIONS:
                raise TemplateError(f"The loops of a template repeat more than {MAX_REPETITIONS:,} times.")
            self._write_all(loop.body)
        self.bound = outside

    def _items(self, symbol: Symbol) -> list[_Bound]:
        parts = self._resolved(symbol.parts)
        if parts is None:
            return []
        path = self._real_path(parts)
        children = self.variables.children_of(path)
        value = self._look_up(symbol)
        if children and (value is None or path not in self.variables):
            return [_Bound(index, f"{path}[{index}]") for index in children]
        if value is None:
            return []
        try:
            found = read_json(value)
        except NoJson:
            return [_Bound(text) for text in value.split(",")]
        if isinstance(found, dict):
            return [_Bound(key, None, {"Key": key, "Value": each}, True) for key, each in found.items()]
        return [_Bound(write_part(each), None, each, True) for each in found] if isinstance(found, list) else []

    def _real_path(self, parts: tuple[Part, ...]) -> str:
        bound = self.bound.get(parts[0].text.casefold()) if isinstance(parts[0], Name) else None
        if bound is not None and bound.path is not None:
            return bound.path + write_parts((Name("_"), *parts[1:]))[1:] if len(parts) > 1 else bound.path
        return write_parts(parts)

    def _calculate(self, term: Term) -> float | None:
        match term:
            case Number(value):
                return value
            case Symbol():
                return _as_number(self._look_up(term))
            case Operation(operator, left, right):
                one, other = self._calculate(left), self._calculate(right)
                return None if one is None or other is None else _operate(operator, one, other)


def _operate(operator: str, one: float, other: float) -> float:
    match operator:
        case "+":
            return one + other
        case "-":
            return one - other
        case "*":
            return one * other
        case _ if other == 0:
            return math.nan if one == 0 else math.copysign(math.inf, one)
        case _:
            return one / other


def _as_number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None


def _number_text(value: float) -> str:
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if math.isnan(value):
        return "NaN"
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _step(part: Part) -> str:
    return part.text if isinstance(part, Name | Index) else ""


def _children(names: Iterable[str]) -> dict[str, list[str]]:
    """For each path the indexes under it, by casefolded path, in order of definition."""
    children: dict[str, dict[str, str]] = {}
    for name in names:
        position = name.find("[")
        while position > 0:
            end = _closing(name, position)
            if end is None:
                break
            index = name[position + 1 : end]
            children.setdefault(name[:position].casefold(), {}).setdefault(index.casefold(), index)
            position = name.find("[", end)
    return {path: list(indexes.values()) for path, indexes in children.items()}


def _closing(name: str, position: int) -> int | None:
    depth = 0
    for place in range(position, len(name)):
        depth += (name[place] == "[") - (name[place] == "]")
        if depth == 0:
            return place
    return None
