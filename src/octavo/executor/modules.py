"""Script modules: code that projects share, as files beside a step's script. Source: script-execution.md §2.8."""

import re
from collections.abc import Mapping

_MODULE = re.compile(r"Octopus\.Script\.Module\[(.+)\]", re.IGNORECASE | re.DOTALL)
_LANGUAGE = "Octopus.Script.Module.Language"
_EXTENSIONS = {"bash": "sh", "python": "py", "powershell": "psm1"}


def script_modules(variables: Mapping[str, str], syntax: str) -> dict[str, str]:
    """The modules in the language of the step: file name → text. `My Mod!` is `MyMod.sh` in bash.

    Raises:
        ValueError: two modules have the same file name, or one has none.
    """
    languages = {name.lower(): value for name, value in variables.items() if name.lower().startswith(_LANGUAGE.lower())}
    modules: dict[str, str] = {}
    for variable, body in variables.items():
        found = _MODULE.fullmatch(variable)
        if found is None:
            continue
        language = languages.get(f"{_LANGUAGE}[{found[1]}]".lower(), "PowerShell").strip().lower()
        if language != syntax.lower():
            continue
        reduced = re.sub(r"\W", "", found[1])
        file = f"{reduced}.{_EXTENSIONS[language]}"
        if not reduced or file in modules:
            raise ValueError(f"The script module '{found[1]}' would be the file {file}, as another one. Rename it.")
        modules[file] = body.replace("\r\n", "\n") if language == "bash" else body
    return modules
