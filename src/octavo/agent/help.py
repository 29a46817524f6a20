"""The help texts of `tentacle`, for people and as JSON. Pure.

The layout is that of official agents, since tools read it. Source: tentacle-cli §2.2.
"""

import json
from collections.abc import Iterable, Sequence

from octavo.agent.command_line import Option, OptionKind
from octavo.agent.commands.command import Command

PROGRAM = "Tentacle"
COMMON_HELP = "Show detailed help for this command"
_COLUMN = 29  # descriptions start behind it
_LINE_WIDTH = 80
_BREAK_AFTER = " \t\v-,.;"


def general_help(commands: Iterable[Command]) -> str:
    """What `tentacle help` prints."""
    lines = [f"Usage: {PROGRAM} <command> [<options>]", "", "Where <command> is one of: ", ""]
    for command in _listed(commands):
        lines += [f"  {command.name}", f"   {command.description}"]
    return "\n".join([*lines, "", "Or use <command> --help for more details.", ""])


def command_help(command: Command) -> str:
    """What `tentacle help COMMAND` prints."""
    lines = [f"Usage: {PROGRAM} {command.name} [<options>]", ""]
    options = _shown(command.options)
    if options:
        lines += ["Where [<options>] is any of: ", "", *_option_lines(options), ""]
    lines += ["Or one of the common options: ", "", *_option_lines([Option(("help",), COMMON_HELP, OptionKind.SWITCH)])]
    return "\n".join([*lines, ""])


def general_help_json(commands: Iterable[Command]) -> str:
    """What `tentacle help --format=json` prints."""
    listed = [_head(command) for command in _listed(commands)]
    return json.dumps({"Commands": listed}, indent=2)


def command_help_json(command: Command) -> str:
    """What `tentacle help COMMAND --format=json` prints."""
    options = [{"Name": option.names[0], "Description": option.description} for option in _shown(command.options)]
    common = [{"Name": "help", "Description": COMMON_HELP}]
    return json.dumps(_head(command) | {"Options": options, "CommonOptions": common}, indent=2)


def _head(command: Command) -> dict[str, object]:
    return {"Name": command.name, "Description": command.description, "Aliases": list(command.aliases)}


def _listed(commands: Iterable[Command]) -> list[Command]:
    return sorted((command for command in commands if not command.is_hidden), key=lambda command: command.name)


def _shown(options: Sequence[Option]) -> list[Option]:
    return [option for option in options if not option.is_hidden]


def _option_lines(options: Iterable[Option]) -> list[str]:
    lines: list[str] = []
    for option in options:
        start = _prototype(option)
        if len(start) >= _COLUMN:
            lines.append(start)
            start = ""
        first, *rest = _wrap(option.description, _LINE_WIDTH - _COLUMN - 2)
        lines.append(start.ljust(_COLUMN) + first)
        lines += [" " * (_COLUMN + 2) + line for line in rest]
    return lines


def _prototype(option: Option) -> str:
    first, *others = (f"-{name}" if len(name) == 1 else f"--{name}" for name in option.names)
    indent = "  " if len(first) == 2 else "      "
    return indent + ", ".join([first, *others]) + ("=VALUE" if option.takes_value else "")


def _wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width`; the blank at which a line breaks stays at its end, as official agents do it."""
    lines = []
    while len(text) > width:
        breaks = [index for index in range(width) if text[index] in _BREAK_AFTER]
        end = breaks[-1] + 1 if breaks else width
        lines.append(text[:end])
        text = text[end:]
    return [*lines, text]
