"""Deployments and runbook runs. Source: resources.md §10, §11; docs/decisions/0080-projects-and-deployments.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import NotFound
from octavo.server.domain.executions import Execution, ExecutionKind, SelectedPackage
from octavo.server.domain.tasks import TaskId, TaskState
from octavo.server.store.project_schema import executions
from octavo.server.store.schema import server_tasks

_COLUMNS = (
    *("id", "space_id", "project_id", "environment_id", "tenant_id", "release_id", "channel_id", "runbook_id"),
    *("runbook_snapshot_id", "task_id", "process_id", "created_at"),
)
_PLACE = (executions.c.project_id, executions.c.environment_id, executions.c.tenant_id)


@dataclass(frozen=True, slots=True)
class ExecutionQuery:
    """Which deployments or runs to list, newest first. None and empty: no matter."""

    kind: ExecutionKind
    space_id: str
    ids: Sequence[str] | None = None
    project_ids: Sequence[str] = ()
    environment_ids: Sequence[str] = ()
    tenant_ids: Sequence[str] = ()
    channel_ids: Sequence[str] = ()
    release_ids: Sequence[str] = ()
    runbook_ids: Sequence[str] = ()
    task_state: TaskState | None = None
    partial_name: str | None = None
    conditions: Sequence[ColumnElement[bool]] = ()
    skip: int = 0
    take: int | None = None


async def insert_execution(connection: AsyncConnection, execution: Execution) -> None:
    """Store a new deployment or run; its task must be there."""
    values = {name: getattr(execution, name) for name in _COLUMNS}
    doc = {
        **execution.doc,
        "VariableSetIds": list(execution.variable_set_ids),
        "SelectedPackages": [
            {"ActionName": each.action_name, "PackageReferenceName": each.reference, "Version": each.version}
            for each in execution.packages
        ],
    }
    await connection.execute(insert(executions).values(**values, kind=execution.kind.value, doc=doc))


async def find_execution(
    connection: AsyncConnection, execution_id: str, space_id: str | None = None
) -> Execution | None:
    """The deployment or run with this id, whatever its case."""
    statement = select(*executions.c).where(func.lower(executions.c.id) == execution_id.lower())
    if space_id is not None:
        statement = statement.where(executions.c.space_id == space_id)
    row = (await connection.execute(statement)).first()
    return None if row is None else _as_execution(row)


async def get_execution(connection: AsyncConnection, execution_id: str, space_id: str | None = None) -> Execution:
    """The deployment or run with this id.

    Raises:
        NotFound: there is none in this space.
    """
    found = await find_execution(connection, execution_id, space_id)
    if found is None:
        raise NotFound(f"There is no deployment or runbook run {execution_id} here.")
    return found


async def find_execution_of_task(connection: AsyncConnection, task_id: TaskId) -> Execution | None:
    """What a task carries out, if it is a deployment or a run."""
    row = (await connection.execute(select(*executions.c).where(executions.c.task_id == task_id))).first()
    return None if row is None else _as_execution(row)


async def list_executions(connection: AsyncConnection, query: ExecutionQuery) -> tuple[list[Execution], int]:
    """The matching ones, newest first, and how many there are in all."""
    conditions = _conditions(query)
    statement = (
        select(*executions.c)
        .where(*conditions)
        .order_by(executions.c.created_at.desc(), func.length(executions.c.id).desc(), executions.c.id.desc())
        .offset(query.skip)
    )
    if query.take is not None:
        statement = statement.limit(query.take)
    found = [_as_execution(row) for row in await connection.execute(statement)]
    count = select(func.count()).select_from(executions).where(*conditions)
    return found, int((await connection.execute(count)).scalar_one())


async def list_latest(connection: AsyncConnection, space_id: str) -> list[Execution]:
    """The newest deployment of each project in each environment for each tenant."""
    newest = (
        select(func.max(executions.c.created_at).label("at"), *_PLACE)
        .where(executions.c.space_id == space_id, executions.c.kind == ExecutionKind.DEPLOYMENT.value)
        .group_by(*_PLACE)
        .subquery()
    )
    same_tenant = func.coalesce(executions.c.tenant_id, "") == func.coalesce(newest.c.tenant_id, "")
    statement = select(*executions.c).join(
        newest,
        (executions.c.project_id == newest.c.project_id)
        & (executions.c.environment_id == newest.c.environment_id)
        & same_tenant
        & (executions.c.created_at == newest.c.at),
    )
    rows = await connection.execute(statement.where(executions.c.kind == ExecutionKind.DEPLOYMENT.value))
    return [_as_execution(row) for row in rows]


async def list_successes(connection: AsyncConnection, release_id: str) -> dict[str, list[str]]:
    """For each environment to which the release was deployed with success, the tenants; "" for none."""
    statement = (
        select(executions.c.environment_id, executions.c.tenant_id)
        .join(server_tasks, server_tasks.c.id == executions.c.task_id)
        .where(executions.c.release_id == release_id, server_tasks.c.state == TaskState.SUCCESS.value)
    )
    found: dict[str, list[str]] = {}
    for row in await connection.execute(statement):
        found.setdefault(row.environment_id, []).append(row.tenant_id or "")
    return found


def _conditions(query: ExecutionQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [
        executions.c.kind == query.kind.value,
        executions.c.space_id == query.space_id,
        *query.conditions,
    ]
    if query.ids is not None:
        conditions.append(func.lower(executions.c.id).in_([each.lower() for each in query.ids]))
    for column, wanted in (
        (executions.c.project_id, query.project_ids),
        (executions.c.environment_id, query.environment_ids),
        (executions.c.tenant_id, query.tenant_ids),
        (executions.c.channel_id, query.channel_ids),
        (executions.c.release_id, query.release_ids),
        (executions.c.runbook_id, query.runbook_ids),
    ):
        if wanted:
            conditions.append(column.in_(list(wanted)))
    if query.task_state is not None:
        tasks = select(server_tasks.c.id).where(server_tasks.c.state == query.task_state.value)
        conditions.append(executions.c.task_id.in_(tasks))
    if query.partial_name:
        named = select(server_tasks.c.id).where(
            func.lower(server_tasks.c.description).contains(query.partial_name.lower(), autoescape=True)
        )
        conditions.append(executions.c.task_id.in_(named))
    return conditions


def _as_execution(row: Row[Any]) -> Execution:
    doc = dict(row.doc)
    packages = tuple(
        SelectedPackage(each["ActionName"], each["PackageReferenceName"], each["Version"])
        for each in doc.pop("SelectedPackages")
    )
    sets = tuple(doc.pop("VariableSetIds"))
    values = {name: getattr(row, name) for name in _COLUMNS}
    kind = ExecutionKind(row.kind)
    return Execution(**values, kind=kind, variable_set_ids=sets, packages=packages, doc=doc)
