"""The generic routes of a resource kind: list, all, get, create, modify, delete; sortorder where it is sorted."""

from collections.abc import Callable, Sequence

from fastapi import APIRouter, Request, Response

from octavo.server.api.answers import JsonAnswer, body_of, nothing
from octavo.server.api.dependencies import SpaceContext, services_of
from octavo.server.api.normalisation import decoded_segment
from octavo.server.api.paging import Window, many_of, page, window_of
from octavo.server.operations.context import OperationContext
from octavo.server.operations.documents import Json
from octavo.server.operations.kinds.spaces import SPACES
from octavo.server.operations.kinds.teams import TEAMS
from octavo.server.operations.resource_kinds import ResourceKind
from octavo.server.operations.resources import (
    ListRequest,
    create_resource,
    delete_resource,
    get_resource,
    list_resources,
    modify_resource,
    sort_resources,
)


def resource_router(kind: ResourceKind) -> APIRouter:
    """The routes of one kind."""
    router = APIRouter(tags=[kind.path])
    collection, item = f"/api/{kind.path}", f"/api/{kind.path}/{{key}}"

    @router.get(collection)
    async def list_page(request: Request, context: SpaceContext) -> Response:
        return await answer_page(request, context, kind)

    @router.get(f"{collection}/all")
    async def list_all(request: Request, context: SpaceContext) -> Response:
        items, _ = await list_resources(context, kind, list_request(request, kind, None))
        return JsonAnswer(items)

    @router.post(collection)
    async def create(request: Request, context: SpaceContext) -> Response:
        return _changed(request, kind, await create_resource(context, kind, await body_of(request)), 201)

    if kind.is_sorted:

        @router.put(f"{collection}/sortorder")
        async def sort(request: Request, context: SpaceContext) -> Response:
            await sort_resources(context, kind, await body_of(request))
            return nothing()

    @router.get(item)
    async def get(key: str, context: SpaceContext) -> Response:
        return JsonAnswer(await get_resource(context, kind, decoded_segment(key)))

    @router.put(item)
    async def modify(key: str, request: Request, context: SpaceContext) -> Response:
        return _changed(
            request, kind, await modify_resource(context, kind, decoded_segment(key), await body_of(request)), 200
        )

    @router.delete(item)
    async def delete(key: str, request: Request, context: SpaceContext) -> Response:
        await delete_resource(context, kind, decoded_segment(key))
        _forget(request, kind)
        return nothing()

    return router


async def answer_page(
    request: Request,
    context: OperationContext,
    kind: ResourceKind,
    *,
    path: str | None = None,
    extra: dict[str, Sequence[str]] | None = None,
    shape: Callable[[Json], Json] = dict,
    is_empty: bool = False,
) -> Response:
    """One page of the kind. `path` and `extra` filters are for lists below another resource; `shape` changes items."""
    window = window_of(request.query_params)
    wanted = list_request(request, kind, window, extra)
    items, total = ([], 0) if is_empty else await list_resources(context, kind, wanted)
    root = f"/api/{context.space_id}" if kind.is_in_space else "/api"
    path = path or f"{root}/{kind.path}"
    template = f"{path}{{?{kind.list_parameters}}}"
    filters = request.query_params.multi_items()
    return JsonAnswer(
        page(
            kind.item_type,
            [shape(item) for item in items],
            total,
            window,
            path=path,
            filters=filters,
            template=template,
        )
    )


def list_request(
    request: Request, kind: ResourceKind, window: Window | None, extra: dict[str, Sequence[str]] | None = None
) -> ListRequest:
    """The query's filters; everything when there is no window."""
    query = request.query_params
    filters: dict[str, Sequence[str]] = {
        name: many_of(query.getlist(name)) for name in kind.filters if many_of(query.getlist(name))
    }
    ids = many_of(query.getlist("ids"))
    return ListRequest(
        ids=ids or None,
        partial_name=query.get("partialname"),
        name=query.get("name"),
        filters=filters | (extra or {}),
        skip=window.skip if window else 0,
        take=window.take if window else None,
    )


def _changed(request: Request, kind: ResourceKind, resource: Json, status: int) -> Response:
    _forget(request, kind)
    return JsonAnswer(resource, status_code=status)


def _forget(request: Request, kind: ResourceKind) -> None:
    if kind is SPACES:
        services_of(request).spaces.forget()
    if kind is TEAMS:
        services_of(request).authenticator.forget_keys()
