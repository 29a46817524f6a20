"""A real nats-server (Debian's `nats-server`, or any on the PATH)."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from services_under_test.processes import running_server

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class NatsServer:
    """A running server; `url` is what `NatsBus` takes."""

    url: str
    port: int


@pytest.fixture(scope="session")
def nats() -> Iterator[NatsServer]:
    """A nats-server for the whole test run."""
    with nats_server() as server:
        yield server


@contextmanager
def nats_server(port: int = -1) -> Iterator[NatsServer]:
    """A nats-server while the block runs; by default on a port it chooses itself."""
    program = shutil.which("nats-server", path="/usr/sbin:/usr/local/bin:/usr/bin") or shutil.which("nats-server")
    if program is None:
        raise RuntimeError("No nats-server for the tests. Install it: apt-get install nats-server")
    folder = Path(tempfile.mkdtemp(prefix="octavo-nats-"))
    try:
        command: list[str | Path] = [program, "-a", HOST, "-p", str(port), "--ports_file_dir", folder]
        with running_server(command, folder / "log", lambda: _address(folder) is not None):
            url = _address(folder) or ""
            yield NatsServer(url, int(url.rpartition(":")[2]))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _address(folder: Path) -> str | None:
    for file in folder.glob("*.ports"):
        text = file.read_text()
        if text.endswith("}"):
            return str(json.loads(text)["nats"][0])
    return None
