"""The rows of script runs: one for each attempt of a unit on a machine, written before the agent is asked.

The cursor (`next_sequence`) moves only in the transaction that stores the lines before it (`task_log.py`).
Source: DESIGN §6; tentacle-services.md §9.8.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.server.domain.script_runs import RunState, ScriptRun, ServiceVersion
from octavo.server.domain.tasks import TaskId
from octavo.server.store.schema import script_runs
from octavo.server.store.tasks import FenceLost


async def insert_script_runs(connection: AsyncConnection, runs: Sequence[ScriptRun], now: datetime) -> None:
    """Store new attempts."""
    if runs:
        await connection.execute(insert(script_runs), [_values(run, now) for run in runs])


async def list_script_runs(connection: AsyncConnection, task_id: TaskId, unit: str | None = None) -> list[ScriptRun]:
    """The attempts of a task (of one of its units), oldest first."""
    conditions = [script_runs.c.task_id == task_id]
    if unit is not None:
        conditions.append(script_runs.c.unit == unit)
    statement = select(*script_runs.c).where(*conditions).order_by(script_runs.c.unit, script_runs.c.attempt)
    return [_as_script_run(row) for row in await connection.execute(statement)]


async def claim_script_runs(connection: AsyncConnection, task_id: TaskId, fence: int) -> None:
    """Let whoever has `fence` continue the attempts of a task."""
    await connection.execute(update(script_runs).where(script_runs.c.task_id == task_id).values(fence=fence))


@dataclass(frozen=True, slots=True)
class RunChange:
    """What moves in an attempt; None leaves a value as it is. `next_sequence` is the cursor."""

    next_sequence: int | None = None
    state: RunState | None = None
    service: ServiceVersion | None = None
    agent_ticket: str | None = None
    exit_code: int | None = None
    confinement: str | None = None
    progress_percentage: int | None = None
    progress_message: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None


async def change_script_run(
    connection: AsyncConnection, ticket: str, fence: int, change: RunChange, at_sequence: int | None = None
) -> None:
    """Change an attempt that is run under `fence`; with `at_sequence`, only if the cursor still stands there.

    Raises:
        FenceLost: another node continues this attempt, or the cursor stands elsewhere.
    """
    conditions = [script_runs.c.ticket == ticket, script_runs.c.fence == fence]
    if at_sequence is not None:
        conditions.append(script_runs.c.next_sequence == at_sequence)
    statement = update(script_runs).where(*conditions)
    if (await connection.execute(statement, _changed(change))).rowcount == 0:
        raise FenceLost(f"The script {ticket} is no longer run under number {fence}: another node continues it.")


def _changed(change: RunChange) -> dict[str, Any]:
    values: dict[str, Any] = {
        "next_sequence": change.next_sequence,
        "state": change.state and change.state.value,
        "service_version": change.service and change.service.value,
        "agent_ticket": change.agent_ticket,
        "exit_code": change.exit_code,
        "confinement": change.confinement,
        "progress_percentage": change.progress_percentage,
        "progress_message": change.progress_message,
        "started_at": change.started_at,
        "completed_at": change.completed_at,
    }
    return {name: value for name, value in values.items() if value is not None}


def _values(run: ScriptRun, now: datetime) -> dict[str, Any]:
    return {
        "ticket": run.ticket,
        "task_id": run.task_id,
        "unit": run.unit,
        "machine_id": run.machine_id,
        "machine_name": run.machine_name,
        "agent_ticket": run.agent_ticket,
        "attempt": run.attempt,
        "fence": run.fence,
        "state": run.state.value,
        "service_version": run.service.value,
        "created_at": now,
    }


def _as_script_run(row: Row[Any]) -> ScriptRun:
    return ScriptRun(
        ticket=row.ticket,
        task_id=TaskId(row.task_id),
        unit=row.unit,
        machine_id=row.machine_id,
        machine_name=row.machine_name,
        attempt=row.attempt,
        fence=row.fence,
        state=RunState(row.state),
        service=ServiceVersion(row.service_version),
        agent_ticket=row.agent_ticket,
        next_sequence=row.next_sequence,
        exit_code=row.exit_code,
        confinement=row.confinement,
        progress_percentage=row.progress_percentage,
        progress_message=row.progress_message,
        created_at=row.created_at,
        started_at=row.started_at,
        completed_at=row.completed_at,
    )
