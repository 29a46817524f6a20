"""Packages deployed and transferred by the executor in a process of its own."""

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import pytest

from fakes.packages_of_an_agent import a_package, encoded
from octavo.executor.journal import Entry, Journal
from octavo.executor.plan import Deed, PackagePlan, Plan, plan_as_json

PACKAGE = "Octopus.Action.Package."
CUSTOM = f"{PACKAGE}CustomInstallationDirectory"


def deploy(
    folder: Path, package: PackagePlan, variables: dict[str, str] | None = None, deed: Deed = Deed.DEPLOY_PACKAGE
) -> subprocess.CompletedProcess[str]:
    work = folder / f"work-{secrets.token_hex(4)}"
    work.mkdir()
    known = {"Octopus.Environment.Name": "Dev", "Octopus.Action.Script.SuppressEnvironmentLogging": "True"}
    plan = Plan(None, (package,), {**known, **(variables or {})}, deed)
    (work / "plan.json").write_text(plan_as_json(plan))
    environment = {
        **os.environ,
        "TentacleHome": str(folder),
        "TentacleApplications": str(folder / "Applications"),
        "TentacleJournal": str(folder / "DeploymentJournal.xml"),
    }
    command = [sys.executable, "-m", "octavo.executor", "plan.json"]
    return subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, timeout=60)


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
    """script-execution 74."""
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
    """script-execution 76: a custom folder becomes the current one."""
    where = 'echo "> $PWD"; echo "> $(get_octopusvariable OctopusOriginalPackageDirectoryPath)"'
    package = a_package(tmp_path, {"PostDeploy.sh": where})
    site = tmp_path / "site"

    result = deploy(tmp_path, package, {CUSTOM: str(site)})

    assert said(result) == [f"> {site}", f"> {tmp_path}/Applications/Dev/Acme/1.0"]
    assert (encoded("Package.InstallationDirectoryPath"), encoded(str(site))) in outputs(result)


def test_a_failing_script_ends_the_action_and_deploy_failed_runs(tmp_path: Path) -> None:
    """script-execution 74."""
    members = {"Deploy.sh": "exit 7", "PostDeploy.sh": "echo '> never'", "DeployFailed.sh": "echo '> mended'; exit 3"}

    result = deploy(tmp_path, a_package(tmp_path, members))

    assert (result.returncode, said(result)) == (7, ["> mended"])


def test_packaged_scripts_can_be_switched_off(tmp_path: Path) -> None:
    result = deploy(tmp_path, a_package(tmp_path, {"Deploy.sh": "exit 7"}), {f"{PACKAGE}RunScripts": "False"})

    assert result.returncode == 0


def test_a_language_that_does_not_run_here_is_refused(tmp_path: Path) -> None:
    result = deploy(tmp_path, a_package(tmp_path, {"Deploy.csx": "WriteVerbose();"}))

    assert (result.returncode, "Write it in Bash" in result.stderr) == (1, True)


def test_a_custom_folder_is_written_over_and_emptied_only_when_asked(tmp_path: Path) -> None:
    """script-execution 76."""
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
    """script-execution 76."""
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


JOURNALLED = {"OctopusRetentionPolicySet": "Environments-1/Projects-1/Web/Machines-1/"}
SKIPPING = {**JOURNALLED, f"{PACKAGE}SkipIfAlreadyInstalled": "True"}


def test_what_is_installed_with_success_is_skipped_and_else_deployed_again(tmp_path: Path) -> None:
    """script-execution 75."""
    package = a_package(tmp_path, {"PostDeploy.sh": "echo '> deployed'; test ! -e ../fail"})
    root = tmp_path / "Applications/Dev/Acme"
    root.mkdir(parents=True)
    (root / "fail").touch()

    failed = deploy(tmp_path, package, SKIPPING)
    (root / "fail").unlink()
    again, skipped = deploy(tmp_path, package, SKIPPING), deploy(tmp_path, package, SKIPPING)
    forced = deploy(tmp_path, package, JOURNALLED)
    elsewhere = deploy(tmp_path, package, SKIPPING | {"OctopusRetentionPolicySet": "another"})

    assert [each.returncode for each in (failed, again, skipped, forced, elsewhere)] == [1, 0, 0, 0, 0]
    assert [len(said(each)) for each in (failed, again, skipped, forced, elsewhere)] == [1, 1, 0, 1, 1]
    assert "is installed already" in skipped.stdout
    where = encoded(f"{PACKAGE}InstallationDirectoryPath")
    assert (where, encoded(str(root / "1.0_1"))) in outputs(skipped)


def test_what_is_gone_is_deployed_again(tmp_path: Path) -> None:
    package = a_package(tmp_path, {"PostDeploy.sh": "echo '> deployed'"})
    deploy(tmp_path, package, SKIPPING)
    shutil.rmtree(tmp_path / "Applications/Dev/Acme/1.0")

    assert said(deploy(tmp_path, package, SKIPPING)) == ["> deployed"]


def test_a_step_knows_what_was_there_before(tmp_path: Path) -> None:
    """script-execution 84."""
    names = ("Installation", "SuccessfulInstallation")
    asks = "; ".join(
        f'echo "> $(get_octopusvariable Octopus.Tentacle.Previous{name}.OriginalInstalledPath)"' for name in names
    )
    package = a_package(tmp_path, {"PostDeploy.sh": f"{asks}; test ! -e ../fail"})
    root = tmp_path / "Applications/Dev/Acme"

    first = deploy(tmp_path, package, JOURNALLED)
    (root / "fail").touch()
    second, third = deploy(tmp_path, package, JOURNALLED), deploy(tmp_path, package, JOURNALLED)

    assert said(first) == ["> ", "> "]
    assert said(second) == [f"> {root}/1.0", f"> {root}/1.0"]
    assert said(third) == [f"> {root}/1.0_1", f"> {root}/1.0"]
    (root / "fail").unlink()
    assert said(deploy(tmp_path, package, {"OctopusRetentionPolicySet": "another"})) == ["> ", "> "]


def test_an_entry_has_everything_and_two_executors_lose_none(tmp_path: Path) -> None:
    """script-execution 70, 83."""
    package = a_package(tmp_path, {"a": ""})
    site = str(tmp_path / "site")
    variables = {**JOURNALLED, CUSTOM: site} | {
        f"Octopus.{name}.Id": f"{kind}-1"
        for name, kind in (("Environment", "Environments"), ("Project", "Projects"), ("Deployment.Tenant", "Tenants"))
    }
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: deploy(tmp_path, package, variables), range(4)))

    entries = ElementTree.parse(tmp_path / "DeploymentJournal.xml").getroot().findall("Deployment")
    assert [each.returncode for each in results] == [0] * 4
    assert len(entries) == len({each.get("Id") for each in entries}) == 4
    assert {each.get("ExtractedTo") for each in entries} == {
        f"{tmp_path}/Applications/Dev/Acme/{name}" for name in ("1.0", "1.0_1", "1.0_2", "1.0_3")
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", entries[0].get("InstalledOn") or "")
    policy_set = JOURNALLED["OctopusRetentionPolicySet"]
    known = {"CustomInstallationDirectory": site, "WasSuccessful": "True", "RetentionPolicySet": policy_set}
    assert known.items() <= entries[0].attrib.items()
    package_of_it = entries[0].find("Package")
    assert package_of_it is not None
    assert {"PackageId": "Acme", "PackageVersion": "1.0"}.items() <= package_of_it.attrib.items()
    assert (package_of_it.get("DeployedFrom") or "").endswith(package.file_name)
    others = {"Id", "EnvironmentId", "TenantId", "ProjectId", "InstalledOn", "ExtractedTo"}
    assert set(entries[0].keys()) == others | known.keys()
    ids = {"EnvironmentId": "Environments-1", "ProjectId": "Projects-1", "TenantId": "Tenants-1"}
    assert ids.items() <= entries[0].attrib.items()


def test_a_journal_that_cannot_be_written_keeps_its_old_entries(tmp_path: Path) -> None:
    """script-execution 83: whoever is cut off in the middle of writing leaves the old file."""
    file = tmp_path / "DeploymentJournal.xml"
    Journal(file).add(an_entry("1"))
    before = file.read_bytes()
    cut_off = (
        "import resource, signal, sys; from pathlib import Path; from test_deploy import an_entry\n"
        "from octavo.executor.journal import Journal\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before)}, {len(before)}))\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
        "Journal(Path(sys.argv[1])).add(an_entry('2' * 100_000))\n"
    )

    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    ended = subprocess.run([sys.executable, "-c", cut_off, str(file)], env=environment, capture_output=True)

    assert ended.returncode == -signal.SIGXFSZ, ended.stderr.decode()
    assert file.read_bytes() == before
    Journal(file).add(an_entry("3"))
    assert [entry.version for entry in Journal(file).all_entries()] == ["1", "3"]


def an_entry(version: str) -> Entry:
    return Entry("S", "Acme", version, "/nowhere", "", was_successful=True)


def test_a_damaged_journal_is_put_aside_and_nothing_fails(tmp_path: Path) -> None:
    (tmp_path / "DeploymentJournal.xml").write_text("<Deployments><Deploy")

    result = deploy(tmp_path, a_package(tmp_path, {"a": ""}), JOURNALLED)

    assert (result.returncode, "cannot be read" in result.stdout) == (0, True)
    assert (tmp_path / "DeploymentJournal.damaged").exists()
    assert len(ElementTree.parse(tmp_path / "DeploymentJournal.xml").getroot()) == 1


def test_a_step_may_leave_no_trace_in_the_journal(tmp_path: Path) -> None:
    deploy(tmp_path, a_package(tmp_path, {"a": ""}), JOURNALLED | {"Octopus.Action.SkipJournal": "True"})

    assert not (tmp_path / "DeploymentJournal.xml").exists()


def test_variables_are_put_into_files_after_pre_deploy_and_before_the_copy(tmp_path: Path) -> None:
    """script-execution 74."""
    members = {"PreDeploy.sh": "cat app.ini; echo", "app.ini": "> #{Color}", "PostDeploy.sh": "cat app.ini; echo"}
    variables = {
        "Color": "green",
        "Octopus.Action.EnabledFeatures": "Octopus.Features.SubstituteInFiles",
        "Octopus.Action.SubstituteInFiles.TargetFiles": "*.ini",
        CUSTOM: str(tmp_path / "site"),
    }

    result = deploy(tmp_path, a_package(tmp_path, members), variables)

    assert said(result) == ["> #{Color}", "> green"]
    assert (tmp_path / "site/app.ini").read_text() == "> green"


def test_what_a_script_sets_is_known_to_those_behind_it(tmp_path: Path) -> None:
    """§4.1 of script-execution: under its own name, and as an output of the step and its machine."""
    show = 'echo "> $(get_octopusvariable A)|$(get_octopusvariable "Octopus.Action[Place].Output[web-1].A")"'
    members = {"PreDeploy.sh": "set_octopusvariable A 'x y'", "Deploy.sh": show}
    names = {"Octopus.Action.Name": "Place", "Octopus.Machine.Name": "web-1"}

    result = deploy(tmp_path, a_package(tmp_path, members), names)

    assert (result.returncode, said(result)) == (0, ["> x y|x y"])
    assert (encoded("A"), encoded("x y")) in outputs(result)


def test_a_script_may_skip_what_remains(tmp_path: Path) -> None:
    members = {
        "PreDeploy.sh": "set_octopusvariable Octopus.Action.SkipRemainingConventions True",
        "Deploy.sh": "echo '> never'",
    }

    result = deploy(tmp_path, a_package(tmp_path, members))

    assert (result.returncode, said(result)) == (0, [])
    assert 'WasSuccessful="True"' in (tmp_path / "DeploymentJournal.xml").read_text()
