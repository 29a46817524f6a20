"""Commands about the program itself: help, version, completion."""

import json

from octavo import __version__
from octavo.agent import completion
from octavo.agent import help as help_texts
from octavo.agent.commands.command import FORMAT, Command, Invocation, wants_json
from octavo.base.errors import ConfigurationError

#: What official tools show for a build without a branch.
_SOURCE_BRANCH = "main"


def show_help(invocation: Invocation) -> int:
    """`help [command]`."""
    as_json = wants_json(invocation.arguments)
    if not invocation.arguments.leftovers:
        text = help_texts.general_help_json if as_json else help_texts.general_help
        invocation.write(text(invocation.commands))
        return 0
    name = invocation.arguments.leftovers[0].lstrip("-/").lower()
    command = next((one for one in invocation.commands if name in (one.name, *one.aliases)), None)
    if command is None:
        invocation.host.stderr.write(f"Command '{name}' is not supported\n")
        invocation.write(f"See '{help_texts.PROGRAM} help'\n")
        return 2
    invocation.write(help_texts.command_help_json(command) if as_json else help_texts.command_help(command))
    return 0


def show_version(invocation: Invocation) -> int:
    """`version`."""
    if not wants_json(invocation.arguments):
        invocation.write(__version__)
        return 0
    document = {
        "InformationalVersion": __version__,
        "MajorMinorPatch": __version__.partition("-")[0],
        "NuGetVersion": __version__,
        "SourceBranchName": _SOURCE_BRANCH,
        "IsPrerelease": "-" in __version__,
    }
    invocation.write(json.dumps(document, indent=2))
    return 0


def show_completion(invocation: Invocation) -> int:
    """`completion bash|zsh`."""
    shell = next(iter(invocation.arguments.leftovers), "")
    if shell not in completion.SHELLS:
        raise ConfigurationError("Please name the shell: tentacle completion bash, or tentacle completion zsh.")
    invocation.write(completion.SHELLS[shell](invocation.commands))
    return 0


COMMANDS = (
    Command(
        "help",
        "Show this help, or the help of a command",
        show_help,
        (FORMAT,),
        aliases=("h", "?"),
        keeps_stdout_clean=True,
        takes_anything=True,
    ),
    Command("version", "Show the Tentacle version information", show_version, (FORMAT,), keeps_stdout_clean=True),
    Command(
        "completion",
        "Print a script that completes commands and options in a shell (bash, zsh)",
        show_completion,
        keeps_stdout_clean=True,
        takes_anything=True,
    ),
)
