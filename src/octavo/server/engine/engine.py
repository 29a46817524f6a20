"""One node's engine: everything that happens by itself, started together and stopped together.

Source: DESIGN §6; docs/reference/tasks.md.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

from octavo.halibut import Runtime
from octavo.server.domain.tasks import NodeId, TaskId
from octavo.server.engine.dispatcher import Dispatcher
from octavo.server.engine.durable_runs import DbosRuns
from octavo.server.engine.health_checks import HealthChecks
from octavo.server.engine.health_schedule import HealthSchedule
from octavo.server.engine.lasting import run_lasting
from octavo.server.engine.parts import EngineParts
from octavo.server.engine.reconciler import Reconciler
from octavo.server.engine.task_runs import TaskRuns
from octavo.server.operations.built_in_worker import find_built_in_worker_setting
from octavo.server.operations.context import SYSTEM, OperationContext, Parts
from octavo.server.packages.delivery import Delivery
from octavo.server.packages.deltas import Deltas
from octavo.server.packages.tokens import fetch_tokens
from octavo.server.workers.built_in_worker import BuiltInWorker
from octavo.server.workers.capabilities import Capabilities
from octavo.server.workers.connections import Connections
from octavo.server.workers.retries import RetryPolicy

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What an engine is told. `server_url` is where workers reach this server's API."""

    data: Path
    database_url: str
    server_url: str
    node_name: str | None = None
    task_cap: int = 20
    retries: RetryPolicy = RetryPolicy()


@asynccontextmanager
async def running_engine(settings: EngineSettings, parts: Parts, halibut: Runtime) -> AsyncIterator[None]:
    """The engine, while the block runs. Scripts under way when it ends go on, and are taken up again by the next."""
    engine = await _build(settings, parts, halibut)
    shared = engine.shared
    await shared.connections.synchronise_trust()
    await engine.reconciler.start()
    tasks = asyncio.TaskGroup()
    async with tasks:
        await engine.durable.open(settings.database_url, settings.data / "engine.db")
        parts_of_it: dict[str, Callable[[], Awaitable[None]]] = {
            "trust": shared.connections.follow_machines,
            "built-in worker": shared.built_in.run,
            "reconciler": engine.reconciler.run,
            "cancellations": partial(_listen_for_cancellations, shared, engine.runs),
            "dispatcher": engine.dispatcher.run,
            "health schedule": engine.schedule.run,
        }
        loops = [tasks.create_task(run_lasting(name, run), name=name) for name, run in parts_of_it.items()]
        try:
            yield
        finally:
            for loop in loops:
                loop.cancel()
            await engine.durable.close()
    await engine.reconciler.stop()


@dataclass(frozen=True, slots=True)
class _Engine:
    shared: EngineParts
    runs: TaskRuns
    durable: DbosRuns
    dispatcher: Dispatcher
    reconciler: Reconciler
    schedule: HealthSchedule


async def _build(settings: EngineSettings, parts: Parts, halibut: Runtime) -> _Engine:
    name = settings.node_name or socket.gethostname()
    node = NodeId(f"{name}-{uuid4().hex[:8]}")  # unique per start: a node's dead self is another node
    async with parts.store.reading() as connection:
        account = (await find_built_in_worker_setting(connection)).account
    shared = EngineParts(
        context=OperationContext(parts, SYSTEM),
        node=node,
        node_name=name,
        task_cap=settings.task_cap,
        connections=Connections(halibut, parts.store, parts.bus, parts.vault),
        capabilities=Capabilities(halibut),
        built_in=BuiltInWorker(settings.data / "built-in-worker", halibut.identity.thumbprint, account),
        delivery=Delivery(
            parts.blobs, fetch_tokens(parts.vault), parts.clock, settings.server_url, settings.data / "spool-out"
        ),
        deltas=Deltas(parts.blobs, settings.data / "spool-out"),
        spool=settings.data / "spool-in",
        retries=settings.retries,
    )
    health = HealthChecks(shared)
    schedule = HealthSchedule(shared, health)
    shared.suspect = schedule.suspect
    runs = TaskRuns(shared, health)
    durable = DbosRuns(node, runs.run)
    return _Engine(
        shared, runs, durable, Dispatcher(shared, runs, durable), Reconciler(shared, runs, durable), schedule
    )


async def _listen_for_cancellations(shared: EngineParts, runs: TaskRuns) -> None:
    async with shared.context.bus.subscribe("cancel.*") as cancelled:
        async for task_id in cancelled:
            runs.cancel(TaskId(task_id.decode()))
