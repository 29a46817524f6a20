"""The audit trail: who did what to which documents, and what changed. Append only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.server.store.schema import event_documents, events


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `number` is 0 until it is stored; `changes` is {"Before": …, "After": …} or None."""

    occurred_at: datetime
    category: str
    username: str
    message: str
    number: int = 0
    space_id: str = ""
    user_id: str | None = None
    identity_established_with: str = ""
    user_agent: str = ""
    ip_address: str = ""
    related_document_ids: Sequence[str] = ()
    message_references: Sequence[Mapping[str, Any]] = ()
    changes: Mapping[str, Any] | None = None

    @property
    def id(self) -> str:
        """`Events-N`."""
        return f"Events-{self.number}"


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events to list, newest first. Empty: no such condition. `regarding`: any of these documents."""

    space_ids: Sequence[str] = ()
    categories: Sequence[str] = ()
    usernames: Sequence[str] = ()
    user_ids: Sequence[str] = ()
    regarding: Sequence[str] = ()
    numbers: Sequence[int] = ()
    since: datetime | None = None
    until: datetime | None = None
    skip: int = 0
    take: int = 30


async def record_event(connection: AsyncConnection, event: Event) -> int:
    """Append an event and return its number."""
    statement = (
        insert(events)
        .values(
            occurred_at=event.occurred_at,
            category=event.category,
            username=event.username,
            message=event.message,
            space_id=event.space_id,
            user_id=event.user_id,
            identity_established_with=event.identity_established_with,
            user_agent=event.user_agent,
            ip_address=event.ip_address,
            message_references=[dict(reference) for reference in event.message_references],
            changes=None if event.changes is None else dict(event.changes),
        )
        .returning(events.c.number)
    )
    number = int((await connection.execute(statement)).scalar_one())
    if event.related_document_ids:
        rows = [{"number": number, "document_id": each} for each in dict.fromkeys(event.related_document_ids)]
        await connection.execute(insert(event_documents), rows)
    return number


async def list_events(connection: AsyncConnection, query: EventQuery) -> tuple[Sequence[Event], int]:
    """The events a query matches, newest first, and how many it matches in all."""
    conditions = _conditions(query)
    total = (await connection.execute(select(func.count()).select_from(events).where(*conditions))).scalar_one()
    page = select(*events.c).where(*conditions).order_by(events.c.number.desc()).offset(query.skip).limit(query.take)
    rows = (await connection.execute(page)).all()
    related = await _related(connection, [row.number for row in rows])
    return [_as_event(row, related[row.number]) for row in rows], int(total)


def _conditions(query: EventQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for column, wanted in (
        (events.c.space_id, query.space_ids),
        (events.c.category, query.categories),
        (events.c.username, query.usernames),
        (events.c.user_id, query.user_ids),
        (events.c.number, query.numbers),
    ):
        if wanted:
            conditions.append(column.in_(wanted))
    if query.regarding:
        regarding = select(event_documents.c.number).where(event_documents.c.document_id.in_(query.regarding))
        conditions.append(events.c.number.in_(regarding))
    if query.since is not None:
        conditions.append(events.c.occurred_at >= query.since)
    if query.until is not None:
        conditions.append(events.c.occurred_at <= query.until)
    return conditions


async def _related(connection: AsyncConnection, numbers: Sequence[int]) -> dict[int, list[str]]:
    related: dict[int, list[str]] = {number: [] for number in numbers}
    statement = select(*event_documents.c).where(event_documents.c.number.in_(numbers))
    for row in await connection.execute(statement.order_by(event_documents.c.document_id)):
        related[row.number].append(row.document_id)
    return related


def _as_event(row: Row[Any], related: Sequence[str]) -> Event:
    values = dict(row._mapping)
    references = tuple(values.pop("message_references"))
    return Event(**values, message_references=references, related_document_ids=tuple(related))
