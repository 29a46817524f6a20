"""Composes a bash step: the user's script, its variables and the helper functions in one file that needs only bash.

The file's first line defines everything and then sources the file itself with the script's parameters; sourced, the
first line does nothing and the user's script follows. So `exit` and `return` both end the script, `$1` are its
parameters, and the script's line n is the file's line n + 1. Values are quoted, not encrypted: whoever may read the
file (it lies in the job's own folder, 0700) may read them; no command line and no environment shows them.

Source: script-execution.md §2.6.1, §2.9, §2.11; docs/decisions/0070-composed-scripts.md.
"""

from collections.abc import Mapping
from importlib.resources import files

SUPPRESS_ENVIRONMENT_LOGGING = "Octopus.Action.Script.SuppressEnvironmentLogging"

#: Not offered in `octopus_parameters` (§2.6.1); `get_octopusvariable` has them.
_NOT_IN_ARRAY = (
    "Octopus.Script.Module[",
    "Octopus.Deployment.PackageBuildInformation",
    "Octopus.Deployment.PackageBuildMetadata",
)


def compose(script: str, variables: Mapping[str, str], parameters: str = "", modules: str = "") -> str:
    """One bash file that runs the script. `parameters` is bash source, as users write it behind a command.

    `modules` is the text of what the script may source, in which the array of parameters may stand as well.

    Raises:
        ValueError: the script, a parameter or a value contains NUL, which bash cannot hold; the message says which.
    """
    check_no_nul(script, variables, parameters)
    body = _unix_text(script)
    definitions = [
        helper_source("proxies.sh"),
        helper_source("bash_helpers.sh"),
        _variable_function(variables),
        _parameters_array(variables) if "octopus_parameters[" in body + modules else "",
        "" if variables.get(SUPPRESS_ENVIRONMENT_LOGGING) == "True" else "log_environment_information\n",
        "__octavo_started=1\nset --\n",
        "__octavo_file=${BASH_SOURCE[0]}\n",
        "case $__octavo_file in */*) ;; *) __octavo_file=./$__octavo_file ;; esac\n",
        f'source "$__octavo_file" {_unix_text(parameters)}\nexit $?\n',
    ]
    return f"[[ -n ${{__octavo_started-}} ]] || eval {_ansi_quoted(''.join(definitions))}\n{body}"


def check_no_nul(script: str, variables: Mapping[str, str], parameters: str) -> None:
    """Refuse NUL, which neither scripts nor their values can hold.

    Raises:
        ValueError: there is one; the message says where.
    """
    places = {"The script": script, "The script parameters": parameters}
    places.update({f"The value of variable '{name}'": name + value for name, value in variables.items()})
    for place, text in places.items():
        if "\0" in text:
            raise ValueError(
                f"{place} contains a NUL character, which no script can hold. Remove it.".replace("\0", "␀")
            )


def helper_source(name: str) -> str:
    """The text of a helper file of this package, also from within a zipapp."""
    return files("octavo.executor").joinpath(name).read_text("utf-8")


def _unix_text(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def _variable_function(variables: Mapping[str, str]) -> str:
    cases = "".join(f"{_quoted(name)}) printf %s {_quoted(value)} ;;\n" for name, value in variables.items())
    return f"get_octopusvariable() {{\ncase ${{1-}} in\n{cases}*) echo ;;\nesac\n}}\n"


def _parameters_array(variables: Mapping[str, str]) -> str:
    """The associative array; a name goes through a variable because `]` in a subscript would end it."""
    entries = "".join(
        f"__octavo_name={_quoted(name)}\noctopus_parameters[$__octavo_name]={_quoted(value)}\n"
        for name, value in variables.items()
        if name and not name.startswith(_NOT_IN_ARRAY)
    )
    return f"if ((BASH_VERSINFO[0] >= 4)); then\ndeclare -A octopus_parameters\n{entries}fi\n"


def _quoted(text: str) -> str:
    """One bash word that is exactly this text."""
    return "'" + text.replace("'", "'\\''") + "'"


def _ansi_quoted(text: str) -> str:
    """One bash word on one line that is exactly this text (carriage returns too, which agents may rewrite)."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"$'{escaped}'"
