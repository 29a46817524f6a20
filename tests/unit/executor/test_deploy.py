"""Packages deployed and transferred by the executor in a process of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.packages_of_an_agent import a_package, encoded
from octavo.executor.plan import Deed, PackagePlan, Plan, plan_as_json

PACKAGE = "Octopus.Action.Package."
CUSTOM = f"{PACKAGE}CustomInstallationDirectory"


def deploy(
    folder: Path, package: PackagePlan, variables: dict[str, str] | None = None, deed: Deed = Deed.DEPLOY_PACKAGE
) -> subprocess.CompletedProcess[str]:
    (folder / "work").mkdir(exist_ok=True)
    known = {"Octopus.Environment.Name": "Dev", "Octopus.Action.Script.SuppressEnvironmentLogging": "True"}
    plan = Plan(None, (package,), {**known, **(variables or {})}, deed)
    (folder / "work/plan.json").write_text(plan_as_json(plan))
    environment = {**os.environ, "TentacleHome": str(folder), "TentacleApplications": str(folder / "Applications")}
    command = [sys.executable, "-m", "octavo.executor", "plan.json"]
    return subprocess.run(command, cwd=folder / "work", env=environment, capture_output=True, text=True, timeout=60)


def said(result: subprocess.CompletedProcess[str]) -> list[str]:
    """What its scripts said, without service messages and our own lines."""
    return [line for line in result.stdout.splitlines() if line.startswith("> ")]


def outputs(result: subprocess.CompletedProcess[str]) -> set[tuple[str, str]]:
    return set(re.findall(r"##octopus\[setVariable name='(\S*)' value='(\S*)'\]", result.stdout))


def test_each_deployment_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    package = a_package(tmp_path, {"index.html": "hello"})

    first, second = deploy(tmp_path, package), deploy(tmp_path, package, {"Octopus.Environment.Name": "D/e:v"})
    third = deploy(tmp_path, package)

    root = tmp_path / "Applications/Dev/Acme"
    assert [each.returncode for each in (first, second, third)] == [0, 0, 0]
    assert sorted(each.name for each in root.iterdir()) == ["1.0", "1.0_1", "1.0_2"]
    assert (root / "1.0/index.html").read_text() == "hello"
    for name in (f"{PACKAGE}InstallationDirectoryPath", "Package.InstallationDirectoryPath"):
        assert (encoded(name), encoded(str(root / "1.0"))) in outputs(first)
    assert (encoded("Package.ExtractedFileCount"), encoded("1")) in outputs(first)


def test_scripts_of_the_stages_run_in_their_order_and_are_removed(tmp_path: Path) -> None:
    stages = ("PreDeploy", "Deploy", "PostDeploy")
    members = {f"{stage}.sh": f'echo "> packaged {stage} $(get_octopusvariable Color)"' for stage in stages}
    package = a_package(tmp_path, members | {"deploy.py": "print('> never')"})
    configured = {f"Octopus.Action.CustomScripts.{stage}.sh": f'echo "> configured {stage}"' for stage in stages}

    result = deploy(tmp_path, package, {"Color": "green", **configured})

    assert said(result) == [
        "> configured PreDeploy",
        "> packaged PreDeploy green",
        "> packaged Deploy green",
        "> configured Deploy",
        "> packaged PostDeploy green",
        "> configured PostDeploy",
    ]
    assert list((tmp_path / "Applications/Dev/Acme/1.0").iterdir()) == []


def test_scripts_know_where_they_are(tmp_path: Path) -> None:
    where = 'echo "> $PWD"; echo "> $(get_octopusvariable OctopusOriginalPackageDirectoryPath)"'
    package = a_package(tmp_path, {"PostDeploy.sh": where})
    site = tmp_path / "site"

    result = deploy(tmp_path, package, {CUSTOM: str(site)})

    assert said(result) == [f"> {site}", f"> {tmp_path}/Applications/Dev/Acme/1.0"]
    assert (encoded("Package.InstallationDirectoryPath"), encoded(str(site))) in outputs(result)


def test_a_failing_script_ends_the_action_and_deploy_failed_runs(tmp_path: Path) -> None:
    members = {"Deploy.sh": "exit 7", "PostDeploy.sh": "echo '> never'", "DeployFailed.sh": "echo '> mended'; exit 3"}

    result = deploy(tmp_path, a_package(tmp_path, members))

    assert (result.returncode, said(result)) == (7, ["> mended"])


def test_packaged_scripts_can_be_switched_off(tmp_path: Path) -> None:
    result = deploy(tmp_path, a_package(tmp_path, {"Deploy.sh": "exit 7"}), {f"{PACKAGE}RunScripts": "False"})

    assert result.returncode == 0


def test_a_language_that_does_not_run_here_is_refused(tmp_path: Path) -> None:
    result = deploy(tmp_path, a_package(tmp_path, {"Deploy.ps1": "Write-Host"}))

    assert (result.returncode, "Write it in Bash" in result.stderr) == (1, True)


def test_a_custom_folder_is_written_over_and_emptied_only_when_asked(tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "logs").mkdir(parents=True)
    for name in ("logs/today", "old.html", "settings.local"):
        (site / name).write_text("old")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/kept").write_text("kept")
    (site / "link").symlink_to(tmp_path / "outside")
    package = a_package(tmp_path, {"index.html": "new"})
    purge = {f"{CUSTOM}ShouldBePurgedBeforeDeployment": "True", f"{CUSTOM}PurgeExclusions": "logs\n*.local"}

    deploy(tmp_path, package, {CUSTOM: str(site)})
    assert sorted(each.name for each in site.iterdir()) == ["index.html", "link", "logs", "old.html", "settings.local"]
    deploy(tmp_path, package, {CUSTOM: str(site), **purge})

    assert sorted(each.name for each in site.iterdir()) == ["index.html", "logs", "settings.local"]
    assert (site / "logs/today").read_text() == "old"
    assert (tmp_path / "outside/kept").read_text() == "kept"


@pytest.mark.parametrize("folder", ["site", "/", "{}/Applications", "{}/Applications/Dev/Acme/1.0/inside"])
def test_a_custom_folder_that_cannot_be_is_refused(tmp_path: Path, folder: str) -> None:
    result = deploy(tmp_path, a_package(tmp_path, {"a": ""}), {CUSTOM: folder.format(tmp_path)})

    assert (result.returncode, "The custom installation folder" in result.stderr) == (1, True)


def test_too_little_space_is_said_before_anything_is_written(tmp_path: Path) -> None:
    wanted = {"OctopusFreeDiskSpaceOverrideInMegaBytes": "999999999999"}

    result = deploy(tmp_path, a_package(tmp_path, {"a": ""}), wanted)

    assert (result.returncode, "MB left" in result.stderr) == (1, True)
    assert list((tmp_path / "Applications").iterdir()) == []


def test_a_package_is_transferred_as_a_file(tmp_path: Path) -> None:
    package = a_package(tmp_path, {"a": "new"})
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / package.file_name).write_text("an older one")

    result = deploy(tmp_path, package, {f"{PACKAGE}TransferPath": f"{tmp_path}/drop"}, Deed.TRANSFER_PACKAGE)

    assert result.returncode == 0
    assert (tmp_path / "drop" / package.file_name).read_bytes() == (tmp_path / "Files" / package.file_name).read_bytes()
    assert (encoded("Package.FilePath"), encoded(f"{tmp_path}/drop/{package.file_name}")) in outputs(result)


@pytest.mark.parametrize("name", ["../a", ".", "a/b"])
def test_a_transferred_file_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    wanted = {f"{PACKAGE}TransferPath": f"{tmp_path}/drop", f"{PACKAGE}OriginalFileName": name}

    result = deploy(tmp_path, a_package(tmp_path, {"a": ""}), wanted, Deed.TRANSFER_PACKAGE)

    assert (result.returncode, "cannot be the name of a file" in result.stderr) == (1, True)
