"""`tentacle service`, with real programs on the PATH that stand in for systemctl and sudo."""

import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from fakes.tentacle_program import Outcome, TentacleProgram
from octavo.agent.system_service import ServiceDescription, render_unit, unit_name

#: Writes its command line down; fails where a file beside it says so.
_STAND_IN = """#!/bin/bash
echo "$(basename "$0") $*" >> "{folder}/calls"
[ ! -e "{folder}/fail-$1" ] || { echo "no $1 today" >&2; exit 5; }
"""


@pytest.fixture
def tentacle(tmp_path: Path) -> TentacleProgram:
    """A machine with the instance W1 and programs that record their calls."""
    program = TentacleProgram(tmp_path, {"PATH": f"{tmp_path}/programs:/usr/bin:/bin"})
    (tmp_path / "units").mkdir()
    (tmp_path / "programs").mkdir()
    add_program(tmp_path, "systemctl")
    program.create()
    return program


def add_program(folder: Path, name: str) -> None:
    file = folder / "programs" / name
    file.write_text(_STAND_IN.replace("{folder}", str(folder)))
    file.chmod(0o755)


def calls(tentacle: TentacleProgram) -> Sequence[str]:
    file = tentacle.folder / "calls"
    return file.read_text().splitlines() if file.exists() else []


def service(tentacle: TentacleProgram, *options: str) -> Outcome:
    return tentacle.run("service", *options)


def test_a_service_is_installed_and_started(tentacle: TentacleProgram) -> None:
    """cli 17"""
    outcome = service(tentacle, "--start", "--install", "--instance=W1")

    unit = tentacle.folder / "units" / "W1.service"
    assert outcome == Outcome(0, "Service installed: W1\nService started: W1\n", "")
    assert calls(tentacle) == ["systemctl daemon-reload", "systemctl enable W1.service", "systemctl start W1.service"]
    assert stat.S_IMODE(unit.stat().st_mode) == 0o644
    assert unit.read_text() == (
        "[Unit]\n"
        "Description=Octopus Deploy: Tentacle deployment agent\n"
        "After=network.target\n"
        "\n"
        "[Service]\n"
        "Type=simple\n"
        "User=root\n"
        f"Environment=TentacleMachineConfigurationHomeDirectory={tentacle.machine_folder}\n"
        f"ExecStart={tentacle.folder}/bin/tentacle run --instance=W1 --noninteractive\n"
        "Restart=always\n"
        "KillMode=process\n"
        "\n"
        "[Install]\n"
        "WantedBy=multi-user.target\n"
    )


def test_the_account_comes_from_the_option_or_the_environment(tentacle: TentacleProgram) -> None:
    service(tentacle, "--install", "--user=deploy")
    by_option = (tentacle.folder / "units" / "W1.service").read_text()
    tentacle.run("service", "--reconfigure", OCTOPUS_SERVICE_USERNAME="builder")

    assert "\nUser=deploy\n" in by_option
    assert "\nUser=builder\n" in (tentacle.folder / "units" / "W1.service").read_text()


def test_words_with_blanks_are_quoted_in_the_unit() -> None:
    unit = render_unit(ServiceDescription(Path("/opt/my agent/tentacle"), ("--instance=My 50% Worker",)))

    assert 'ExecStart="/opt/my agent/tentacle" run "--instance=My 50%% Worker" --noninteractive\n' in unit


def test_units_are_named_after_instances() -> None:
    """cli 17"""
    assert (unit_name("My Worker"), unit_name(None)) == ("My-Worker", "OctopusDeploy-Tentacle")


def test_a_nameless_instance_is_run_by_its_file(tentacle: TentacleProgram) -> None:
    (tentacle.folder / "Tentacle.config").write_bytes((tentacle.folder / "W1" / "tentacle-W1.config").read_bytes())

    assert service(tentacle, "--install").exit_code == 0

    unit = (tentacle.folder / "units" / "OctopusDeploy-Tentacle.service").read_text()
    assert f"run --config={tentacle.folder}/Tentacle.config --noninteractive" in unit


def test_deeds_are_done_in_their_own_order(tentacle: TentacleProgram) -> None:
    outcome = service(tentacle, "--install", "--uninstall", "--stop", "--restart")

    assert outcome.stdout == (
        "Service restarted: W1\nStopping service: W1\nService stopped\nService uninstalled\nService installed: W1\n"
    )


def test_a_failing_start_only_logs_an_error(tentacle: TentacleProgram) -> None:
    (tentacle.folder / "fail-start").touch()

    assert service(tentacle, "--start") == Outcome(0, "", "Could not start the service W1: no start today\n")


def test_a_failing_enable_exits_1(tentacle: TentacleProgram) -> None:
    (tentacle.folder / "fail-enable").touch()

    assert service(tentacle, "--install").stderr == "systemctl enable W1.service failed: no enable today\n"


def test_an_uninstalled_service_leaves_no_unit(tentacle: TentacleProgram) -> None:
    service(tentacle, "--install")

    assert service(tentacle, "--uninstall").stdout == "Service uninstalled\n"
    assert list((tentacle.folder / "units").iterdir()) == []


def test_all_instances_are_started_together_but_not_installed(tentacle: TentacleProgram) -> None:
    tentacle.create("W2")

    assert service(tentacle, "--start", "--instance=*").stdout == "Service started: W1\nService started: W2\n"
    assert service(tentacle, "--install", "--instance=*").exit_code == 1


def test_without_systemd_the_user_is_told(tentacle: TentacleProgram) -> None:
    outcome = tentacle.run("service", "--start", PATH=bash_only(tentacle.folder))

    assert outcome.exit_code == 1
    assert outcome.stderr.startswith("Could not detect systemd.")


def test_an_ordinary_account_needs_sudo_and_uses_it(tentacle: TentacleProgram) -> None:
    tentacle.is_root = False
    path = bash_only(tentacle.folder) + f":{tentacle.folder}/programs"

    refused = tentacle.run("service", "--start", PATH=path)
    add_program(tentacle.folder, "sudo")
    (tentacle.folder / "fail-start").touch()
    tentacle.run("service", "--start", PATH=path)

    assert refused.exit_code == 1
    assert refused.stderr.startswith("Requires elevated privileges.")
    assert calls(tentacle) == ["sudo -vn", "systemctl start W1.service", "sudo -n systemctl start W1.service"]


def test_nothing_to_do_is_explained(tentacle: TentacleProgram) -> None:
    assert service(tentacle).stderr.startswith("Please say what to do with the service: --restart")


def bash_only(folder: Path) -> str:
    """A PATH with what the stand-ins need and nothing else."""
    programs = folder / "bash-only"
    programs.mkdir(exist_ok=True)
    for name in ("bash", "basename"):
        if not (programs / name).exists():
            (programs / name).symlink_to(Path("/usr/bin") / name)
    return str(programs)
