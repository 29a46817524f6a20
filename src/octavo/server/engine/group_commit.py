"""Several writers, one commit: whatever waits when a transaction begins goes into it together.

A commit costs a disk flush; eight scripts that report at once need one, not eight. A writer who is alone waits for
nobody. Measured: docs/decisions/0063-group-commit.md.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar, cast

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.server.store import Store

T = TypeVar("T")

WRITES_TOGETHER = 64


@dataclass(slots=True)
class _Waiting:
    work: Callable[[AsyncConnection], Awaitable[object]]
    result: "asyncio.Future[object]"


class GroupCommit:
    """Runs pieces of work in shared transactions. `run` must be active while `write` is awaited."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[_Waiting] = []
        self._wake = asyncio.Event()

    async def write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """The result of `work`, once it is committed. Work may be run again from the start if another's fails.

        Raises:
            StoreUnavailable: the database cannot serve now; nothing was changed.
            Exception: whatever `work` raised; nothing of it was kept.
        """
        waiting = _Waiting(work, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._wake.set()
        return cast("T", await waiting.result)

    async def run(self) -> None:
        """Commit until cancelled."""
        try:
            while True:
                await self._wake.wait()
                batch, self._waiting = self._waiting[:WRITES_TOGETHER], self._waiting[WRITES_TOGETHER:]
                if not self._waiting:
                    self._wake.clear()
                await self._commit([each for each in batch if not each.result.done()])
        finally:
            for each in self._waiting:
                each.result.cancel()

    async def _commit(self, batch: list[_Waiting]) -> None:
        """All in one transaction; should any fail, each in its own."""
        try:
            async with self._store.writing() as connection:
                results = [await each.work(connection) for each in batch]
        except asyncio.CancelledError:
            for each in batch:
                each.result.cancel()
            raise
        except Exception as error:  # the work's error belongs to who brought the work
            if len(batch) == 1:
                if not batch[0].result.done():
                    batch[0].result.set_exception(error)
                return
            for each in batch:
                await self._commit([each])
            return
        for each, result in zip(batch, results, strict=True):
            if not each.result.done():
                each.result.set_result(result)
