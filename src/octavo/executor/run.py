"""Carries out a plan on a worker: prepares the packages, then runs the script; its exit code is ours.

`python -m octavo.executor PLAN` with our agent, `python3 octavo-executor-….pyz PLAN` elsewhere. The current folder is
the job's own (0700). Says what it does by service messages on stdout, and what went wrong on stderr.

Source: script-execution.md §2.3, §2.4, §5.9.
"""

import base64
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from octavo.executor import bash, python
from octavo.executor.extract import ExtractionRefused, extract
from octavo.executor.fetch import PackageCache, PackageNotFetched, use_local_file
from octavo.executor.plan import PackagePlan, Plan, PlanNotUnderstood, ScriptPlan, plan_from_json

#: Where packages are cached; without it, in the agent's home; where that cannot be written, in the job's folder.
CACHE_VARIABLE = "OCTAVO_PACKAGE_CACHE"

_INTERPRETERS = {"Bash": ("/bin/bash",), "Python": ("python3", "-u")}
_DOUBLE_EXTENSION = re.compile(r"(\.tar)?\.[A-Za-z0-9]+$")


class StepRefused(Exception):
    """The step cannot be run; the message says why."""


def main() -> int:
    """Run the plan that the command line names; returns the exit code."""
    if len(sys.argv) != 2:
        print("usage: python -m octavo.executor PLAN", file=sys.stderr)  # noqa: T201
        return 1
    try:
        plan = plan_from_json(Path(sys.argv[1]).read_text("utf-8"))
        Path(sys.argv[1]).unlink()  # it holds secrets and tokens; nobody needs it any more
        return run_plan(plan, Path.cwd())
    except (PlanNotUnderstood, PackageNotFetched, ExtractionRefused, StepRefused, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1


def run_plan(plan: Plan, folder: Path) -> int:
    """Prepare the packages in `folder`, then run the script; its exit code (0 without a script)."""
    variables = dict(plan.variables)
    for package in plan.packages:
        for name, value in _prepare(package, folder).items():
            variables[name] = value
            message("setVariable", name=name, value=value)
    if plan.script is None:
        return 0
    return _run(plan.script, variables, folder)


def say(text: str) -> None:
    """A verbose line."""
    _write(f"##octopus[stdout-verbose]\n{text}\n##octopus[stdout-default]\n")


def warn(text: str) -> None:
    """A warning line."""
    _write(f"##octopus[stdout-warning]\n{text}\n##octopus[stdout-default]\n")


def message(name: str, /, **attributes: str) -> None:
    """A service message."""
    encoded = "".join(
        f" {key}='{base64.b64encode(value.encode('utf-8', 'surrogateescape')).decode('ascii')}'"
        for key, value in attributes.items()
    )
    _write(f"##octopus[{name}{encoded}]\n")


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _prepare(package: PackagePlan, folder: Path) -> dict[str, str]:
    """Put one package in its place; the variables that say where."""
    say(f"Preparing package {package.package_id} {package.version}")
    if package.path is not None:
        return _place(package, use_local_file(package, _home()), folder)
    with PackageCache(_cache_folder(folder), say).use(package) as file:
        return _place(package, file, folder)


def _place(package: PackagePlan, file: Path, folder: Path) -> dict[str, str]:
    prefix = f"Octopus.Action.Package[{package.reference}]"
    name = re.sub(r"[\x00-\x1f/\\]", "_", package.reference)
    place = folder / (f"_{name}" if name in (".", "..") else name)
    known = {f"{prefix}.PackageId": package.package_id, f"{prefix}.PackageVersion": package.version}
    if package.extract or not package.reference:
        count = extract(file, package.file_name, place, warn)
        say(f"Extracted {count} files of {package.file_name} to {place}")
        outputs = {f"{prefix}.ExtractedPath": str(place)} if package.reference else {
            "OctopusOriginalPackageDirectoryPath": str(place), "Package.ExtractedFileCount": str(count)}  # fmt: skip
        return known | outputs
    extension = _DOUBLE_EXTENSION.search(package.file_name)
    place = place.with_name(place.name + (extension[0] if extension else ""))
    shutil.copyfile(file, place)
    return known | {f"{prefix}.PackageFilePath": str(place), f"{prefix}.PackageFileName": place.name}


def _cache_folder(folder: Path) -> Path:
    named = os.environ.get(CACHE_VARIABLE)
    candidate = Path(named) if named else _home() / "Cache" / "packages"
    try:
        candidate.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.access(candidate, os.W_OK):
            return candidate
    except OSError:
        pass
    return folder / ".packages"


def _home() -> Path:
    return Path(os.environ.get("TentacleHome") or Path.cwd())  # noqa: SIM112 - the agent spells it so


def _run(script: ScriptPlan, variables: Mapping[str, str], folder: Path) -> int:
    """Compose the script beside the file it comes from, and run it there."""
    if script.body is not None:
        source, place = script.body, folder / f"Script.{'sh' if script.syntax == 'Bash' else 'py'}"
    else:
        place = _script_file(script, folder)
        source = place.read_text("utf-8-sig")
    composed = place.with_name(f"Bootstrap.{secrets.token_hex(4)}.{place.name}")
    try:
        with open(composed, "x", encoding="utf-8", newline="", opener=_private) as file:
            file.write(_compose(script, source, variables))
        return _wait_for([*_INTERPRETERS[script.syntax], str(composed)], place.parent, folder)
    finally:
        composed.unlink(missing_ok=True)


def _script_file(script: ScriptPlan, folder: Path) -> Path:
    if not script.file:
        raise StepRefused("The step has neither a script nor the name of a script file in its package.")
    place = Path(os.path.realpath(folder / script.file.replace("\\", "/")))
    if not place.is_relative_to(os.path.realpath(folder)) or not place.is_file():
        raise StepRefused(
            f"The package has no script file {script.file}. Is its path spelled exactly as in the package?"
        )
    return place


def _compose(script: ScriptPlan, source: str, variables: Mapping[str, str]) -> str:
    compose = {"Bash": bash.compose, "Python": python.compose}.get(script.syntax)
    if compose is None:
        raise StepRefused(f"Scripts in '{script.syntax}' cannot be run. Use one of: {', '.join(_INTERPRETERS)}.")
    try:
        return compose(source, variables, script.parameters)
    except ValueError as error:
        raise StepRefused(str(error)) from error


def _wait_for(command: list[str], working_folder: Path, folder: Path) -> int:
    """Run the script; signals to end us go to it. Its exit code, or 128 + the signal that ended it."""
    environment = {**os.environ, "OctopusCalamariWorkingDirectory": str(folder)}
    with subprocess.Popen(command, cwd=working_folder, stdin=subprocess.DEVNULL, env=environment) as process:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda received, _: process.send_signal(received))
        code = process.wait()
    return code if code >= 0 else 128 - code


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
