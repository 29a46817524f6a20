"""A SQLite connection for SQLAlchemy that crosses into its thread once a statement, and that cancelling cannot break.

aiosqlite under SQLAlchemy's own cursor crosses four times (open, execute, fetch, close). Rows are fetched whole, as
SQLAlchemy does anyway. A cancellation during a statement takes effect after it: SQLAlchemy would otherwise throw the
connection away, and with it the work of others who share its transaction.

Measured: docs/decisions/0041-group-commit.md.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import aiosqlite


class OneHopConnection(aiosqlite.Connection):
    """An aiosqlite connection whose cursors do everything in one visit to the thread."""

    _stopped: asyncio.Future[Any] | None = None
    #: Whether statements inside a transaction run in the event loop's own thread: some 20 µs each, where the way into
    #: the other thread and back costs 150 and more when both want Python's lock. What waits for the disk or for
    #: another program's lock (BEGIN, COMMIT) always goes there.
    works_in_loop = False

    def cursor(self) -> "OneHopCursor":  # type: ignore[override] # aiosqlite's is awaitable and made in the thread
        """A cursor; nothing happens yet."""
        return OneHopCursor(self)

    async def run(self, *statements: str) -> None:
        """Execute statements without parameters or results, in one visit."""
        if self._may_work_in_loop and not any(statement in _WAITING for statement in statements):
            _run_all(self._conn, statements)
            return
        await self._execute(_run_all, self._conn, statements)

    async def execute_whole(self, operation: str, parameters: Any, *, is_many: bool) -> "_Result":
        """Execute, fetch and close in one visit."""
        if self._may_work_in_loop or operation in _INSTANT:
            return _execute_whole(self._conn, operation, parameters, is_many)
        return cast("_Result", await self._execute(_execute_whole, self._conn, operation, parameters, is_many))

    async def rollback(self) -> None:
        """Undo what there is to undo; nothing is no reason to visit the thread."""
        if self.in_transaction:
            await super().rollback()

    @property
    def _may_work_in_loop(self) -> bool:
        return self.works_in_loop and self.in_transaction

    def stop(self) -> asyncio.Future[Any] | None:
        """Let the thread close the connection and end; the future says when it has."""
        self._stopped = super().stop()
        return self._stopped

    async def _connect(self) -> "OneHopConnection":
        """Open. A failure returns only when the thread has ended: it would else report to a loop that may be closed."""
        try:
            await super()._connect()
        except sqlite3.Error:
            if self._stopped is not None:
                await asyncio.wait([self._stopped])
            raise
        return self

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call `fn` in the thread. Overrides aiosqlite's, which a cancellation leaves running unwatched."""
        if not self._running or not self._connection:
            raise ValueError("Connection closed")
        done = asyncio.get_running_loop().create_future()
        self._tx.put_nowait((done, partial(fn, *args, **kwargs)))
        is_cancelled = False
        while not done.done():
            try:
                await asyncio.wait([done])
            except asyncio.CancelledError:
                is_cancelled = True
        if is_cancelled:
            _cancel_later()
        return done.result()


class OneHopCursor:
    """What SQLAlchemy's adapter needs of a cursor."""

    def __init__(self, connection: OneHopConnection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> "OneHopCursor":
        return self

    async def execute(self, operation: str, parameters: Sequence[Any] = ()) -> None:
        """Run one statement and keep its rows."""
        self._take(await self._connection.execute_whole(operation, parameters, is_many=False))

    async def executemany(self, operation: str, parameters: Sequence[Sequence[Any]]) -> None:
        """Run one statement for each row of parameters."""
        self._take(await self._connection.execute_whole(operation, parameters, is_many=True))

    async def fetchall(self) -> list[Any]:
        """The rows; a second time none."""
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Closed in the thread already."""

    def _take(self, result: "_Result") -> None:
        self.description, self.rowcount, self.lastrowid, self._rows = result


#: Statements that begin and end a reader's snapshot: they touch neither disk nor locks, so they need no thread.
_INSTANT = frozenset({"BEGIN", "ROLLBACK"})

#: Statements that may wait for the disk or for somebody's lock.
_WAITING = frozenset({"BEGIN IMMEDIATE", "COMMIT"})

_Result = tuple[Any, int, int | None, list[Any]]


def connect(path: str, **arguments: Any) -> OneHopConnection:
    """Open lazily, as `aiosqlite.connect` does: await the result."""
    connection = OneHopConnection(partial(sqlite3.connect, path, **arguments), iter_chunk_size=64)
    connection._thread.daemon = True  # an unclosed connection must not hang the end of the process
    return connection


def _cancel_later() -> None:
    """Cancel this task at its next wait; who cancelled it counts once (`asyncio.timeout` keeps count)."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
        task.cancel()


def _run_all(connection: sqlite3.Connection, statements: Sequence[str]) -> None:
    for statement in statements:
        connection.execute(statement).close()


def _execute_whole(connection: sqlite3.Connection, operation: str, parameters: Any, is_many: bool) -> _Result:
    cursor = connection.cursor()
    try:
        if is_many:
            cursor.executemany(operation, parameters)
        else:
            cursor.execute(operation, parameters)
        description = cursor.description
        rows = cursor.fetchall() if description else []
        return description, cursor.rowcount, cursor.lastrowid, rows
    finally:
        cursor.close()
