"""Deploys a package: extracts it into a folder of its own, then carries out its conventions in their order.

Each deployment gets a new folder, so the running version is never written over; a custom installation folder gets a
copy. Scripts of a stage come from the step (configured) and from the package's root (packaged).

Source: script-execution.md §5.8, §5.10, §5.12.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

from octavo.executor.composing import SYNTAXES
from octavo.executor.dotnet_config import replace_in_configuration, transform_configuration
from octavo.executor.extract import extract
from octavo.executor.journal import Entry, journal_of, previous_variables
from octavo.executor.messages import message, say, tell, warn
from octavo.executor.plan import PackagePlan, ScriptPlan
from octavo.executor.retention import clean, keep_of
from octavo.executor.scripts import StepRefused, Surroundings, run_script
from octavo.executor.structured import replace_in_structured_files, replaces_structured
from octavo.executor.substitute import substitute_in_files, substitutes

_PACKAGE = "Octopus.Action.Package."
_CUSTOM = f"{_PACKAGE}CustomInstallationDirectory"
_CONFIGURED = "Octopus.Action.CustomScripts."
_SYNTAXES = {extension: syntax for syntax, extension in SYNTAXES.items()}
_OTHER_SYNTAXES = (".csx", ".fsx")
_FREE_MEGABYTES = 500


class _StageFailed(Exception):
    """A script of a stage ended with this exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"A script of the package ended with exit code {code}.")
        self.code = code


def deploy_package(package: PackagePlan, archive: Path, variables: Mapping[str, str]) -> int:
    """Extract the package and carry out its conventions; the exit code.

    Raises:
        StepRefused: a folder cannot be used, or a script's language does not run here.
        ExtractionRefused: the package is damaged, or would do what packages may not.
    """
    known = dict(variables)
    journal = journal_of(known)
    policy_set = known.get("OctopusRetentionPolicySet", "")
    before = journal.entries(policy_set)
    known |= previous_variables(before)
    if (installed := _installed_already(package, before, known)) is not None:
        _say_where(known, Path(installed.custom_folder or installed.extracted_to))
        return 0
    root = _applications(known)
    _check_free_space(root, known)
    place = _new_folder(root, known, package)
    count = extract(archive, package.file_name, place, warn)
    say(f"Extracted {count} files of {package.file_name} to {place}")
    _tell(known, {"OctopusOriginalPackageDirectoryPath": str(place), "Package.ExtractedFileCount": str(count)})
    _say_where(known, place)
    known.setdefault(_CUSTOM, str(place))
    code, current = _carry_out(place, known)
    journal.add(
        Entry(
            policy_set=policy_set,
            package_id=package.package_id,
            version=package.version,
            extracted_to=str(place),
            custom_folder=str(current) if current != place else "",
            was_successful=code == 0,
            deployed_from=str(archive),
            environment_id=known.get("Octopus.Environment.Id", ""),
            tenant_id=known.get("Octopus.Deployment.Tenant.Id", ""),
            project_id=known.get("Octopus.Project.Id", ""),
        )
    )
    if code == 0 and (keep := keep_of(known)) is not None:
        clean(journal, policy_set, keep)
    return code


def _carry_out(place: Path, known: dict[str, str]) -> tuple[int, Path]:
    """The conventions behind the extraction; the exit code, and where the package is in the end."""
    current = place
    try:
        for convention in _CONVENTIONS:
            current = convention(current, known)
            if known.get("Octopus.Action.SkipRemainingConventions", "").strip().lower() == "true":
                say("The remaining conventions are skipped, as a script has asked.")
                break
    except _StageFailed as failure:
        known |= {"OctopusLastError": str(failure), "OctopusLastErrorMessage": str(failure)}
        _run_after_failure(current, known)
        return failure.code, current
    return 0, current


def _substitute(folder: Path, variables: dict[str, str]) -> Path:
    if substitutes(variables):
        substitute_in_files(folder, variables)
    return folder


def _configure_dotnet(folder: Path, variables: dict[str, str]) -> Path:
    transform_configuration(folder, variables)
    replace_in_configuration(folder, variables)
    return folder


def _replace_structured(folder: Path, variables: dict[str, str]) -> Path:
    if replaces_structured(variables):
        replace_in_structured_files(folder, variables)
    return folder


def _installed_already(package: PackagePlan, before: list[Entry], variables: Mapping[str, str]) -> Entry | None:
    """The deployment of this very version that makes another one needless, if the step wants to know of it."""
    if variables.get(f"{_PACKAGE}SkipIfAlreadyInstalled", "").lower() != "true":
        return None
    mine = (package.package_id.lower(), package.version.lower())
    latest = next((each for each in reversed(before) if (each.package_id.lower(), each.version.lower()) == mine), None)
    if latest is None:
        return None
    if not latest.was_successful or not latest.is_there:
        why = "did not succeed" if latest.is_there else "is gone"
        tell(f"The last deployment of {package.package_id} {package.version} {why}: it is deployed again.")
        return None
    tell(f"{package.package_id} {package.version} is installed already: nothing is done.")
    return latest


# ---- Folders ---------------------------------------------------------------------------------------------------------


def _applications(variables: Mapping[str, str]) -> Path:
    """Where deployed packages go; a confined job sees a folder of its own by this name."""
    named = os.environ.get("TentacleApplications")  # noqa: SIM112 - the agent spells it so
    path = variables.get("Octopus.Tentacle.Agent.ApplicationDirectoryPath", "").strip() or named
    return Path(path) if path else Path.home() / "Applications"


def _new_folder(root: Path, variables: Mapping[str, str], package: PackagePlan) -> Path:
    parts = [variables.get(f"Octopus.{name}", "") for name in ("Deployment.Tenant.Name", "Environment.Name")]
    parent = root.joinpath(*(legal for part in parts if (legal := _legal(part))), _escaped(package.package_id))
    parent.mkdir(parents=True, exist_ok=True)
    version, number = _escaped(package.version), 0
    while True:
        place = parent / (f"{version}_{number}" if number else version)
        try:
            place.mkdir()  # fails when another deployment has it: no lock is needed
        except FileExistsError:
            number += 1
        else:
            return place


def _legal(name: str) -> str:
    """A name without what file names cannot hold."""
    legal = re.sub(r'[\x00-\x1f<>:"/\\|?*]', "", name).strip()
    return "" if legal in (".", "..") else legal


def _escaped(text: str) -> str:
    return re.sub(r'[%<>:"/\\|?@]', lambda found: f"%{ord(found[0]):02X}", text)


def _check_free_space(root: Path, variables: Mapping[str, str]) -> None:
    if variables.get("OctopusSkipFreeDiskSpaceCheck", "").lower() == "true":
        return
    wanted = variables.get("OctopusFreeDiskSpaceOverrideInMegaBytes", "")
    megabytes = int(wanted) if wanted.isdigit() else _FREE_MEGABYTES
    root.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(root).free // 2**20
    if free < megabytes:
        raise StepRefused(
            f"The disk of {root} has {free} MB left; a deployment wants {megabytes} MB. Remove old packages, or set "
            "the variable OctopusFreeDiskSpaceOverrideInMegaBytes."
        )


def _copy_to_custom_folder(place: Path, variables: dict[str, str]) -> Path:
    wanted = variables.get(_CUSTOM, "").strip()
    target = Path(os.path.normpath(wanted))
    if not wanted or target == place:
        return place
    if not target.is_absolute() or target == Path(target.anchor):
        raise StepRefused(f"The custom installation folder '{wanted}' must be an absolute path below the root.")
    if target.is_relative_to(place) or place.is_relative_to(target):
        raise StepRefused(f"The custom installation folder '{wanted}' and {place} must not contain each other.")
    target.mkdir(parents=True, exist_ok=True)
    if variables.get(f"{_CUSTOM}ShouldBePurgedBeforeDeployment", "").lower() == "true":
        kept = variables.get(f"{_CUSTOM}PurgeExclusions", "")
        say(f"Emptying {target}")
        _purge(target, [line.strip() for line in kept.splitlines() if line.strip()])
    shutil.copytree(place, target, dirs_exist_ok=True)
    count = sum(len(files) for _, _, files in os.walk(place))
    say(f"Copied {count} files to {target}")
    _tell(variables, {"Package.CopiedFileCount": str(count)})
    _say_where(variables, target)
    return target


def _purge(folder: Path, kept: Iterable[str]) -> None:
    """Empty the folder but for what the patterns keep; links are removed, never followed."""
    patterns = [each.replace("\\", "/").removeprefix("./").lower() for each in kept]

    def is_kept(path: Path) -> bool:
        name = path.relative_to(folder).as_posix().lower()
        return any(fnmatch(name, each) or fnmatch(name, f"{each.rstrip('/')}/*") for each in patterns)

    for parent, folders, files in os.walk(folder, topdown=False):
        for name in files + folders:
            path = Path(parent) / name
            if is_kept(path):
                continue
            if path.is_symlink() or not path.is_dir():
                path.unlink()
            elif not any(path.iterdir()):
                path.rmdir()


# ---- Scripts ---------------------------------------------------------------------------------------------------------


def _run_configured(stage: str, folder: Path, variables: dict[str, str]) -> Path:
    """The step's own scripts of this stage, in every language it has one in."""
    for extension in (*_SYNTAXES, *_OTHER_SYNTAXES):
        name = f"{_CONFIGURED}{stage}{extension}"
        body = variables.get(name, "")
        if body.strip():
            file = folder / name
            file.write_text(body, encoding="utf-8")
            _run(file, variables)
            _clean_up([file], variables)
    return folder


def _run_packaged(stage: str, folder: Path, variables: dict[str, str]) -> Path:
    """The best script of this stage in the folder's root; then all of the stage are removed."""
    if variables.get(f"{_PACKAGE}RunScripts", "").lower() == "false":
        return folder
    order = (*_SYNTAXES, *_OTHER_SYNTAXES)
    found = [each for each in folder.iterdir() if each.is_file() and each.stem.lower() == stage.lower()]
    found = sorted(
        (each for each in found if each.suffix.lower() in order), key=lambda each: order.index(each.suffix.lower())
    )
    if not found:
        return folder
    if len(found) > 1:
        say(f"Of {', '.join(each.name for each in found)} only {found[0].name} is run")
    _run(found[0], variables)
    _clean_up(found, variables)
    return folder


def _run_after_failure(folder: Path, variables: dict[str, str]) -> None:
    """The package's own answer to a failure; what failed first decides the result."""
    try:
        _run_packaged("DeployFailed", folder, variables)
    except (_StageFailed, StepRefused, OSError) as error:
        warn(f"DeployFailed did not succeed either: {error}")


def _run(file: Path, variables: dict[str, str]) -> None:
    """Run a script; what it sets is known to those behind it."""
    syntax = _SYNTAXES.get(file.suffix.lower())
    if syntax is None:
        raise StepRefused(f"{file.name} cannot be run here. Write it in Bash (.sh), Python (.py) or PowerShell (.ps1).")
    step, machine = variables.get("Octopus.Action.Name", ""), variables.get("Octopus.Machine.Name", "")

    def hear(name: str, value: str) -> None:
        output = f"Octopus.Action[{step}].Output"
        places = (name, f"{output}.{name}", *((f"{output}[{machine}].{name}",) if machine else ()))
        variables.update(dict.fromkeys(places, value))

    say(f"Running {file.name}")
    code = run_script(ScriptPlan(syntax, file=file.name), variables, Surroundings(file.parent, hear=hear))
    if code:
        raise _StageFailed(code)


def _clean_up(scripts: Iterable[Path], variables: Mapping[str, str]) -> None:
    if variables.get("OctopusDeleteScriptsOnCleanup", "").lower() != "false":
        for script in scripts:
            script.unlink(missing_ok=True)


# ---- Words -----------------------------------------------------------------------------------------------------------


def _say_where(variables: dict[str, str], place: Path) -> None:
    names = ("Package.InstallationDirectoryPath", f"{_PACKAGE}InstallationDirectoryPath")
    _tell(variables, {name: str(place) for name in names})


def _tell(variables: dict[str, str], outputs: Mapping[str, str]) -> None:
    """Later scripts of this step know it at once, later steps by the output variable."""
    variables.update(outputs)
    for name, value in outputs.items():
        message("setVariable", name=name, value=value)


#: What happens behind the extraction, in this order: each takes the folder and gives the one to go on with.
_CONVENTIONS: tuple[Callable[[Path, dict[str, str]], Path], ...] = (
    partial(_run_configured, "PreDeploy"),
    partial(_run_packaged, "PreDeploy"),
    _substitute,
    _configure_dotnet,
    _replace_structured,
    _copy_to_custom_folder,
    partial(_run_packaged, "Deploy"),
    partial(_run_configured, "Deploy"),
    partial(_run_packaged, "PostDeploy"),
    partial(_run_configured, "PostDeploy"),
)
