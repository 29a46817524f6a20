"""A real server with a real polling worker, registered by the documented command line: what a pipeline would find."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fakes.recorded_command_line import CommandLine
from fakes.tentacle_process import PROGRAMS, new_instance, run_tentacle, tentacle_environment
from octavo_program import API_KEY, RunningServer, running_octavo
from services_under_test.processes import running_server

PATIENCE_SECONDS = 60.0
POOL = "Linux"
WORKER = "linux-1"


@dataclass(frozen=True)
class Site:
    """The server, and its worker in the pool `Linux`."""

    server: RunningServer
    folder: Path

    def command_line(self) -> CommandLine:
        """A command line that is logged in."""
        return CommandLine(self.server.url, API_KEY)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One for a module: its tests use names of their own."""
    folder = tmp_path_factory.mktemp("site")
    with running_octavo(folder / "data") as server, ExitStack() as agents:
        with server.client() as client:
            pool = client.post("/api/workerpools", json={"Name": POOL})
            assert pool.status_code == 201, pool.text
        _start_worker(folder, server, agents)
        yield Site(server, folder)


def _start_worker(folder: Path, server: RunningServer, agents: ExitStack) -> None:
    new_instance(folder, WORKER, "--noListen", "True")
    polling_port = str(server.addresses["Polling"]).rpartition(":")[2].rstrip("/")
    done = run_tentacle(
        folder,
        *("register-worker", "--instance", WORKER, "--server", server.url, "--apikey", API_KEY, "--name", WORKER),
        *("--workerpool", POOL, "--comms-style", "TentacleActive", "--server-comms-port", polling_port),
    )
    assert done.returncode == 0, done
    agent: list[str | Path] = [PROGRAMS / "tentacle", "agent", "--instance", WORKER, "--noninteractive"]
    agents.enter_context(
        running_server(
            agent,
            folder / "agent.log",
            lambda: _is_healthy(server),
            environment=tentacle_environment(folder),
        )
    )


def _is_healthy(server: RunningServer) -> bool:
    with server.client() as client:
        workers: list[dict[str, Any]] = client.get("/api/workers/all").json()
    return bool(workers) and workers[0]["HealthStatus"] == "Healthy"


def wait_for_task(line: CommandLine, task_id: str) -> dict[str, Any]:
    """`task wait`: the ended task."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        (task,) = line.get(line.path(f"tasks?ids={task_id}"))["Items"]
        if task["IsCompleted"]:
            return dict(task)
        assert time.monotonic() < end, f"{task_id} takes too long"
        time.sleep(0.1)
