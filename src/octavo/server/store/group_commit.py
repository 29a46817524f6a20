"""Writers of one SQLite file, one after another on one connection, sharing commits.

A commit waits for the disk, some 0.5 ms. Blocks that queue up meanwhile run in one transaction, each behind a savepoint
so that it can fail alone; one commit ends them all, and none returns before it. Whoever asks waits in order, the
committer too: a batch is what was waiting when its first block ended, so it is bounded and nobody starves.

Source: docs/decisions/0041-group-commit.md.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import StoreUnavailable
from octavo.server.store.sqlite_driver import OneHopConnection


class GroupCommitWriter:
    """The one writing connection of a SQLite file."""

    def __init__(self, connection: AsyncConnection, driver: OneHopConnection) -> None:
        self._connection = connection
        self._driver = driver
        driver.works_in_loop = True
        self._turn = asyncio.Lock()  # first come, first served
        self._batch: _Batch | None = None

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Run the block alone, and return when its work is on disk."""
        async with self._turn:
            batch = await self._joined_batch()
            try:
                yield self._connection
            except BaseException:
                await self._undo_block(batch)
                raise
            finally:
                batch.blocks += 1
                if batch.committing is None:
                    batch.committing = asyncio.create_task(self._commit(batch), name="commit")
        await asyncio.shield(batch.committing)
        if batch.failure is not None:
            raise batch.failure

    async def close(self) -> None:
        """Wait for the last commit and close."""
        if self._batch is not None and self._batch.committing is not None:
            await self._batch.committing
        await self._connection.close()

    async def _joined_batch(self) -> "_Batch":
        """The open batch, behind a savepoint of our own; or a new one."""
        if self._batch is None:
            await self._driver.run("BEGIN IMMEDIATE")
            self._batch = _Batch()
        else:
            await self._driver.run("SAVEPOINT block")  # not released: the commit ends all of them at once
        return self._batch

    async def _undo_block(self, batch: "_Batch") -> None:
        if not self._driver.in_transaction:  # SQLite gave up the whole transaction: a full disk, a broken file
            batch.failure = StoreUnavailable(
                "The transaction that this work was part of had to be given up. Try again."
            )
            self._batch = None
        elif batch.blocks == 0:
            await self._driver.run("ROLLBACK", "BEGIN IMMEDIATE")
        else:
            await self._driver.run("ROLLBACK TO block")

    async def _commit(self, batch: "_Batch") -> None:
        async with self._turn:
            if batch.failure is not None:
                return
            self._batch = None
            try:
                await self._driver.run("COMMIT")
            except sqlite3.Error as error:
                batch.failure = error
                if self._driver.in_transaction:
                    await self._driver.run("ROLLBACK")


class _Batch:
    """Blocks that one commit will end."""

    def __init__(self) -> None:
        self.blocks = 0  # that have ended
        self.committing: asyncio.Task[None] | None = None
        self.failure: Exception | None = None
