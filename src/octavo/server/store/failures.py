"""What a failing database means: try again later, or a fault of ours.

Decided by the databases' codes, never by their texts: https://sqlite.org/rescode.html,
https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from octavo.base.errors import OctavoError, StoreUnavailable

#: Full disk, input/output error, locked by another process, read only, cannot be opened, out of memory.
_SQLITE_UNAVAILABLE = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOMEM,
    }
)

#: Classes: connection lost, transaction rolled back (deadlock), no resources (disk full), operator's intervention.
_POSTGRESQL_UNAVAILABLE = ("08", "40", "53", "57P")


@contextmanager
def translated() -> Iterator[None]:
    """Within, a database that cannot serve now raises StoreUnavailable; other errors pass."""
    try:
        yield
    except (StatementError, sqlite3.Error) as error:
        if isinstance(error, StatementError) and isinstance(error.orig, OctavoError):
            raise error.orig from error  # a value that `columns.py` refuses
        if not is_unavailable(error):
            raise
        raise StoreUnavailable(
            f"The database cannot serve this now: {explained(error)}. Nothing was changed."
        ) from error
    except PoolTimeoutError as error:
        raise StoreUnavailable("All database connections are busy. Try again.") from error


def is_unavailable(error: Exception) -> bool:
    """Whether a later try may succeed without anybody changing the program."""
    cause = _cause(error)
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", None)
        return code is not None and (code & 0xFF) in _SQLITE_UNAVAILABLE
    if isinstance(cause, psycopg.Error):
        if cause.sqlstate is None:
            return isinstance(cause, psycopg.OperationalError)
        return cause.sqlstate.startswith(_POSTGRESQL_UNAVAILABLE)
    return isinstance(error, DBAPIError) and error.connection_invalidated


def explained(error: Exception) -> str:
    """The database's own words, in one line."""
    cause = _cause(error)
    lines = str(cause).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(cause).__name__


def _cause(error: Exception) -> BaseException:
    return (error.orig or error) if isinstance(error, DBAPIError) else error
