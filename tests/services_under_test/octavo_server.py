"""A real Octavo server as a process of its own, on free loopback ports, with an embedded store."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from octavo.base.sensitive import Sensitive
from octavo.client import ApiKey, Client
from services_under_test.processes import free_ports, running_server

API_KEY = "API-TESTADMINISTRATOR"
USER_NAME, PASSWORD = "admin", "a long password for tests"
PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class OctavoServer:
    """Where the server is. Its administrator's key and password are the constants above."""

    url: str
    polling_port: int

    def client(self) -> Client:
        """A session as the administrator."""
        return Client(self.url, ApiKey(Sensitive(API_KEY)), use_system_proxy=False, patience_seconds=0)


@contextmanager
def running_octavo_server(folder: Path) -> Iterator[OctavoServer]:
    """A fresh server in this folder until the block ends."""
    port, polling_port = free_ports(2)
    server = OctavoServer(f"http://127.0.0.1:{port}", polling_port)
    command: list[str | Path] = [
        *(PROGRAMS / "octavo", "server", "run", "--data", folder / "data"),
        *("--listen", f"127.0.0.1:{port}", "--polling-listen", f"127.0.0.1:{polling_port}"),
    ]
    environment = os.environ | {
        "OCTAVO_ADMIN_USERNAME": USER_NAME,
        "OCTAVO_ADMIN_PASSWORD": PASSWORD,
        "OCTAVO_ADMIN_API_KEY": API_KEY,
    }
    with running_server(command, folder / "server.log", lambda: _answers(server.url), environment=environment):
        yield server


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/api", trust_env=False).is_success
    except httpx.HTTPError:
        return False
