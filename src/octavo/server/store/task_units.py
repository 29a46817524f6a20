"""What became of each step of a deployment or runbook run: decided, begun, ended. Beside the attempts of its scripts.

A row is written before anything is done because of it, under the fence of the task's owner; a run that is taken up
again finds every decision made. Source: docs/decisions/0080-projects-and-deployments.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.server.domain.tasks import Claim, TaskId
from octavo.server.store.schema import server_tasks, task_units
from octavo.server.store.tasks import FenceLost


class UnitStatus(StrEnum):
    """Where a step or action stands; the name is the API's."""

    RUNNING = "Running"
    SUCCESS = "Success"
    WARNING = "SuccessWithWarning"
    FAILED = "Failed"
    SKIPPED = "Skipped"
    CANCELED = "Canceled"


FINAL_UNIT_STATUSES = frozenset(set(UnitStatus) - {UnitStatus.RUNNING})


@dataclass(frozen=True, slots=True)
class TaskUnit:
    """A step (`2`) or an action in a place (`2/1`). `outcome` has an `Error`, or what was decided."""

    unit: str
    name: str
    status: UnitStatus
    started_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: Mapping[str, Any] = field(default_factory=dict)


async def list_units(connection: AsyncConnection, task_id: TaskId) -> dict[str, TaskUnit]:
    """Everything that is known of a task's steps and actions, by path."""
    rows = await connection.execute(select(*task_units.c).where(task_units.c.task_id == task_id))
    return {row.unit: _as_unit(row) for row in rows}


async def save_unit(connection: AsyncConnection, claim: Claim, unit: TaskUnit) -> None:
    """Store what became of a step or action, in place of what was known.

    Raises:
        FenceLost: another node runs the task now.
    """
    await check_fence(connection, claim)
    mine = (task_units.c.task_id == claim.task_id, task_units.c.unit == unit.unit)
    await connection.execute(delete(task_units).where(*mine))
    values = {
        "task_id": claim.task_id,
        "unit": unit.unit,
        "name": unit.name,
        "status": unit.status.value,
        "started_at": unit.started_at,
        "ended_at": unit.ended_at,
        "outcome": dict(unit.outcome),
    }
    await connection.execute(insert(task_units).values(**values))


async def save_plan(connection: AsyncConnection, claim: Claim, plan: Mapping[str, Any]) -> None:
    """Store the plan of a task that has just started.

    Raises:
        FenceLost: another node runs the task now.
    """
    mine = (server_tasks.c.id == claim.task_id, server_tasks.c.fence == claim.fence)
    if (await connection.execute(update(server_tasks).where(*mine).values(plan=dict(plan)))).rowcount == 0:
        raise FenceLost(f"{claim.task_id} is run by another node now.")


async def check_fence(connection: AsyncConnection, claim: Claim) -> None:
    """Go on only as the task's owner.

    Raises:
        FenceLost: another node runs the task now.
    """
    mine = (server_tasks.c.id == claim.task_id, server_tasks.c.fence == claim.fence)
    if (await connection.execute(select(server_tasks.c.id).where(*mine).with_for_update())).first() is None:
        raise FenceLost(f"{claim.task_id} is run by another node now.")


def _as_unit(row: Row[Any]) -> TaskUnit:
    return TaskUnit(row.unit, row.name, UnitStatus(row.status), row.started_at, row.ended_at, row.outcome or {})
