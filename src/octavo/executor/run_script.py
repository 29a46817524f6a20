"""`run-script`: runs the script that a file of variables describes, as servers of this kind ask executors to.

Source: script-execution.md §2.2, §2.3, §5.9.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from octavo.executor.composing import SYNTAXES
from octavo.executor.messages import say, tell
from octavo.executor.plan import PackagePlan, Plan, ScriptPlan
from octavo.executor.scripts import StepRefused
from octavo.executor.templates import ParseMode, Variables
from octavo.executor.variable_files import load_variables

_SCRIPT = "Octopus.Action.Script."
_REFERENCE = re.compile(r"Octopus\.Action\.Package\[([^\]]+)\]\.OriginalPath", re.IGNORECASE)


def plan_of_variables(files: Sequence[Path], password: str, environment: Mapping[str, str]) -> Plan:
    """The plan that the variables describe.

    Raises:
        VariablesRefused: a file cannot be read.
        StepRefused: they describe no script that can be run.
        TemplateError: a variable refers to itself.
    """
    raw = load_variables(files, password, environment)
    variables = Variables(raw)
    values = variables.evaluated()
    script = _script(raw, variables)
    return Plan(script, tuple(_packages(values)), {**values, **_file_name(script)})


def _script(raw: Mapping[str, str], variables: Variables) -> ScriptPlan:
    by_name = {name.casefold(): value for name, value in raw.items()}

    def text(name: str) -> str:
        return by_name.get(f"{_SCRIPT}{name}".casefold(), "")

    parameters = variables.evaluate(text("ScriptParameters")).text
    bodies = [(syntax, text(f"ScriptBody[{syntax}]")) for syntax in SYNTAXES]
    if text("ScriptBody").strip():
        bodies.insert(0, (text("Syntax").strip() or "Bash", text("ScriptBody")))
    syntax, body = next(((syntax, body) for syntax, body in bodies if body.strip()), ("", ""))
    if body:
        return ScriptPlan(_known(syntax), variables.evaluate(body, ParseMode.CONTINUE).text, parameters=parameters)
    file = variables.evaluate(text("ScriptFileName")).text
    if not file:
        raise StepRefused("The variables have neither a script nor the name of a script file.")
    known = {extension: syntax for syntax, extension in SYNTAXES.items()}
    return ScriptPlan(known.get(Path(file).suffix.lower(), Path(file).suffix), file=file, parameters=parameters)


def _known(syntax: str) -> str:
    known = {name.lower(): name for name in SYNTAXES}
    if syntax.lower() not in known:
        raise StepRefused(f"Scripts in '{syntax}' cannot be run. Use one of: {', '.join(SYNTAXES)}.")
    return known[syntax.lower()]


def _file_name(script: ScriptPlan) -> dict[str, str]:
    return {} if script.body is None else {f"{_SCRIPT}ScriptFileName": f"Script{SYNTAXES[script.syntax]}"}


def _packages(values: Mapping[str, str]) -> list[PackagePlan]:
    """The packages that were acquired for the script."""
    known = {name.casefold(): value for name, value in values.items()}
    packages = []
    for name, path in values.items():
        found = _REFERENCE.fullmatch(name)
        if found is None:
            continue
        reference = found[1]

        def of(member: str, reference: str = reference) -> str:
            return known.get(f"Octopus.Action.Package[{reference}].{member}".casefold(), "")

        if not path.strip():
            tell(f"The package '{reference}' was not acquired.")
        elif not Path(path).is_file():
            say(f"The package '{reference}' is no file here: {path}")
        else:
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            extract = of("Extract").strip().lower() == "true"
            size_bytes = Path(path).stat().st_size
            place = str(Path(path).resolve())
            packages.append(
                PackagePlan(
                    reference,
                    of("PackageId"),
                    of("PackageVersion"),
                    Path(path).name,
                    size_bytes,
                    digest,
                    extract,
                    path=place,
                )
            )
    return packages
