"""One open database: SQLite in a folder, or PostgreSQL.

An operation opens a transaction here and passes its connection to the statements in this package. Writers of one SQLite
file take turns; readers see a snapshot and block nobody.
Source: FOUNDATIONS §4; docs/decisions/0040-one-store-two-databases.md.
"""

from contextlib import AbstractAsyncContextManager
from typing import Protocol, Self

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import ConfigurationError
from octavo.server.store.postgresql_database import PostgresqlDatabase
from octavo.server.store.sqlite_database import SqliteDatabase


class Database(Protocol):
    """What a kind of database does for the store."""

    dialect: str

    def writing(self) -> AbstractAsyncContextManager[AsyncConnection]: ...

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]: ...

    async def migrate(self) -> None: ...

    async def close(self) -> None: ...


class Store:
    """One open database. Safe to use from many coroutines of one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    async def open(cls, url: str) -> Self:
        """Open `sqlite:////absolute/path/server.db` or `postgresql://…`; the tables are `migrate`'s matter.

        Raises:
            ConfigurationError: the URL is not one of these, or the database cannot be opened.
        """
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise ConfigurationError(_expected(url)) from error
        match parsed.get_backend_name():
            case "sqlite":
                return cls(await SqliteDatabase.open(parsed))
            case "postgresql":
                return cls(await PostgresqlDatabase.open(parsed))
            case _:
                raise ConfigurationError(_expected(url))

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._database.dialect

    def writing(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction: kept when the block ends, undone when it raises. Never hold it across a network `await`.

        On return the work is on disk.

        Raises:
            StoreUnavailable: the database cannot be reached or written now; nothing of the block is kept, save when
                the connection broke during the commit itself.
        """
        return self._database.writing()

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A snapshot to read from; neither waits for writers nor delays them.

        Raises:
            StoreUnavailable: the database cannot be reached now.
        """
        return self._database.reading()

    async def migrate(self) -> None:
        """Bring the tables to what this program knows. Repeatable; safe when several nodes start at once.

        Raises:
            ConfigurationError: the database was made by a newer Octavo.
        """
        await self._database.migrate()

    async def close(self) -> None:
        """Close every connection. Transactions must have ended."""
        await self._database.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _expected(url: str) -> str:
    scheme = url.partition("://")[0]
    return (
        f"The database URL starts with {scheme!r}, which Octavo does not know. "
        "Use sqlite:////absolute/path/server.db or postgresql://user:password@host/database."
    )
