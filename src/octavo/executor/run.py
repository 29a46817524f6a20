"""Carries out a plan on a worker: prepares the packages, then runs the script; its exit code is ours.

`python -m octavo.executor PLAN` with our agent, `python3 octavo-executor-….pyz PLAN` elsewhere. The current folder is
the job's own (0700). Says what it does by service messages on stdout, and what went wrong on stderr.

Source: script-execution.md §2.3, §2.4, §5.9.
"""

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from octavo.executor.containers import ContainerRefused, prepare_container
from octavo.executor.deploy import deploy_package
from octavo.executor.dotnet_config import replace_in_configuration, transform_configuration
from octavo.executor.extract import ExtractionRefused, extract
from octavo.executor.fetch import PackageCache, PackageNotFetched, limits_of, use_local_file
from octavo.executor.messages import message, say, warn
from octavo.executor.plan import Deed, PackagePlan, Plan, PlanNotUnderstood, plan_from_json
from octavo.executor.scripts import StepRefused, Surroundings, run_script, script_file
from octavo.executor.structured import replace_in_structured_files, replaces_structured
from octavo.executor.substitute import substitute_file, substitute_in_files, substitutes
from octavo.executor.templates import TemplateError, Variables
from octavo.executor.transfer import transfer_package
from octavo.executor.variable_files import VariablesRefused

#: Where packages are cached; without it, in the agent's home; where that cannot be written, in the job's folder.
RECURSION = 101  # the exit code for a variable that refers to itself
CACHE_VARIABLE = "OCTAVO_PACKAGE_CACHE"

#: What ends a step with its message and exit code 1.
_REFUSALS = (
    PlanNotUnderstood,
    PackageNotFetched,
    ExtractionRefused,
    StepRefused,
    ContainerRefused,
    VariablesRefused,
    OSError,
)
_DOUBLE_EXTENSION = re.compile(r"(\.tar)?\.[A-Za-z0-9]+$")


def run_plan_file(path: Path) -> int:
    """Run the plan in this file, which is removed; returns the exit code."""

    def read() -> Plan:
        plan = plan_from_json(path.read_text("utf-8"))
        path.unlink()  # it holds secrets and tokens; nobody needs it any more
        return plan

    return run(read)


def run(read_plan: Callable[[], Plan]) -> int:
    """Run a plan in the current folder; the exit code. What went wrong is said on stderr."""
    try:
        return run_plan(read_plan(), Path.cwd())
    except TemplateError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return RECURSION
    except _REFUSALS as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1


def run_plan(plan: Plan, folder: Path) -> int:
    """Prepare the packages in `folder`, then run the script or do what else the plan says; the exit code."""
    variables = dict(plan.variables)
    if plan.deed is not Deed.RUN_SCRIPT:
        package = plan.packages[0]
        with _fetched(package, folder) as file:
            if plan.deed is Deed.TRANSFER_PACKAGE:
                return transfer_package(package, file, variables)
            return deploy_package(package, file, variables)
    for package in plan.packages:
        for name, value in _prepare(package, folder).items():
            variables[name] = value
            message("setVariable", name=name, value=value)
    if plan.script is None:
        return 0
    if plan.script.file is not None:
        substitute_file(script_file(plan.script, folder), Variables(variables))
    if plan.packages and substitutes(variables):
        substitute_in_files(folder, variables)
    if plan.packages:
        transform_configuration(folder, variables)
        replace_in_configuration(folder, variables)
    if plan.packages and replaces_structured(variables):
        replace_in_structured_files(folder, variables)
    container = prepare_container(plan.image, folder) if plan.image else None
    return run_script(plan.script, variables, Surroundings(folder, container))


def _prepare(package: PackagePlan, folder: Path) -> dict[str, str]:
    """Put one package in its place; the variables that say where."""
    with _fetched(package, folder) as file:
        return {} if package.is_staged_only else _place(package, file, folder)


@contextmanager
def _fetched(package: PackagePlan, folder: Path) -> Iterator[Path]:
    """The package's file on this machine, checked."""
    say(f"Preparing package {package.package_id} {package.version}")
    if package.path is not None:
        yield use_local_file(package, _home())
        return
    with PackageCache(_cache_folder(folder), say, limits_of(os.environ)).use(package) as file:
        yield file


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
