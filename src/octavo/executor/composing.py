"""A step's script, made ready to run: the file to run, what lies beside it, and the command.

Pure. The server composes scripts without packages, the executor those that need it. Source: script-execution.md §2.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from octavo.executor import bash, powershell, python
from octavo.executor.modules import script_modules

#: The languages that we run, with their files' extensions, in the order in which one is chosen of several.
SYNTAXES: Mapping[str, str] = {"Bash": ".sh", "Python": ".py", "PowerShell": ".ps1"}
_MARK = "\ufeff"  # Windows PowerShell reads a file without it in the machine's own encoding


@dataclass(frozen=True, slots=True)
class Source:
    """A script as its author wrote it. `file` is the name of the file that it is in, or would be in."""

    syntax: str
    text: str = field(repr=False)
    file: str
    is_file: bool = False  # it lies there already
    parameters: str = ""


@dataclass(frozen=True, slots=True)
class Composed:
    """`text` is the file to run, `beside` what must lie beside it (name → text)."""

    text: str = field(repr=False)
    beside: Mapping[str, str] = field(default_factory=dict, repr=False)


def compose(source: Source, variables: Mapping[str, str]) -> Composed:
    """The script with its variables, helper functions and modules.

    Raises:
        ValueError: it cannot be run like this; the message says why.
    """
    modules = script_modules(variables, source.syntax)
    if source.syntax == "Bash":
        return Composed(bash.compose(source.text, variables, source.parameters, "".join(modules.values())), modules)
    if source.syntax == "Python":
        return Composed(python.compose(source.text, variables, source.parameters), modules)
    if source.syntax == "PowerShell":
        beside = {name: _MARK + text.removeprefix(_MARK) for name, text in modules.items()}
        if not source.is_file:
            beside[source.file] = _MARK + source.text.removeprefix(_MARK)
        text = powershell.compose(source.file, variables, source.parameters, list(modules))
        return Composed(_MARK + text, beside)
    raise ValueError(f"Scripts in '{source.syntax}' cannot be run. Use one of: {', '.join(SYNTAXES)}.")


def command(syntax: str, variables: Mapping[str, str], file: str) -> list[str]:
    """The command that runs a composed file."""
    if syntax == "PowerShell":
        return powershell.command(variables, file)
    return ["python3", "-u", file] if syntax == "Python" else ["/bin/bash", file]


def interpreter_check(syntax: str) -> str:
    """Bash that ends a step, saying what to install, where its interpreter is missing."""
    program, name = {"Python": ("python3", "Python 3"), "PowerShell": ("pwsh", "PowerShell 7")}[syntax]
    return (
        f"type -P {program} >/dev/null || {{ echo 'This machine has no {program}, which a {syntax} script needs. "
        f"Install {name} there, or run the step on a machine that has it.' >&2; exit 1; }}\n"
    )
