"""Lets queued tasks start on this node: at once when somebody queues one, and by a look each second.

Source: DESIGN §6 (admission), FOUNDATIONS «Life of a task».
"""

import asyncio
import contextlib
import logging

from octavo.base.errors import StoreUnavailable
from octavo.server.engine.durable_runs import DurableRuns
from octavo.server.engine.parts import EngineParts
from octavo.server.engine.task_runs import TaskRuns
from octavo.server.operations.admission import ADMISSIONS_AT_ONCE, admit_queued_tasks

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0


class Dispatcher:
    """Admits and starts tasks while `run` is active."""

    def __init__(self, parts: EngineParts, runs: TaskRuns, durable: DurableRuns) -> None:
        self._parts = parts
        self._runs = runs
        self._durable = durable
        self._news = asyncio.Event()
        self._has_waiting = False

    async def run(self) -> None:
        """Dispatch until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(), name="tasks queued")
            while True:
                self._news.clear()
                try:
                    while await self.dispatch_once() == ADMISSIONS_AT_ONCE:
                        pass
                except StoreUnavailable:
                    log.warning("the store is away; queued tasks wait")
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._news.wait()

    async def _listen(self) -> None:
        """Many wake-ups need one look. That something ended concerns only who has something waiting."""
        async with self._parts.context.bus.subscribe("tasks") as wake_ups:
            async for queued in wake_ups:
                if queued or self._has_waiting:
                    self._news.set()

    async def dispatch_once(self) -> int:
        """Admit what may start, and start it; how many."""
        async with self._parts.context.store.writing() as connection:
            admitted, expired, self._has_waiting = await admit_queued_tasks(
                connection, self._parts.view(self._runs.executing)
            )
        for each in admitted:
            self._runs.hand_over(each)
        # Admitted is admitted: should a start fail, the reconciler starts what has no run.
        await asyncio.gather(*(self._durable.start(each.task.id) for each in admitted))
        for task_id in expired:
            await self._parts.publish_task(task_id)
        return len(admitted)
