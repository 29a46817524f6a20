"""The store on one SQLite file.

WAL, so that readers see a snapshot while one writer works; `synchronous=FULL`, so that what was acknowledged survives
a power cut. One connection, kept open, does all the writing of this process, block after block: a second writer could
only wait for the file's lock anyway.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import URL, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from octavo.base.errors import ConfigurationError
from octavo.server.store.columns import dump_json
from octavo.server.store.failures import explained, translated
from octavo.server.store.migrating import is_current, upgrade

BUSY_TIMEOUT_MILLISECONDS = 30_000  # another process of ours (`octavo api-key create`) may hold the lock for a moment
READERS = 4  # each keeps a thread and a page cache
READERS_AT_ONCE = 64


class SqliteDatabase:
    """One file, one writer, many readers."""

    dialect = "sqlite"

    def __init__(self, engine: AsyncEngine, writer: AsyncConnection, path: Path) -> None:
        self._engine = engine
        self._writer = writer
        self._path = path
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, url: URL) -> Self:
        """Open the file, made when absent.

        Raises:
            ConfigurationError: the folder or the file cannot be used.
        """
        path = Path(url.database or "")
        if not path.is_absolute():
            raise ConfigurationError(
                f"The database path {str(path)!r} is relative. Use sqlite:////absolute/path/server.db."
            )
        engine = _engine(url)
        try:
            writer = await engine.connect()
        except DBAPIError as error:
            await engine.dispose()
            raise ConfigurationError(
                f"The database {path} cannot be opened: {explained(error)}. Does its folder exist, and may this "
                "account read and write there?"
            ) from error
        return cls(engine, writer, path)

    def writing(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """One writer at a time, in the order of asking."""
        return self._writing()

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        async with self._turn:
            with translated():
                await self._writer.exec_driver_sql("BEGIN IMMEDIATE")
                try:
                    yield self._writer
                    await self._writer.exec_driver_sql("COMMIT")
                except BaseException:
                    await asyncio.shield(self._roll_back())
                    raise

    async def _roll_back(self) -> None:
        """SQLite has undone the transaction by itself after some errors (a full disk); then there is nothing to do."""
        driver: Any = (await self._writer.get_raw_connection()).driver_connection
        if driver.in_transaction:
            await self._writer.exec_driver_sql("ROLLBACK")

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A snapshot from the first statement on."""
        with translated():
            async with self._engine.connect() as connection:
                await connection.exec_driver_sql("BEGIN")
                try:
                    yield connection
                finally:
                    await asyncio.shield(connection.exec_driver_sql("ROLLBACK"))

    async def migrate(self) -> None:
        """BEGIN IMMEDIATE lets one process in; the next finds the work done."""
        async with self.writing() as connection:
            if not await is_current(connection):
                await upgrade(connection)

    async def close(self) -> None:
        """Close the writer and the readers."""
        await self._writer.close()
        await self._engine.dispose()


def _engine(url: URL) -> AsyncEngine:
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"),
        isolation_level="AUTOCOMMIT",  # we say BEGIN and COMMIT ourselves
        pool_size=READERS + 1,
        max_overflow=READERS_AT_ONCE - READERS,
        pool_reset_on_return=None,
        json_serializer=dump_json,
    )
    event.listen(engine.sync_engine, "connect", _set_pragmas)
    return engine


def _set_pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MILLISECONDS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
