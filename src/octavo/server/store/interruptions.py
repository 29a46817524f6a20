"""Interruptions: questions that a task asks people, and their answers.

One for each unit, attempt and type of a task, so that a task that is run again after a crash asks no question twice.
Source: resources.md §16; docs/decisions/0080-projects-and-deployments.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Conflict, NotFound
from octavo.server.domain.tasks import TaskId
from octavo.server.store.ids import next_id
from octavo.server.store.project_schema import interruptions
from octavo.server.store.schema import server_tasks

MANUAL_INTERVENTION = "ManualIntervention"
GUIDED_FAILURE = "GuidedFailure"


@dataclass(frozen=True, slots=True)
class Interruption:
    """A question. `answer` is None until somebody has given it; `doc` has Title, Instructions, ResponsibleTeamIds."""

    id: str
    space_id: str
    task_id: TaskId
    unit: str
    attempt: int
    type: str
    is_pending: bool
    created_at: datetime
    responsible_user_id: str | None
    answer: Mapping[str, Any] | None
    doc: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask, before it has an id."""

    space_id: str
    task_id: TaskId
    unit: str
    attempt: int
    type: str
    doc: Mapping[str, Any]


async def open_interruption(connection: AsyncConnection, question: Question, now: datetime) -> Interruption:
    """Ask, or find the question asked already."""
    known = await find_interruption(connection, question.task_id, question.unit, question.attempt, question.type)
    if known is not None:
        return known
    interruption_id = await next_id(connection, "Interruptions")
    values = {
        "id": interruption_id,
        "space_id": question.space_id,
        "task_id": question.task_id,
        "unit": question.unit,
        "attempt": question.attempt,
        "type": question.type,
        "is_pending": True,
        "created_at": now,
        "doc": dict(question.doc),
    }
    await connection.execute(insert(interruptions).values(**values))
    await _mark_task(connection, question.task_id)
    return await get_interruption(connection, interruption_id)


async def find_interruption(
    connection: AsyncConnection, task_id: TaskId, unit: str, attempt: int, type_: str
) -> Interruption | None:
    """The question of this type about this attempt of this unit."""
    mine = (
        interruptions.c.task_id == task_id,
        interruptions.c.unit == unit,
        interruptions.c.attempt == attempt,
        interruptions.c.type == type_,
    )
    row = (await connection.execute(select(*interruptions.c).where(*mine))).first()
    return None if row is None else _as_interruption(row)


async def get_interruption(
    connection: AsyncConnection, interruption_id: str, space_id: str | None = None
) -> Interruption:
    """The question with this id.

    Raises:
        NotFound: there is none in this space.
    """
    statement = select(*interruptions.c).where(func.lower(interruptions.c.id) == interruption_id.lower())
    if space_id is not None:
        statement = statement.where(interruptions.c.space_id == space_id)
    row = (await connection.execute(statement)).first()
    if row is None:
        raise NotFound(f"There is no interruption {interruption_id} here.")
    return _as_interruption(row)


async def list_interruptions(
    connection: AsyncConnection,
    space_id: str,
    *,
    task_id: str | None = None,
    ids: Sequence[str] | None = None,
    is_pending_only: bool = False,
) -> list[Interruption]:
    """The questions of a space, newest first."""
    conditions: list[ColumnElement[bool]] = [interruptions.c.space_id == space_id]
    if task_id:
        conditions.append(func.lower(interruptions.c.task_id) == task_id.lower())
    if ids is not None:
        conditions.append(func.lower(interruptions.c.id).in_([each.lower() for each in ids]))
    if is_pending_only:
        conditions.append(interruptions.c.is_pending.is_(True))
    order = (func.length(interruptions.c.id).desc(), interruptions.c.id.desc())
    rows = await connection.execute(select(*interruptions.c).where(*conditions).order_by(*order))
    return [_as_interruption(row) for row in rows]


async def take_responsibility(connection: AsyncConnection, interruption_id: str, user_id: str) -> None:
    """Make a user the one who answers."""
    mine = interruptions.c.id == interruption_id
    await connection.execute(update(interruptions).where(mine).values(responsible_user_id=user_id))


async def answer_interruption(
    connection: AsyncConnection, interruption: Interruption, answer: Mapping[str, Any]
) -> None:
    """Give the answer, once.

    Raises:
        Conflict: somebody answered meanwhile.
    """
    statement = (
        update(interruptions)
        .where(interruptions.c.id == interruption.id, interruptions.c.is_pending.is_(True))
        .values(is_pending=False, answer=dict(answer))
    )
    if (await connection.execute(statement)).rowcount == 0:
        raise Conflict(f"{interruption.id} was answered already.")
    await _mark_task(connection, interruption.task_id)


async def drop_pending(connection: AsyncConnection, task_id: TaskId) -> None:
    """Close the questions of a task that has ended: nobody needs their answers any more."""
    mine = (interruptions.c.task_id == task_id, interruptions.c.is_pending.is_(True))
    await connection.execute(update(interruptions).where(*mine).values(is_pending=False))
    await _mark_task(connection, task_id)


async def _mark_task(connection: AsyncConnection, task_id: TaskId) -> None:
    """Let the task say whether it has a question open."""
    pending = select(interruptions.c.id).where(interruptions.c.task_id == task_id, interruptions.c.is_pending.is_(True))
    has_pending = (await connection.execute(pending.limit(1))).first() is not None
    statement = update(server_tasks).where(server_tasks.c.id == task_id)
    await connection.execute(statement.values(has_pending_interruptions=has_pending))


def _as_interruption(row: Row[Any]) -> Interruption:
    return Interruption(
        row.id,
        row.space_id,
        TaskId(row.task_id),
        row.unit,
        row.attempt,
        row.type,
        bool(row.is_pending),
        row.created_at,
        row.responsible_user_id,
        row.answer,
        row.doc,
    )
