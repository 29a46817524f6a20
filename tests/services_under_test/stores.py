"""Open stores, buses and blobs for any test.

`store` runs a test twice, on SQLite and on PostgreSQL; `sqlite_store`, `bus` and `blobs` are the embedded ones, for
tests that only need some. The seams' own suites stand in `tests/conformance`.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from octavo.server.blobs import BlobStore, LocalBlobs
from octavo.server.bus import Bus, MemoryBus
from octavo.server.store import Store


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file that has Octavo's tables."""
    file = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(_migrate(file))
    return file


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a file with Octavo's empty tables, this test's own."""
    file = tmp_path / "server.db"
    shutil.copyfile(sqlite_template, file)
    return f"sqlite:///{file}"


@pytest.fixture
async def sqlite_store(sqlite_url: str) -> AsyncIterator[Store]:
    """An empty store on SQLite."""
    async with await Store.open(sqlite_url) as store:
        yield store


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database with Octavo's tables: one test run on each kind."""
    return cast("str", request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store: one test run on SQLite, one on PostgreSQL."""
    async with await Store.open(store_url) as store:
        yield store


@pytest.fixture
async def bus() -> AsyncIterator[Bus]:
    """The bus of a server that is one process."""
    bus = MemoryBus()
    yield bus
    await bus.close()


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    """Blobs in a folder of this test's own."""
    return LocalBlobs(tmp_path / "blobs")


async def _migrate(file: Path) -> None:
    async with await Store.open(f"sqlite:///{file}") as store:
        await store.migrate()
