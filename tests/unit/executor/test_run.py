"""Whole plans, carried out by the executor in a process of its own: as a module and as the zipapp."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from fakes.packages_of_an_agent import a_package, encoded
from octavo.executor.plan import PackagePlan, Plan, PlanNotUnderstood, ScriptPlan, plan_as_json, plan_from_json
from octavo.executor.zipapp import build_zipapp


def run(
    folder: Path, plan: Plan, command: Sequence[str] = (sys.executable, "-m", "octavo.executor")
) -> subprocess.CompletedProcess[str]:
    (folder / "work").mkdir(exist_ok=True)
    (folder / "work/plan.json").write_text(plan_as_json(plan))
    environment = {**os.environ, "TentacleHome": str(folder)}
    return subprocess.run(
        [*command, "plan.json"], cwd=folder / "work", env=environment, capture_output=True, text=True, timeout=60
    )


def bash(body: str | None = None, file: str | None = None, parameters: str = "") -> ScriptPlan:
    return ScriptPlan("Bash", body, file, parameters)


def test_a_packaged_script_runs_in_its_own_folder(tmp_path: Path) -> None:
    """script-execution 20, 22."""
    package = a_package(tmp_path, {"scripts/a.sh": 'pwd; ls; get_octopusvariable V; echo " $1"; exit 7'})

    result = run(tmp_path, Plan(bash(file="scripts/a.sh", parameters="x"), (package,), {"V": "value"}))

    lines = result.stdout.splitlines()
    assert str(tmp_path / "work/scripts") in lines
    assert [re.sub(r"\.\w{8}\.", ".N.", line) for line in lines if line.endswith("a.sh")] == [
        "Bootstrap.N.a.sh",
        "a.sh",
    ]
    assert (lines[-1], result.returncode, result.stderr) == ("value x", 7, "")


@pytest.mark.parametrize("body", ["ls", "exit 3", "kill -9 $$"])
def test_generated_files_and_the_plan_are_gone_after_the_run(tmp_path: Path, body: str) -> None:
    """script-execution 26: after success and failure."""
    run(tmp_path, Plan(bash(body)))

    assert list((tmp_path / "work").iterdir()) == []


def test_generated_files_are_gone_when_the_run_is_cancelled(tmp_path: Path) -> None:
    """script-execution 26: asked to end, the executor ends its script and tidies up behind it."""
    (tmp_path / "plan.json").write_text(plan_as_json(Plan(bash("echo up; while :; do sleep 0.05; done"))))
    command = [sys.executable, "-m", "octavo.executor", "plan.json"]

    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while process.stdout.readline() != "up\n":
            assert process.poll() is None
        assert [each.name for each in tmp_path.iterdir()] != []
        process.terminate()
        process.wait(60)

    assert (process.returncode, list(tmp_path.iterdir())) == (128 + signal.SIGTERM, [])


def test_a_python_script_of_a_package_runs(tmp_path: Path) -> None:
    package = a_package(tmp_path, {"s.py": "import sys; print(get_octopusvariable('V'), sys.argv[1:])"})

    result = run(tmp_path, Plan(ScriptPlan("Python", file="s.py", parameters='"a b"'), (package,), {"V": "é"}))

    assert result.stdout.splitlines()[-1] == "é ['a b']"


def test_references_are_extracted_or_copied_and_said_as_variables(tmp_path: Path) -> None:
    """script-execution 71."""
    extracted = a_package(tmp_path, {"f": "x"}, "Tools/1")
    copied = a_package(tmp_path, {"f": "x"}, "Raw", extract=False)
    script = (
        "cat \"$(get_octopusvariable 'Octopus.Action.Package[Tools/1].ExtractedPath')/f\"; ls; "
        "get_octopusvariable 'Octopus.Action.Package[Raw].PackageFileName'"
    )

    result = run(tmp_path, Plan(bash(script), (extracted, copied)))

    assert result.stderr == ""
    lines = [line for line in result.stdout.splitlines() if "Bootstrap." not in line]
    assert lines[-3:] == ["Raw.zip", "Tools_1", "Raw.zip"]
    name, path = "Octopus.Action.Package[Raw].PackageFilePath", str(tmp_path / "work/Raw.zip")
    assert f"##octopus[setVariable name='{encoded(name)}' value='{encoded(path)}']" in result.stdout


@pytest.mark.parametrize("reference", ["..", "."])
def test_a_reference_cannot_name_another_folder(tmp_path: Path, reference: str) -> None:
    run(tmp_path, Plan(None, (a_package(tmp_path, {"f": "x"}, reference),)))

    assert (tmp_path / "work" / f"_{reference}" / "f").is_file()


def test_a_damaged_package_ends_the_step_before_the_script(tmp_path: Path) -> None:
    package = a_package(tmp_path, {"f": "x"})
    (tmp_path / "Files" / package.file_name).write_bytes(b"y" * package.size_bytes)

    result = run(tmp_path, Plan(bash("echo never"), (package,)))

    assert result.returncode == 1
    assert "is damaged: its SHA-256 is" in result.stderr
    assert "never" not in result.stdout


def test_a_package_that_climbs_out_ends_the_step(tmp_path: Path) -> None:
    """script-execution 67."""
    result = run(tmp_path, Plan(bash("echo never"), (a_package(tmp_path, {"a/../../x": "x"}),)))

    assert result.returncode == 1
    assert "would be written outside the package's folder" in result.stderr


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (bash(file="none.sh"), "no script file none.sh"),
        (bash(file="../plan.json"), "no script file"),
        (bash(), "neither a script nor"),
        (ScriptPlan("Perl", "x"), "Scripts in 'Perl' cannot be run"),
        (bash("a\0"), "NUL"),
    ],
)
def test_a_script_that_cannot_run_is_explained(tmp_path: Path, script: ScriptPlan, reason: str) -> None:
    """script-execution 21."""
    result = run(tmp_path, Plan(script))

    assert (result.returncode, reason in result.stderr) == (1, True)


def test_a_script_ended_by_a_signal_has_the_shells_exit_code(tmp_path: Path) -> None:
    assert run(tmp_path, Plan(bash("kill -9 $$"))).returncode == 137


def test_the_zipapp_does_the_same_and_is_always_the_same(tmp_path: Path) -> None:
    (tmp_path / "executor.pyz").write_bytes(build_zipapp())
    package = a_package(tmp_path, {"a.sh": "echo from the package"})

    result = run(
        tmp_path, Plan(bash(file="a.sh"), (package,)), (sys.executable, "-I", "-S", str(tmp_path / "executor.pyz"))
    )

    assert (result.stderr, result.stdout.splitlines()[-1]) == ("", "from the package")
    assert build_zipapp() == build_zipapp()


def test_a_plan_survives_its_json() -> None:
    plan = Plan(
        bash("x", parameters="p"), (PackagePlan("r", "A", "1", "A.1.zip", 3, "d", url="u", token="t"),), {"a": "b"}
    )

    assert plan_from_json(plan_as_json(plan)) == plan
    assert "token" not in repr(plan)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2}', '{"version": 1, "script": {"x": 1}}'])
def test_a_plan_that_we_do_not_understand_is_refused(text: str) -> None:
    with pytest.raises(PlanNotUnderstood):
        plan_from_json(text)


def test_variables_are_put_into_a_packaged_script_itself(tmp_path: Path) -> None:
    """script-execution 17 and 18: what is escaped, cannot be read or is not known stays."""
    package = a_package(tmp_path, {"a.sh": "echo '#{V | ToUpper} ##{V} #{W} #{V'"})

    result = run(tmp_path, Plan(bash(file="a.sh"), (package,), {"V": "value"}))

    assert (result.returncode, result.stdout.splitlines()[-1]) == (0, "VALUE #{V} #{W} #{V")


def test_a_packaged_script_that_names_what_is_not_known_fails_when_the_step_minds(tmp_path: Path) -> None:
    """script-execution 18"""
    package = a_package(tmp_path, {"a.sh": "echo never '#{Nope}'"})
    minds = {"OctopusShouldFailDeploymentOnSubstitutionFails": "True"}

    result = run(tmp_path, Plan(bash(file="a.sh"), (package,), minds))

    assert (result.returncode, "#{Nope}" in result.stderr) == (1, True)
    assert "\nnever" not in result.stdout


def test_no_secret_shows_on_the_executors_command_line_or_in_its_environment(tmp_path: Path) -> None:
    """script-execution 28: of the executor and of the script that it starts."""
    script = "for each in $$ $PPID; do tr '\\0' '\\n' </proc/$each/cmdline; tr '\\0' '\\n' </proc/$each/environ; done"

    result = run(tmp_path, Plan(bash(script), (), {"Password": "hunter2"}))

    assert ("octavo.executor" in result.stdout, "hunter2" in result.stdout) == (True, False)


def test_the_zipapp_puts_variables_into_a_script_without_any_library(tmp_path: Path) -> None:
    (tmp_path / "executor.pyz").write_bytes(build_zipapp())
    package = a_package(tmp_path, {"a.sh": "echo '#{V | Replace l+ L} #{V | Markdown}'"})
    command = (sys.executable, "-S", "-E", str(tmp_path / "executor.pyz"))

    result = run(tmp_path, Plan(bash(file="a.sh"), (package,), {"V": "hello"}), command)

    assert "heLo #{V | Markdown}" in result.stdout.splitlines(), result.stderr
