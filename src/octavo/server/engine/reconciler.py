"""Makes what is so into what should be, each second: level-triggered, so that no lost signal loses work.

A node says that it lives; runs of dead nodes are resumed; running tasks of this node without a run are started; tasks
that somebody cancelled are told again; leases are renewed. Source: DESIGN §6; FOUNDATIONS §1.3 rules 2 and 3.
"""

import asyncio
import logging

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import StoreUnavailable
from octavo.server.domain.tasks import NodeId, TaskState
from octavo.server.engine.durable_runs import DurableRuns
from octavo.server.engine.parts import EngineParts
from octavo.server.engine.task_runs import TaskRuns
from octavo.server.store.leases import renew_leases
from octavo.server.store.nodes import beat, end_node, end_other_nodes, list_live_nodes
from octavo.server.store.tasks import list_running

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
BEAT_EVERY = 3  # looks; a node is dead after 10 s
RENEW_EVERY = 5
FORGET_EVERY = 60


class Reconciler:
    """Keeps one node's runs in order while `run` is active."""

    def __init__(self, parts: EngineParts, runs: TaskRuns, durable: DurableRuns) -> None:
        self._parts = parts
        self._runs = runs
        self._durable = durable
        self._started_at = parts.now()
        self._looks = 0

    async def start(self) -> None:
        """Say that this node lives. On SQLite the folder's lock proves that every other one is dead."""
        async with self._parts.context.store.writing() as connection:
            if self._parts.context.store.dialect == "sqlite":
                await end_other_nodes(connection, self._parts.node)
            await self._beat_on(connection)

    async def run(self) -> None:
        """Look each second until cancelled."""
        while True:
            try:
                await self.reconcile_once()
            except StoreUnavailable:
                log.warning("the store is away; this node cannot say that it lives")
            await asyncio.sleep(LOOK_SECONDS)

    async def reconcile_once(self) -> None:
        """One look."""
        self._looks += 1
        if self._looks % BEAT_EVERY == 0:
            async with self._parts.context.store.writing() as connection:
                await self._beat_on(connection)
                if self._runs.running and self._looks % RENEW_EVERY < BEAT_EVERY:
                    await renew_leases(connection, self._parts.node)
        async with self._parts.context.store.reading() as connection:
            live = await list_live_nodes(connection) | {self._parts.node}
            running = await list_running(connection)
        await self._durable.resume_orphans(live)
        for task_id, state, node in running:
            if state is TaskState.CANCELLING:
                self._runs.cancel(task_id)
            if self._is_mine(node, live) and task_id not in self._runs.running:
                await self._durable.start(task_id)
        if self._looks % FORGET_EVERY == 0:
            await self._durable.forget_finished()

    async def stop(self) -> None:
        """Say that this node is gone, so that others take over at once."""
        async with self._parts.context.store.writing() as connection:
            await end_node(connection, self._parts.node)

    def _is_mine(self, node: NodeId | None, live: set[NodeId]) -> bool:
        return node is None or node == self._parts.node or node not in live

    async def _beat_on(self, connection: AsyncConnection) -> None:
        await beat(connection, self._parts.node, self._parts.node_name, self._parts.task_cap, self._started_at)
