"""The audit trail: every change leaves an event, in the transaction of the change itself."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.server.operations.context import OperationContext
from octavo.server.operations.documents import Json
from octavo.server.store.events import Event, record_event


async def record_change(
    context: OperationContext,
    connection: AsyncConnection,
    noun: str,
    category: str,
    *,
    before: Json | None,
    after: Json | None,
) -> None:
    """Record that a document was created, modified or deleted. Neither state may hold a secret."""
    subject = after or before or {}
    await record(
        context,
        connection,
        category,
        f"{noun[:1].upper()}{noun[1:]} {subject.get('Name') or subject.get('Username')} was {category.lower()}",
        related=[subject["Id"]],
        space_id=subject.get("SpaceId") or "",
        changes={"Before": _without_links(before), "After": _without_links(after)},
    )


async def record(
    context: OperationContext,
    connection: AsyncConnection,
    category: str,
    message: str,
    *,
    related: Sequence[str] = (),
    space_id: str = "",
    changes: Json | None = None,
) -> None:
    """Record that the caller did something."""
    caller = context.caller
    await record_event(
        connection,
        Event(
            occurred_at=context.clock.now(),
            category=category,
            username=caller.username,
            message=message,
            space_id=space_id,
            user_id=caller.user_id,
            identity_established_with=caller.established_with,
            user_agent=caller.user_agent,
            ip_address=caller.ip_address,
            related_document_ids=related,
            changes=changes,
        ),
    )


def _without_links(document: Json | None) -> Json | None:
    return None if document is None else {name: value for name, value in document.items() if name != "Links"}
