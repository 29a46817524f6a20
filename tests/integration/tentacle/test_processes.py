"""The program `tentacle` as a real process: streams, exit codes, signals, standard input."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.tentacle_process import PROGRAMS, new_instance, run_tentacle, tentacle_environment
from octavo import __version__
from services_under_test.processes import free_ports, running_server

TRUSTED = "A" * 40


@pytest.mark.parametrize("program", ["tentacle", "Tentacle"])
def test_both_names_print_the_version_with_clean_streams(tmp_path: Path, program: str) -> None:
    """cli 2"""
    done = run_tentacle(tmp_path, "version", program=program)

    assert (done.returncode, done.stdout, done.stderr) == (0, __version__, "")


def test_wrong_command_lines_have_their_exit_codes(tmp_path: Path) -> None:
    """cli 1"""
    nothing, unknown = run_tentacle(tmp_path), run_tentacle(tmp_path, "version", "--unknown=x")

    assert (nothing.returncode, unknown.returncode, unknown.stdout) == (2, 1, "")
    assert unknown.stderr == "Unrecognized command line arguments: --unknown=x\n"


def test_a_reader_that_leaves_early_sees_no_traceback(tmp_path: Path) -> None:
    line = f"'{PROGRAMS}/tentacle' help | head -c 1"

    done = subprocess.run(["bash", "-c", line], capture_output=True, env=tentacle_environment(tmp_path), check=False)

    assert done.stderr == b""


def test_light_commands_import_nothing_heavy() -> None:
    code = (
        "import sys, octavo.agent.program as program, octavo.agent.host as host;"
        "program.run(['version'], host.this_host());"
        "heavy = {'httpx', 'rich', 'typer', 'asyncio', 'cryptography', 'bson', 'OpenSSL'} & set(sys.modules);"
        "sys.exit(str(sorted(heavy)) if heavy else 0)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_an_agent_runs_without_standard_input_and_stops_on_sigterm(tmp_path: Path) -> None:
    """cli 15, cli 16: also the lines tools wait for, the heartbeat and livez."""
    (port,) = free_ports(1)
    home = new_instance(tmp_path, "W1", f"--port={port}", f"--trust={TRUSTED}")
    log = tmp_path / "agent.log"
    command = ["bash", "-c", f"exec '{PROGRAMS}/tentacle' agent --instance=W1 --noninteractive <&-"]

    with running_server(
        command, log, lambda: b"Agent listening on:" in log.read_bytes(), environment=tentacle_environment(tmp_path)
    ) as agent:
        alive = run_tentacle(tmp_path, "livez", "--instance=W1")
        os.kill(agent.pid, signal.SIGTERM)
        exit_code = agent.wait(60)
    os.utime(home / "livez.heartbeat", (0, 0))
    stale = run_tentacle(tmp_path, "livez", "--instance=W1")

    lines = log.read_text().splitlines()
    assert f"Agent will trust Octopus Servers with the thumbprint: {TRUSTED}" in lines
    assert f"Agent listening on: [::]:{port}" in lines
    assert lines[-1] == "Agent stopped"
    assert (exit_code, alive.returncode, stale.returncode) == (0, 0, 1)


def test_an_interactive_agent_stops_at_the_end_of_input(tmp_path: Path) -> None:
    """cli 15, cli 16: polling lines; a service must therefore use --noninteractive."""
    (port,) = free_ports(1)
    new_instance(tmp_path, "W1", "--noListen=true", f"--trust={TRUSTED}", "--pollingConnectionCount=3")
    run_tentacle(tmp_path, "server-comms", "--style=TentacleActive", "--host=127.0.0.1", f"--port={port}")

    done = run_tentacle(tmp_path, "run")

    assert done.returncode == 0
    assert done.stdout.startswith("Running. Press <enter> to shut down...\n")
    assert f"Agent will poll Octopus Server at https://127.0.0.1:{port} for subscription poll://" in done.stdout
    assert f"/ expecting thumbprint {TRUSTED}\nStarting 3 polling connections\n" in done.stdout
    assert "Agent will not listen on any TCP ports\n" in done.stdout


def test_a_port_in_use_is_one_clear_message(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    new_instance(tmp_path, "W1", f"--port={port}")
    new_instance(tmp_path, "W2", f"--port={port}")
    log = tmp_path / "agent.log"
    command: list[str | Path] = [PROGRAMS / "tentacle", "agent", "--instance=W1", "--noninteractive"]

    with running_server(
        command, log, lambda: b"listening" in log.read_bytes(), environment=tentacle_environment(tmp_path)
    ):
        second = run_tentacle(tmp_path, "agent", "--instance=W2", "--noninteractive")

    assert second.returncode == 1
    assert second.stderr.startswith(f"The agent cannot listen on port {port}")
    assert second.stderr.count("\n") == 1
