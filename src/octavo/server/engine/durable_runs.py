"""The seam to the durable engine: what was started is run to its end, by this process or by one after it.

`DbosRuns` is the only file that knows DBOS. A workflow is one task; its inputs are the task's id and nothing else. Its
body is safe to run again from the start, because everything a task has done stands in its own rows, so no step is
checkpointed: two engine commits a task. Source: FOUNDATIONS §1.3; docs/decisions/0060-dbos-keeps-the-promise.md.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import Any, Protocol

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID
from sqlalchemy import Engine, create_engine, event

from octavo.server.domain.tasks import NodeId, TaskId

log = logging.getLogger(__name__)

#: Constant: by default it is a hash of the code, and a new release would leave old workflows lying.
APPLICATION_VERSION = "engine-1"
_WORKFLOW = "octavo.run_task"
_DELETED_AT_ONCE = 500


class DurableRuns(Protocol):
    """Starts runs and remembers them over crashes.

    `start` may be repeated: a task runs at most once in all live processes that share the engine's database.
    """

    async def start(self, task_id: TaskId) -> None:
        """Run the task; returns when the start is on disk."""

    async def resume_orphans(self, live: Collection[NodeId]) -> list[TaskId]:
        """Run again whatever belongs to no live node; the ids."""

    async def forget_finished(self) -> None:
        """Delete the engine's own notes about ended runs."""

    async def close(self) -> None:
        """Stop. Runs under way stay pending and are resumed by the next process."""


class DbosRuns:
    """DBOS Transact, in its own SQLite file or in the schema `dbos` of the PostgreSQL database."""

    def __init__(self, node: NodeId, run_task: Callable[[TaskId], Awaitable[None]]) -> None:
        self._node = node
        self._run_task = run_task
        self._bodies: set[asyncio.Future[None]] = set()
        self._workflow: Any = None

    async def open(self, database_url: str, engine_file: Path) -> None:
        """Launch DBOS on our running loop: it then runs resumed workflows here too."""
        is_sqlite = database_url.startswith("sqlite")
        config: DBOSConfig = {
            "name": "octavo",
            "application_version": APPLICATION_VERSION,
            "executor_id": self._node,
            "serializer": DBOSPortableJSONSerializer(),
            "system_database_url": f"sqlite:///{engine_file}" if is_sqlite else _for_dbos(database_url),
            "log_level": "ERROR",
        }
        if is_sqlite:
            config["system_database_engine"] = _wal_engine(engine_file)
        DBOS(config=config)
        self._workflow = DBOS.workflow(name=_WORKFLOW)(self._body())
        DBOS.launch()

    def _body(self) -> Callable[[str], Awaitable[None]]:
        async def run_task(task_id: str) -> None:
            body = asyncio.ensure_future(self._run_task(TaskId(task_id)))
            self._bodies.add(body)
            try:
                await body
            finally:
                self._bodies.discard(body)

        return run_task

    async def start(self, task_id: TaskId) -> None:
        """As `DurableRuns`."""
        with SetWorkflowID(task_id):
            await DBOS.start_workflow_async(self._workflow, task_id)

    async def resume_orphans(self, live: Collection[NodeId]) -> list[TaskId]:
        """As `DurableRuns`."""
        pending = await DBOS.list_workflows_async(status="PENDING", load_input=False, load_output=False)
        lost = [each.workflow_id for each in pending if each.executor_id not in live]
        if lost:
            log.warning("tasks of a node that is gone are resumed", extra={"task_ids": lost})
            await DBOS.resume_workflows_async(lost)
        return [TaskId(each) for each in lost]

    async def forget_finished(self) -> None:
        """As `DurableRuns`."""
        ended = await DBOS.list_workflows_async(
            status=["SUCCESS", "ERROR"], load_input=False, load_output=False, limit=_DELETED_AT_ONCE
        )
        if ended:
            await DBOS.delete_workflows_async([each.workflow_id for each in ended])

    async def close(self) -> None:
        """As `DurableRuns`: cancelled bodies record nothing, so DBOS keeps them pending."""
        bodies = tuple(self._bodies)
        for body in bodies:
            body.cancel()
        await asyncio.gather(*bodies, return_exceptions=True)
        await asyncio.to_thread(DBOS.destroy, destroy_registry=True)


def _wal_engine(file: Path) -> Engine:
    """DBOS's own file: its threads never hold the main database's write lock."""
    engine = create_engine(f"sqlite:///{file}", connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _: object) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {pragma}").close()

    return engine


def _for_dbos(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)
