"""Scripts in containers, by a real podman."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fakes.packages_of_an_agent import a_package
from octavo.executor.containers import ContainerRefused, find_engine, prepare_container
from octavo.executor.plan import PackagePlan, Plan, ScriptPlan, plan_as_json
from services_under_test.containers import Podman

QUIET = {"Octopus.Action.Script.SuppressEnvironmentLogging": "True"}


def start(
    folder: Path, podman: Podman, script: str, *packages: PackagePlan, image: str = ""
) -> "subprocess.Popen[str]":
    (folder / "work").mkdir(exist_ok=True)
    plan = Plan(ScriptPlan("Bash", script), packages, {**QUIET, "Who": "Ada"}, image=image or podman.image)
    (folder / "work/plan.json").write_text(plan_as_json(plan))
    environment = {**os.environ, **podman.environment, "TentacleHome": str(folder), "HTTPS_PROXY": "http://p"}
    command = [sys.executable, "-m", "octavo.executor", "plan.json"]
    return subprocess.Popen(
        command, cwd=folder / "work", env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_script_runs_in_the_container_and_sees_its_own_folder_only(tmp_path: Path, podman: Podman) -> None:
    (tmp_path / "secret-of-another-job").touch()
    package = a_package(tmp_path, {"f.txt": "from the package"}, reference="Acme")
    script = (
        "echo hello $(get_octopusvariable Who); cat Acme/f.txt; echo; ls ..; touch made; id -u; echo $HTTPS_PROXY"
        '; echo "[$CONTAINERS_CONF]"; set_octopusvariable X y; exit 7'
    )

    process = start(tmp_path, podman, script, package)
    output, errors = process.communicate(timeout=60)

    shown = output.partition("##octopus[stdout-default]\nhello")[2].splitlines()
    assert shown[:6] == [" Ada", "from the package", "work", "0", "http://p", "[]"]
    assert shown[6].startswith("##octopus[setVariable")
    assert (process.returncode, errors) == (7, "")
    assert (tmp_path / "work/made").exists()
    assert podman.run("ps", "--all", "--quiet") == ""


def test_ending_the_step_ends_the_container(tmp_path: Path, podman: Podman) -> None:
    process = start(tmp_path, podman, "touch begun; sleep 600")
    deadline = time.monotonic() + 60
    while not (tmp_path / "work/begun").exists() and time.monotonic() < deadline:
        time.sleep(0.02)

    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)

    assert process.returncode == 128 + signal.SIGKILL
    assert podman.run("ps", "--quiet") == ""


def test_an_image_that_cannot_be_had_is_named(tmp_path: Path, podman: Podman) -> None:
    process = start(tmp_path, podman, "true", image="localhost/nothing:1")
    _, errors = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "The image localhost/nothing:1 cannot be had by podman" in errors


@pytest.mark.parametrize("image", ["--privileged", "a b", "", "a;b"])
def test_what_is_no_name_of_an_image_never_reaches_the_engine(tmp_path: Path, podman: Podman, image: str) -> None:
    assert find_engine() == "podman"
    with pytest.raises(ContainerRefused, match="not the name of a container image"):
        prepare_container(image, tmp_path)


def test_a_machine_without_an_engine_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ContainerRefused, match="neither podman nor docker"):
        prepare_container("alpine", tmp_path)
