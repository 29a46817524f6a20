"""The rows of tasks: queued, admitted in one short transaction, claimed again after a crash, finished.

Whoever executes a task writes with its fence number; once another has claimed the task, such writes raise `FenceLost`.
Source: DESIGN §6.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import NotFound, OctavoError
from octavo.server.domain.tasks import (
    FINAL_STATES,
    RUNNING_STATES,
    Claim,
    NewTask,
    NodeId,
    Task,
    TaskEnd,
    TaskId,
    TaskKind,
    TaskState,
    may_become,
)
from octavo.server.store.ids import next_number
from octavo.server.store.project_schema import executions
from octavo.server.store.schema import server_tasks

_PREFIX = "ServerTasks"


class FenceLost(OctavoError):
    """Another node executes this task now: stop, and write nothing more."""


@dataclass(frozen=True, slots=True)
class TaskQuery:
    """Which tasks to list, newest first. `ids` overrides paging (conventions §6). `space_id` None: of every space."""

    space_id: str | None = None
    ids: Sequence[str] | None = None
    states: Sequence[TaskState] = ()
    name: str | None = None
    partial_description: str | None = None
    project_id: str | None = None
    node: str | None = None
    environment_id: str | None = None
    tenant_id: str | None = None
    runbook_id: str | None = None
    has_pending_interruptions: bool | None = None
    has_warnings_or_errors: bool | None = None
    conditions: Sequence[ColumnElement[bool]] = ()
    skip: int = 0
    take: int | None = None


async def insert_task(
    connection: AsyncConnection, new: NewTask, now: datetime, user_name: str, user_id: str | None
) -> Task:
    """Queue a task."""
    number = await next_number(connection, _PREFIX)
    task_id = TaskId(f"{_PREFIX}-{number}")
    values = {
        "id": task_id,
        "number": number,
        "space_id": new.space_id or "",
        "name": new.kind.value,
        "description": new.description,
        "state": TaskState.QUEUED.value,
        "arguments": dict(new.arguments),
        "plan": dict(new.plan),
        "project_id": new.project_id,
        "environment_id": new.environment_id,
        "tenant_id": new.tenant_id,
        "mutex_key": new.mutex_key,
        "queued_at": now,
        "updated_at": now,
        "not_before": new.not_before,
        "expires_at": new.expires_at,
        "created_by": user_name,
        "created_by_id": user_id,
    }
    await connection.execute(insert(server_tasks), values)  # half the time of .values(…)
    return Task(
        id=task_id,
        kind=new.kind,
        space_id=new.space_id,
        description=new.description,
        arguments=new.arguments,
        plan=new.plan,
        state=TaskState.QUEUED,
        queued_at=now,
        queued_by=user_name,
        not_before=new.not_before,
        expires_at=new.expires_at,
        mutex_key=new.mutex_key,
        project_id=new.project_id,
    )


async def find_task(connection: AsyncConnection, task_id: str, space_id: str | None = None) -> Task | None:
    """The task with this id (whatever its case) in this space (None: in any)."""
    prefix, _, number = task_id.rpartition("-")
    if prefix.casefold() != _PREFIX.casefold():
        return None
    row = (await connection.execute(_BY_ID, {"task_id": f"{_PREFIX}-{number}"})).first()
    return None if row is None or space_id not in (None, row.space_id) else _as_task(row)


async def get_task(connection: AsyncConnection, task_id: str, space_id: str | None = None) -> Task:
    """The task with this id in this space (None: in any).

    Raises:
        NotFound: there is none.
    """
    task = await find_task(connection, task_id, space_id)
    if task is None:
        raise NotFound(f"There is no task {task_id} here.")
    return task


async def list_tasks(connection: AsyncConnection, query: TaskQuery) -> tuple[list[Task], int]:
    """The tasks a query matches, newest first, and how many it matches in all."""
    conditions = _conditions(query)
    statement = select(*_COLUMNS).where(*conditions).order_by(server_tasks.c.number.desc())
    if query.ids is None:
        statement = statement.offset(query.skip).limit(query.take)
    tasks = [_as_task(row) for row in await connection.execute(statement)]
    if query.ids is not None:
        return tasks, len(tasks)
    count = select(func.count()).select_from(server_tasks).where(*conditions)
    return tasks, int((await connection.execute(count)).scalar_one())


async def list_queued(connection: AsyncConnection, limit: int) -> list[Task]:
    """The queued tasks that are next, by priority, then oldest first."""
    return [_as_task(row) for row in await connection.execute(_QUEUED, {"at_most": limit})]


async def list_running(connection: AsyncConnection) -> list[tuple[TaskId, TaskState, NodeId | None]]:
    """The tasks that somebody executes, or executed when his node died: id, state and node."""
    statement = select(server_tasks.c.id, server_tasks.c.state, server_tasks.c.node_id).where(_IS_RUNNING)
    rows = await connection.execute(statement)
    return [
        (TaskId(row.id), TaskState(row.state), None if row.node_id is None else NodeId(row.node_id)) for row in rows
    ]


async def count_executing(connection: AsyncConnection, node: NodeId) -> int:
    """How many tasks this node executes that count against its cap."""
    statement = select(func.count()).select_from(server_tasks)
    mine = (server_tasks.c.node_id == node, _IS_RUNNING, server_tasks.c.name != TaskKind.HEALTH.value)
    return int((await connection.execute(statement.where(*mine))).scalar_one())


async def find_mutex_holders(connection: AsyncConnection, keys: Sequence[str]) -> dict[str, TaskId]:
    """Which running task holds each of these mutex keys; free ones are left out."""
    if not keys:
        return {}
    statement = select(server_tasks.c.mutex_key, server_tasks.c.id).where(
        server_tasks.c.mutex_key.in_(keys), _IS_RUNNING
    )
    return {row.mutex_key: TaskId(row.id) for row in await connection.execute(statement)}


async def admit_tasks(connection: AsyncConnection, task_ids: Sequence[TaskId], node: NodeId, now: datetime) -> None:
    """Make these queued tasks `Executing` on `node`. Their fence becomes 1 more than it was."""
    await connection.execute(_ADMIT, {"ids": list(task_ids), "node": node, "now": now})


async def claim_running(connection: AsyncConnection, task_id: TaskId, node: NodeId) -> Task | None:
    """Take a running task over: its fence goes up, so that whoever ran it before can write no more.

    None when the task is not running any more.
    """
    statement = (
        update(server_tasks)
        .where(server_tasks.c.id == task_id, _IS_RUNNING)
        .values(node_id=node, fence=server_tasks.c.fence + 1)
        .returning(*_COLUMNS)
    )
    row = (await connection.execute(statement)).first()
    return None if row is None else _as_task(row)


async def request_cancel(
    connection: AsyncConnection, task_id: TaskId, now: datetime, user_name: str
) -> tuple[TaskState, TaskState]:
    """Cancel a queued task at once, tell a running one to; a final one stays. The state before, and the state now.

    Raises:
        NotFound: there is no such task.
    """
    locked = select(server_tasks.c.state).where(server_tasks.c.id == task_id).with_for_update()
    found = (await connection.execute(locked)).scalar()
    if found is None:
        raise NotFound(f"There is no task {task_id} here.")
    before = TaskState(found)
    after = {TaskState.QUEUED: TaskState.CANCELLED, TaskState.EXECUTING: TaskState.CANCELLING}.get(before, before)
    if after is not before:
        values: dict[str, Any] = {"state": after.value, "cancel_requested_at": now, "cancel_requested_by": user_name}
        if after in FINAL_STATES:
            values["completed_at"] = now
        await _change(connection, task_id, {**values, "updated_at": now})
    return before, after


async def finish_task(connection: AsyncConnection, claim: Claim, end: TaskEnd, now: datetime) -> None:
    """Give a running task its final state.

    Raises:
        FenceLost: another node executes it now, or it is final already.
    """
    from_states = [each.value for each in RUNNING_STATES if may_become(each, end.state)]
    statement = update(server_tasks).where(
        server_tasks.c.id == claim.task_id,
        server_tasks.c.fence == claim.fence,
        server_tasks.c.state.in_(from_states),
    )
    values = {"state": end.state.value, "error_message": end.error, "completed_at": now, "updated_at": now}
    if (await connection.execute(statement, values)).rowcount == 0:
        raise FenceLost(f"{claim.task_id} is no longer executed under number {claim.fence}.")


async def end_queued_task(connection: AsyncConnection, task_id: TaskId, end: TaskEnd, now: datetime) -> None:
    """Give a task that never started its final state."""
    statement = (
        update(server_tasks)
        .where(server_tasks.c.id == task_id, server_tasks.c.state == TaskState.QUEUED.value)
        .values(state=end.state.value, error_message=end.error, completed_at=now, updated_at=now)
    )
    await connection.execute(statement)


async def set_task_state(connection: AsyncConnection, task_id: TaskId, end: TaskEnd, now: datetime) -> None:
    """Set a final state by hand, whatever the task was; whoever runs it loses its fence."""
    values = {"state": end.state.value, "error_message": end.error, "completed_at": now, "updated_at": now}
    await _change(connection, task_id, {**values, "fence": server_tasks.c.fence + 1})


async def _change(connection: AsyncConnection, task_id: TaskId, values: Mapping[str, Any]) -> None:
    await connection.execute(update(server_tasks).where(server_tasks.c.id == task_id).values(**values))


_COLUMNS: tuple[Column[Any], ...] = (
    server_tasks.c.id,
    server_tasks.c.name,
    server_tasks.c.space_id,
    server_tasks.c.description,
    server_tasks.c.arguments,
    server_tasks.c.plan,
    server_tasks.c.state,
    server_tasks.c.queued_at,
    server_tasks.c.created_by,
    server_tasks.c.started_at,
    server_tasks.c.completed_at,
    server_tasks.c.updated_at,
    server_tasks.c.not_before,
    server_tasks.c.expires_at,
    server_tasks.c.mutex_key,
    server_tasks.c.project_id,
    server_tasks.c.node_id,
    server_tasks.c.fence,
    server_tasks.c.log_position,
    server_tasks.c.log_bytes,
    server_tasks.c.error_message,
    server_tasks.c.has_warnings,
    server_tasks.c.has_pending_interruptions,
)
_IS_RUNNING = server_tasks.c.state.in_([state.value for state in RUNNING_STATES])

# Statements of every task, built once: building one costs twice what running it does (decision 0041).
_QUEUED = (
    select(*_COLUMNS)
    .where(server_tasks.c.state == TaskState.QUEUED.value)
    .order_by(server_tasks.c.priority.desc(), server_tasks.c.queued_at, server_tasks.c.number)
    .limit(bindparam("at_most"))
    .with_for_update(skip_locked=True)  # dropped on SQLite, where BEGIN IMMEDIATE already serialises writers
)
_ADMIT = (
    update(server_tasks)
    .where(server_tasks.c.id.in_(bindparam("ids", expanding=True)), server_tasks.c.state == TaskState.QUEUED.value)
    .values(
        state=TaskState.EXECUTING.value,
        node_id=bindparam("node"),
        fence=server_tasks.c.fence + 1,
        started_at=bindparam("now"),
        updated_at=bindparam("now"),
        waiting=None,
    )
)
_BY_ID = select(*_COLUMNS).where(server_tasks.c.id == bindparam("task_id"))


def _conditions(query: TaskQuery) -> list[ColumnElement[bool]]:
    columns, conditions = server_tasks.c, list[ColumnElement[bool]](query.conditions)
    if query.space_id is not None:
        conditions.append(columns.space_id == query.space_id)
    if query.ids is not None:
        numbers = {int(each.rpartition("-")[2]) for each in query.ids if each.rpartition("-")[2].isdecimal()}
        conditions.append(columns.number.in_(sorted(number for number in numbers if number < 2**63)))
    if query.states:
        conditions.append(columns.state.in_([state.value for state in query.states]))
    if query.name:
        conditions.append(func.lower(columns.name) == query.name.lower())
    if query.partial_description:
        conditions.append(func.lower(columns.description).contains(query.partial_description.lower(), autoescape=True))
    for column, wanted in (
        (columns.project_id, query.project_id),
        (columns.environment_id, query.environment_id),
        (columns.tenant_id, query.tenant_id),
        (columns.node_id, query.node),
    ):
        if wanted:
            conditions.append(column == wanted)
    if query.runbook_id:
        runs = select(executions.c.task_id).where(executions.c.runbook_id == query.runbook_id)
        conditions.append(columns.id.in_(runs))
    if query.has_pending_interruptions is not None:
        conditions.append(columns.has_pending_interruptions.is_(query.has_pending_interruptions))
    if query.has_warnings_or_errors is not None:
        conditions.append(columns.has_warnings.is_(query.has_warnings_or_errors))
    return conditions


def _as_task(row: Row[*tuple[Any, ...]]) -> Task:
    return Task(
        id=TaskId(row.id),
        kind=TaskKind(row.name),
        space_id=row.space_id or None,
        description=row.description,
        arguments=row.arguments,
        plan=row.plan or {"steps": []},
        state=TaskState(row.state),
        queued_at=row.queued_at,
        queued_by=row.created_by,
        started_at=row.started_at,
        completed_at=row.completed_at,
        updated_at=row.updated_at,
        not_before=row.not_before,
        expires_at=row.expires_at,
        mutex_key=row.mutex_key,
        project_id=row.project_id,
        node=None if row.node_id is None else NodeId(row.node_id),
        fence=row.fence,
        lines=row.log_position,
        log_bytes=row.log_bytes,
        error=row.error_message,
        has_warnings=row.has_warnings,
        has_pending_interruptions=bool(row.has_pending_interruptions),
    )
