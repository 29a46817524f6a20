"""How `tentacle` reads its command line: options, switches, bundles. Pure.

The grammar is older than ours and must stay: people's scripts write `--name value`, `-NAME=value` and `/name:value`.
Source: tentacle-cli §2.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from octavo.base.errors import OctavoError

_OPTION = re.compile(r"(?P<flag>--|-|/)(?P<name>[^:=]+)(?:[:=](?P<value>.*))?", re.DOTALL)


class InvalidOption(OctavoError):
    """An option lacks its value, or has one that is no number or boolean."""


class OptionKind(Enum):
    """What may follow an option."""

    SWITCH = auto()
    TEXT = auto()
    NUMBER = auto()
    BOOLEAN = auto()


@dataclass(frozen=True, slots=True)
class Option:
    """One option and its names; one-letter names come first and can be bundled."""

    names: tuple[str, ...]
    description: str
    kind: OptionKind = OptionKind.TEXT
    is_sensitive: bool = False
    is_hidden: bool = False

    @property
    def takes_value(self) -> bool:
        """Whether a value must follow."""
        return self.kind is not OptionKind.SWITCH

    def answers_to(self, name: str) -> bool:
        """Whether `name` is one of its names, in any case."""
        return name.lower() in (own.lower() for own in self.names)


@dataclass(frozen=True, slots=True)
class Given:
    """An option as the user gave it; a switch that was turned off (`--name-`) has no value."""

    option: Option
    value: str | None


@dataclass(frozen=True, slots=True)
class Arguments:
    """The options of one command line in the order given, and what was left over."""

    given: tuple[Given, ...] = ()
    leftovers: tuple[str, ...] = ()

    def list_texts(self, name: str) -> tuple[str, ...]:
        """All values of a repeatable option, in order."""
        return tuple(one.value or "" for one in self.given if one.option.answers_to(name))

    def find_text(self, name: str) -> str | None:
        """The last value of an option; None when it was not given, or is blank."""
        texts = self.list_texts(name)
        return texts[-1] if texts and texts[-1].strip() else None

    def find_number(self, name: str) -> int | None:
        """The last value of a number option."""
        text = self.find_text(name)
        return None if text is None else int(text)

    def is_on(self, name: str) -> bool:
        """Whether a switch is on, or a boolean option is true."""
        return any(self.list_texts(name)[-1:]) and self.list_texts(name)[-1].strip().lower() != "false"

    def was_given(self, name: str) -> bool:
        """Whether the option stands on the command line at all."""
        return bool(self.list_texts(name))


def parse_command_name(first: str) -> str:
    """The command that the first argument names: `--Version` and `/version` mean `version`."""
    return first.lstrip("-/").lower()


def parse_arguments(options: Sequence[Option], arguments: Iterable[str]) -> Arguments:
    """Sort a command line into options and leftovers.

    Raises:
        InvalidOption: a value is missing, or is no number or boolean where one is wanted.
    """
    given: list[Given] = []
    leftovers: list[str] = []
    waiting = list(reversed(list(arguments)))
    while waiting:
        argument = waiting.pop()
        if argument == "--":
            leftovers += reversed(waiting)
            break
        found = _match(options, argument)
        if found is None:
            leftovers.append(argument)
            continue
        given += found.switches
        if found.last is not None:
            given.append(_with_value(found.last, found.value, waiting))
    return Arguments(tuple(given), tuple(leftovers))


def strip_options(options: Sequence[Option], arguments: Sequence[str]) -> tuple[Arguments, list[str]]:
    """Take the options that every command knows out of the arguments; the rest keeps its order.

    What follows `--` is left alone.
    """
    end = arguments.index("--") if "--" in arguments else len(arguments)
    common = parse_arguments(options, arguments[:end])
    return Arguments(common.given), [*common.leftovers, *arguments[end:]]


@dataclass(frozen=True, slots=True)
class _Match:
    """What one argument says: switches, and at most one option that takes a value."""

    switches: tuple[Given, ...] = ()
    last: Option | None = None
    value: str | None = None


def _match(options: Sequence[Option], argument: str) -> _Match | None:
    parts = _OPTION.fullmatch(argument)
    if parts is None:
        return None
    name, value = parts["name"], parts["value"]
    option = _find(options, name)
    if option is not None:
        return _Match(last=option, value=value) if option.takes_value else _Match((Given(option, "true"),))
    turned = _find(options, name[:-1]) if name[-1] in "+-" else None
    if turned is not None and not turned.takes_value:
        return _Match((Given(turned, "true" if name[-1] == "+" else None),))
    return _match_bundle(options, argument[1:]) if parts["flag"] == "-" else None


def _match_bundle(options: Sequence[Option], letters: str) -> _Match | None:
    """`fhmyhost`: the switch -f, then -h with the value `myhost`."""
    switches: list[Given] = []
    for index, letter in enumerate(letters):
        option = _find(options, letter)
        if option is None and index == 0:
            return None
        if option is None:
            raise InvalidOption(f"Cannot bundle unregistered option '-{letter}'.")
        if option.takes_value:
            return _Match(tuple(switches), option, letters[index + 1 :].lstrip(":=") or None)
        switches.append(Given(option, "true"))
    return _Match(tuple(switches))


def _find(options: Sequence[Option], name: str) -> Option | None:
    return next((option for option in options if option.answers_to(name)), None)


def _with_value(option: Option, value: str | None, waiting: list[str]) -> Given:
    name = option.names[-1]
    if value is None:
        if not waiting:
            raise InvalidOption(f"Missing required value for option '--{name}'.")
        value = waiting.pop()
    if not _is_readable(option.kind, value):
        kind = "Int32" if option.kind is OptionKind.NUMBER else "Boolean"
        raise InvalidOption(f"Could not convert string `{value}' to type {kind} for option `--{name}'.")
    return Given(option, value)


def _is_readable(kind: OptionKind, value: str) -> bool:
    if kind is OptionKind.NUMBER:
        return re.fullmatch(r"\s*[+-]?[0-9]{1,10}\s*", value) is not None
    if kind is OptionKind.BOOLEAN:
        return value.strip().lower() in {"true", "false"}
    return True
