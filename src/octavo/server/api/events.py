"""The audit trail, newest first."""

from fastapi import APIRouter, Request, Response

from octavo.server.api.answers import JsonAnswer
from octavo.server.api.dependencies import SystemContext
from octavo.server.api.paging import many_of, page, window_of
from octavo.server.operations.events import EventRequest, find_events, get_event
from octavo.server.operations.kinds.all_kinds import ALL_KINDS

router = APIRouter(tags=["events"])

CATEGORIES = ("Created", "Modified", "Deleted", "ApiKeyCreated", "ApiKeyDeleted")


@router.get("/api/events")
async def list_page(request: Request, context: SystemContext) -> Response:
    """A page of events."""
    query, window = request.query_params, window_of(request.query_params)
    wanted = EventRequest(
        regarding=many_of(query.getlist("regarding") + query.getlist("regardingany")),
        categories=many_of(query.getlist("eventcategories")),
        user_ids=many_of(query.getlist("users") + query.getlist("user")),
        ids=many_of(query.getlist("ids")),
        space_ids=many_of(query.getlist("spaces")),
        since=query.get("from"),
        until=query.get("to"),
        skip=window.skip,
        take=window.take,
    )
    items, total = await find_events(context, wanted)
    path = f"/api/{context.space_id}/events" if context.space_id else "/api/events"
    return JsonAnswer(page("Event", items, total, window, path=path, filters=query.multi_items()))


@router.get("/api/events/categories")
async def list_categories(_: SystemContext) -> Response:
    """The kinds of events there are."""
    return JsonAnswer([{"Id": category, "Name": category} for category in CATEGORIES])


@router.get("/api/events/agents")
async def list_agents(_: SystemContext) -> Response:
    """What programs are told apart: none."""
    return JsonAnswer([])


@router.get("/api/events/groups")
async def list_groups(_: SystemContext) -> Response:
    """Groups of categories: none."""
    return JsonAnswer([])


@router.get("/api/events/documenttypes")
async def list_document_types(_: SystemContext) -> Response:
    """What events are about."""
    return JsonAnswer([{"Id": kind.id_prefix, "Name": kind.noun} for kind in ALL_KINDS])


@router.get("/api/events/{event_id}")
async def get(event_id: str, context: SystemContext) -> Response:
    """One event."""
    return JsonAnswer(await get_event(context, event_id))
