"""What the engine's pieces share: built once, by `engine.py`, and handed to each."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.halibut import Endpoint
from octavo.server.domain.placement import BUILT_IN_WORKER_ID
from octavo.server.domain.tasks import NodeId, TaskId
from octavo.server.operations.admission import NodeView
from octavo.server.operations.context import OperationContext
from octavo.server.packages.delivery import Delivery
from octavo.server.packages.deltas import Deltas
from octavo.server.workers.built_in_worker import BuiltInWorker
from octavo.server.workers.capabilities import Capabilities
from octavo.server.workers.connections import Connections
from octavo.server.workers.retries import RetryPolicy


@dataclass(slots=True)
class EngineParts:
    """The parts of one node's engine. `context` acts as the server itself."""

    context: OperationContext
    node: NodeId
    node_name: str
    task_cap: int
    connections: Connections
    capabilities: Capabilities
    built_in: BuiltInWorker
    delivery: Delivery
    deltas: Deltas
    spool: Path
    retries: RetryPolicy
    #: Told when a machine should be checked soon: it does not answer.
    suspect: Callable[[str], None] = lambda _: None
    #: When each worker last ended something here; placement breaks ties by it.
    idle_since: dict[str, datetime] = field(default_factory=dict)

    def view(self, executing: int) -> NodeView:
        """This node as admission sees it, with as many tasks under way."""
        return NodeView(self.node, self.task_cap, self.now(), executing, self.idle_since)

    def now(self) -> datetime:
        """The time."""
        return self.context.clock.now()

    async def get_endpoint(self, machine_id: str) -> Endpoint:
        """Where a machine is, the built-in worker included.

        Raises:
            NotFound, NoAgent, AgentUnavailable: it cannot be reached, and why.
        """
        if machine_id == BUILT_IN_WORKER_ID:
            return await self.built_in.get_endpoint()
        return await self.connections.get_endpoint(machine_id)

    async def write(self, work: Callable[[AsyncConnection], Awaitable[object]]) -> None:
        """Do `work` in a transaction of its own; the store shares commits among those who wait."""
        async with self.context.store.writing() as connection:
            await work(connection)

    async def publish_task(self, task_id: TaskId) -> None:
        """Tell whoever watches a task that its state or log moved."""
        await self.context.bus.publish(f"task.{task_id}")
