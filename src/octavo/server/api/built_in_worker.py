"""The built-in worker's switch."""

from fastapi import APIRouter, Request, Response

from octavo.server.api.answers import JsonAnswer, body_of
from octavo.server.api.dependencies import SpaceContext
from octavo.server.operations.built_in_worker import get_built_in_worker, modify_built_in_worker

router = APIRouter(tags=["builtinworker"])


@router.get("/api/builtinworker")
async def get(context: SpaceContext) -> Response:
    """Whether the server runs work itself, and why or why not."""
    return JsonAnswer(await get_built_in_worker(context))


@router.put("/api/builtinworker")
async def modify(request: Request, context: SpaceContext) -> Response:
    """Allow or forbid it; choose its account."""
    return JsonAnswer(await modify_built_in_worker(context, await body_of(request)))
