"""Routes of build information. Source: endpoints.md §9."""

from fastapi import APIRouter, Request, Response

from octavo.server.api.answers import JsonAnswer, body_of, nothing
from octavo.server.api.dependencies import SpaceContext
from octavo.server.api.normalisation import decoded_segment
from octavo.server.api.paging import many_of, page, window_of
from octavo.server.operations.build_information import (
    delete_build_information,
    list_build_information,
    push_build_information,
    read_build_information,
)

router = APIRouter(tags=["packages"])


@router.post("/api/build-information")
async def push(request: Request, context: SpaceContext) -> Response:
    """Tell what is known of a package version's build."""
    mode = request.query_params.get("overwritemode") or ""
    told, is_new = await push_build_information(context, await body_of(request), mode)
    return JsonAnswer(told, status_code=201 if is_new else 200)


@router.get("/api/build-information")
async def list_all(request: Request, context: SpaceContext) -> Response:
    """A page of what is known of builds."""
    query, window = request.query_params, window_of(request.query_params)
    is_latest_only = (query.get("latest") or "").lower() == "true"
    found = await list_build_information(
        context, query.get("packageid") or "", query.get("filter") or "", is_latest_only=is_latest_only
    )
    items = found[window.skip :][: window.take]
    path = f"/api/{context.space_id}/build-information"
    return JsonAnswer(page("BuildInformation", items, len(found), window, path=path, filters=query.multi_items()))


@router.delete("/api/build-information/bulk")
async def delete_many(request: Request, context: SpaceContext) -> Response:
    """Delete several; ids that are not there are passed over."""
    await delete_build_information(context, many_of(request.query_params.getlist("ids")))
    return nothing()


@router.get("/api/build-information/{key}")
async def get(key: str, context: SpaceContext) -> Response:
    """What is known of one build."""
    return JsonAnswer(await read_build_information(context, decoded_segment(key)))


@router.delete("/api/build-information/{key}")
async def delete(key: str, context: SpaceContext) -> Response:
    """Delete what is known of one build."""
    found = await read_build_information(context, decoded_segment(key))
    await delete_build_information(context, [found["Id"]])
    return nothing()
