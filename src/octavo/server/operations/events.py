"""Reading the audit trail."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from octavo.base.errors import Invalid, NotFound
from octavo.server.domain.permissions import Permission
from octavo.server.operations.context import OperationContext, forbidden, require_everywhere
from octavo.server.operations.documents import Json
from octavo.server.operations.moments import moment, parse_moment
from octavo.server.store.events import Event, EventQuery, list_events

MOST = 10_000  # events on one page


@dataclass(frozen=True, slots=True)
class EventRequest:
    """Which events are wanted; empty means no such condition."""

    regarding: Sequence[str] = ()
    categories: Sequence[str] = ()
    user_ids: Sequence[str] = ()
    ids: Sequence[str] = ()
    space_ids: Sequence[str] = ()
    since: str | None = None
    until: str | None = None
    skip: int = 0
    take: int = 30


async def find_events(context: OperationContext, wanted: EventRequest) -> tuple[list[Json], int]:
    """The wanted events, newest first, and how many there are in all."""
    query = EventQuery(
        space_ids=_seen_spaces(context, wanted.space_ids),
        categories=wanted.categories,
        user_ids=wanted.user_ids,
        regarding=wanted.regarding,
        numbers=[_number(each) for each in wanted.ids],
        since=_moment("from", wanted.since),
        until=_moment("to", wanted.until),
        skip=wanted.skip,
        take=min(wanted.take, MOST),
    )
    async with context.store.reading() as connection:
        found, total = await list_events(connection, query)
    return [present(event) for event in found], total


def _seen_spaces(context: OperationContext, wanted: Sequence[str]) -> Sequence[str]:
    """The spaces whose trail the caller may read: all of it, or nothing, since an event can be about anything."""
    if context.space_id or context.caller.rights.is_administrator:
        require_everywhere(context, Permission.EVENT_VIEW)
        return (context.space_id,) if context.space_id else wanted
    rights = context.caller.rights
    spaces = {grant.space_id for grant in rights.grants_of(Permission.EVENT_VIEW, "") if not grant.is_limited}
    seen = sorted(spaces & set(wanted) if wanted else spaces)
    if not seen:
        raise forbidden(Permission.EVENT_VIEW)
    return seen


async def get_event(context: OperationContext, event_id: str) -> Json:
    """One event.

    Raises:
        NotFound: there is none.
    """
    found, _ = await find_events(context, EventRequest(ids=(event_id,), take=1))
    if not found:
        raise NotFound(f"There is no event {event_id}.")
    return found[0]


def present(event: Event) -> Json:
    """The event as the API shows it."""
    return {
        "Id": event.id,
        "SpaceId": event.space_id or None,
        "Category": event.category,
        "UserId": event.user_id,
        "Username": event.username,
        "IdentityEstablishedWith": event.identity_established_with,
        "UserAgent": event.user_agent,
        "IpAddress": event.ip_address,
        "IsService": False,
        "Occurred": moment(event.occurred_at),
        "Message": event.message,
        "MessageHtml": html.escape(event.message),
        "MessageReferences": list(event.message_references),
        "RelatedDocumentIds": list(event.related_document_ids),
        "Comments": None,
        "Details": None,
        "ChangeDetails": {"DocumentContext": None, "Differences": event.changes},
        "Links": {"Self": f"/api/events/{event.id}"},
    }


def _number(event_id: str) -> int:
    digits = event_id.rpartition("-")[2]
    return int(digits) if digits.isdigit() else -1


def _moment(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_moment(text)
    except ValueError:
        raise Invalid(
            f"The query parameter '{name}' must be a date such as 2026-01-31T00:00:00Z, not '{text}'."
        ) from None
