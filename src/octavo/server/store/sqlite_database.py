"""The store on one SQLite file.

WAL, so that readers see a snapshot while one writer works; `synchronous=FULL`, so that what was acknowledged survives
a power cut. One connection, kept open, does all the writing of this process (`group_commit.py`): a second writer could
only wait for the file's lock anyway.
"""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self, cast

from sqlalchemy import URL, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from octavo.base.errors import ConfigurationError
from octavo.server.store.columns import dump_json
from octavo.server.store.failures import explained, translated
from octavo.server.store.group_commit import GroupCommitWriter
from octavo.server.store.migrating import is_current, upgrade
from octavo.server.store.sqlite_driver import OneHopConnection, connect

READERS = 4  # kept open; each has a thread and a page cache
READERS_AT_ONCE = 32

_SHARED_PRAGMAS = (
    "busy_timeout=30000",  # milliseconds; another process of ours (`octavo api-key create`) may write for a moment
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
)


class SqliteDatabase:
    """One file, one writer, many readers."""

    dialect = "sqlite"

    def __init__(self, writing_engine: AsyncEngine, writer: GroupCommitWriter, reading_engine: AsyncEngine) -> None:
        self._writing_engine = writing_engine
        self._writer = writer
        self._reading_engine = reading_engine

    @classmethod
    async def open(cls, url: URL) -> Self:
        """Open the file, made when absent.

        Raises:
            ConfigurationError: the folder or the file cannot be used.
        """
        path = Path(url.database or "")
        if not path.is_absolute():
            raise ConfigurationError(f"The database path {str(path)!r} is relative. Use sqlite:////absolute/path/file.")
        engine = _engine(url, _SHARED_PRAGMAS, pool_size=1, max_overflow=0)
        try:
            connection = await engine.connect()
        except DBAPIError as error:
            await engine.dispose()
            raise ConfigurationError(
                f"The database {path} cannot be opened: {explained(error)}. Does its folder exist, and may this "
                "account read and write there?"
            ) from error
        await connection.begin()  # in SQLAlchemy's mind only: outside of it, some of its errors would roll back
        driver = (await connection.get_raw_connection()).driver_connection
        writer = GroupCommitWriter(connection, cast("OneHopConnection", driver))
        reading_pragmas = (*_SHARED_PRAGMAS, "query_only=ON")
        overflow = READERS_AT_ONCE - READERS
        return cls(engine, writer, _engine(url, reading_pragmas, pool_size=READERS, max_overflow=overflow))

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """One block at a time, in the order of asking; commits are shared."""
        with translated():
            async with self._writer.writing() as connection:
                yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A snapshot from the first statement on; writing is refused."""
        with translated():
            async with self._reading_engine.connect() as connection:
                await connection.exec_driver_sql("BEGIN")
                try:
                    yield connection
                finally:
                    await connection.exec_driver_sql("ROLLBACK")

    async def migrate(self) -> None:
        """BEGIN IMMEDIATE lets one process in; the next finds the work done."""
        async with self.writing() as connection:
            if not await is_current(connection):
                await upgrade(connection)

    async def close(self) -> None:
        """Close the readers, then the writer: the last to close empties the write-ahead log."""
        await self._reading_engine.dispose()
        await self._writer.close()
        await self._writing_engine.dispose()


def _engine(url: URL, pragmas: tuple[str, ...], *, pool_size: int, max_overflow: int) -> AsyncEngine:
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"),
        isolation_level="AUTOCOMMIT",  # we say BEGIN and COMMIT ourselves
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_reset_on_return=None,
        json_serializer=dump_json,
        connect_args={"async_creator_fn": connect},
    )
    event.listen(engine.sync_engine, "connect", _setting(pragmas))
    return engine


def _setting(pragmas: tuple[str, ...]) -> Callable[[Any, object], None]:
    def set_pragmas(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        try:
            for pragma in pragmas:
                cursor.execute(f"PRAGMA {pragma}")
        except sqlite3.Error:
            connection.close()  # the pool forgets a connection that fails here, thread and all
            raise

    return set_pragmas
