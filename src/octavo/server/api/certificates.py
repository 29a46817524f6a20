"""What certificates have beyond other kinds: put away, taken out again, replaced."""

from fastapi import APIRouter, Request, Response

from octavo.server.api.answers import JsonAnswer, body_of
from octavo.server.api.dependencies import SpaceContext
from octavo.server.api.normalisation import decoded_segment
from octavo.server.operations import certificates

router = APIRouter(tags=["certificates"])


@router.post("/api/certificates/{key}/archive")
async def archive(key: str, context: SpaceContext) -> Response:
    """Put a certificate away."""
    return JsonAnswer(await certificates.set_archived(context, decoded_segment(key), is_archived=True))


@router.post("/api/certificates/{key}/unarchive")
async def unarchive(key: str, context: SpaceContext) -> Response:
    """Take a certificate out again."""
    return JsonAnswer(await certificates.set_archived(context, decoded_segment(key), is_archived=False))


@router.post("/api/certificates/{key}/replace")
async def replace(key: str, request: Request, context: SpaceContext) -> Response:
    """Give a certificate a newer file; its id stays."""
    return JsonAnswer(await certificates.replace_certificate(context, decoded_segment(key), await body_of(request)))
