"""The program `octavo` as real processes: started on a folder, found by what it writes there, ended by its id."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from services_under_test.processes import running_server

API_KEY = "API-" + "PROCESS" * 4
ADMIN_PASSWORD = "a-Password-of-tests-1"


@dataclass(frozen=True)
class RunningServer:
    """A server process and how to talk to it."""

    process: subprocess.Popen[bytes]
    data: Path
    addresses: dict[str, Any]
    log_file: Path

    @property
    def url(self) -> str:
        """Where its API is."""
        return str(self.addresses["Api"])

    def client(self) -> httpx.Client:
        """A client that is its administrator."""
        return httpx.Client(base_url=self.url, headers={"X-Octopus-ApiKey": API_KEY}, timeout=30, trust_env=False)


@contextmanager
def running_octavo(data: Path, *options: str) -> Iterator[RunningServer]:
    """A server on this folder, with ports of its own, until the block ends."""
    told = data / "server.json"
    log_file = data.parent / f"{data.name}.log"
    command = (*OCTAVO, "server", "run", "--data", str(data), *ANY_PORTS, *options)
    with running_server(
        command,
        log_file,
        told.exists,
        environment=environment(OCTAVO_ADMIN_API_KEY=API_KEY, OCTAVO_ADMIN_PASSWORD=ADMIN_PASSWORD),
    ) as process:
        yield RunningServer(process, data, json.loads(told.read_text()), log_file)


def octavo(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of `octavo` to its end."""
    return subprocess.run(
        (*OCTAVO, *arguments), capture_output=True, text=True, timeout=60, env=environment(**variables), check=False
    )


def environment(**variables: str) -> dict[str, str]:
    """This process's variables without any of Octavo's, and these."""
    return {name: value for name, value in os.environ.items() if not name.startswith("OCTAVO_")} | variables


OCTAVO = (sys.executable, "-c", "from octavo.cli.octavo import main; main()")
ANY_PORTS = ("--listen", "127.0.0.1:0", "--polling-listen", "127.0.0.1:0")
