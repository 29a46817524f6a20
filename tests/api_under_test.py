"""A whole API in this process, on a real database: what tests of routes talk to.

`api` is on SQLite, `api_on_both` runs a test twice, on SQLite and on PostgreSQL. The database is a copy of one that a
server has started on for the first time, so that a test does not pay for making keys.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from octavo.base.clock import SystemClock
from octavo.base.sensitive import Sensitive
from octavo.server.api.application import make_application
from octavo.server.api.dependencies import ApiServices
from octavo.server.blobs import LocalBlobs
from octavo.server.bus import MemoryBus
from octavo.server.domain.vault import Vault
from octavo.server.feeds.open_feeds import OpenFeeds
from octavo.server.operations.authentication import Authenticator
from octavo.server.operations.context import SYSTEM, OperationContext, Parts
from octavo.server.operations.credentials import Passwords
from octavo.server.operations.first_start import Wanted, prepare_installation
from octavo.server.operations.space_directory import SpaceDirectory
from octavo.server.packages.deltas import Deltas
from octavo.server.store import Store

API_KEY = "API-" + "ADMIN" * 5 + "KEY"
PASSWORD = "correct horse battery staple"
_VAULT = Vault({"k1": bytes(32)}, "k1")


@dataclass
class Api:
    """A client that is an administrator, and the parts behind it."""

    client: httpx.AsyncClient
    services: ApiServices
    parts: Parts

    async def get(self, path: str, status: int = 200) -> Any:
        """The JSON at `path`."""
        return await self.ask("GET", path, None, status)

    async def post(self, path: str, body: Any, status: int = 201) -> Any:
        """What a POST answers."""
        return await self.ask("POST", path, body, status)

    async def put(self, path: str, body: Any, status: int = 200) -> Any:
        """What a PUT answers."""
        return await self.ask("PUT", path, body, status)

    async def delete(self, path: str, status: int = 200) -> Any:
        """What a DELETE answers."""
        return await self.ask("DELETE", path, None, status)

    async def ask(self, method: str, path: str, body: Any, status: int) -> Any:
        """Send it, insist on the status, and decode the answer."""
        response = await self.client.request(method, path, json=body)
        assert response.status_code == status, response.text
        return response.json() if response.content else None

    @property
    def context(self) -> OperationContext:
        """The server's own context in the default space."""
        return OperationContext(self.parts, SYSTEM, "Spaces-1")

    def anonymous(self) -> httpx.AsyncClient:
        """Somebody who has shown nothing yet."""
        return httpx.AsyncClient(transport=self.client._transport, base_url=self.client.base_url)


@asynccontextmanager
async def running_api(store: Store, folder: Path) -> AsyncIterator[Api]:
    """The API on this store."""
    bus = MemoryBus()
    parts = Parts(store, bus, LocalBlobs(folder / "blobs"), SystemClock(), _VAULT, OpenFeeds(SystemClock()))
    passwords = Passwords()
    wanted = Wanted("admin", Sensitive(PASSWORD), Sensitive(API_KEY))
    installation = await prepare_installation(parts, passwords, wanted)
    services = ApiServices(
        parts=parts,
        authenticator=Authenticator(parts, passwords),
        passwords=passwords,
        spaces=SpaceDirectory(store),
        installation_id=installation.installation_id,
        identity=installation.identity,
        spool=folder / "uploads",
        deltas=Deltas(parts.blobs, folder / "spool-out"),
    )
    transport = httpx.ASGITransport(make_application(services), raise_app_exceptions=False)
    headers = {"X-Octopus-ApiKey": API_KEY}
    async with httpx.AsyncClient(transport=transport, base_url="http://octavo.test", headers=headers) as client:
        yield Api(client, services, parts)
    await parts.feeds.close()
    await bus.close()


@pytest.fixture(scope="session")
def started_template(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that a server has started on."""
    file = tmp_path_factory.mktemp("started") / "template.db"
    shutil.copyfile(sqlite_template, file)
    asyncio.run(_start(file))
    return file


async def _start(file: Path) -> None:
    async with await Store.open(f"sqlite:///{file}") as store, running_api(store, file.parent):
        pass


@pytest.fixture
async def api(started_template: Path, tmp_path: Path) -> AsyncIterator[Api]:
    """The API on SQLite."""
    file = tmp_path / "server.db"
    shutil.copyfile(started_template, file)
    async with await Store.open(f"sqlite:///{file}") as store, running_api(store, tmp_path) as api:
        yield api


@pytest.fixture
async def api_on_both(store: Store, tmp_path: Path) -> AsyncIterator[Api]:
    """The API on each kind of database."""
    async with running_api(store, tmp_path) as api:
        yield api
