"""The store on PostgreSQL, shared by the nodes of a cluster."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from sqlalchemy import URL, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from octavo.base.errors import ConfigurationError
from octavo.server.store.columns import dump_json
from octavo.server.store.failures import explained, translated
from octavo.server.store.migrating import is_current, upgrade

POOL_SIZE = 10
POOL_OVERFLOW = 20
CONNECT_TIMEOUT_SECONDS = 10
MIGRATION_LOCK = 7_001  # a number of ours: nodes that start together take turns


class PostgresqlDatabase:
    """A pool of connections to one database."""

    dialect = "postgresql"

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        # a list and its count come from one snapshot, as on SQLite
        self._reading_engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @classmethod
    async def open(cls, url: URL) -> Self:
        """Open the pool and try one connection.

        Raises:
            ConfigurationError: the database does not answer or refuses us.
        """
        engine = create_async_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_size=POOL_SIZE,
            max_overflow=POOL_OVERFLOW,
            pool_pre_ping=True,
            json_serializer=dump_json,
            connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS, "application_name": "octavo"},
        )
        try:
            async with engine.connect():
                pass
        except DBAPIError as error:
            await engine.dispose()
            raise ConfigurationError(
                f"PostgreSQL at {url.render_as_string(hide_password=True)} cannot be used: {explained(error)}. "
                "Is the server running, and are user, password and database name right?"
            ) from error
        return cls(engine)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """READ COMMITTED; rows that two writers want are taken in turn."""
        with translated():
            async with self._engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """REPEATABLE READ and read only."""
        with translated():
            async with self._reading_engine.begin() as connection:
                yield connection

    async def migrate(self) -> None:
        """An advisory lock lets one node in; the next finds the work done."""
        async with self.writing() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
            if not await is_current(connection):
                await upgrade(connection)

    async def close(self) -> None:
        """Close the pool."""
        await self._engine.dispose()
