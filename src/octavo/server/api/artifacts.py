"""Artifacts over HTTP: the record, then its bytes at `Content`.

Source: endpoints.md §11; resources.md §16.
"""

from fastapi import APIRouter, Request, Response

from octavo.base.errors import NotFound
from octavo.server.api.answers import JsonAnswer, body_of, nothing
from octavo.server.api.dependencies import SpaceContext
from octavo.server.api.downloads import BlobResponse
from octavo.server.api.normalisation import decoded_segment
from octavo.server.api.packages import spool_of
from octavo.server.api.paging import many_of, page, window_of
from octavo.server.operations import artifacts
from octavo.server.operations.documents import Json
from octavo.server.operations.moments import moment
from octavo.server.store.artifacts import ArtifactQuery, StoredArtifact

router = APIRouter(tags=["artifacts"])


@router.get("/api/artifacts")
async def list_page(request: Request, context: SpaceContext) -> Response:
    """A page of artifacts, newest first."""
    query, window = request.query_params, window_of(request.query_params)
    wanted = ArtifactQuery(
        context.space_id,
        ids=many_of(query.getlist("ids")),
        task_ids=many_of(query.getlist("regarding")),
        name_part=query.get("partialname", ""),
        skip=window.skip,
        take=window.take,
    )
    found, total = await artifacts.list_artifacts(context, wanted)
    items = [artifact_json(artifact) for artifact in found]
    path = f"/api/{context.space_id}/artifacts"
    return JsonAnswer(page("Artifact", items, total, window, path=path, filters=query.multi_items()))


@router.get("/api/artifacts/all")
async def list_all(context: SpaceContext) -> Response:
    """Every artifact, as a bare list."""
    found, _ = await artifacts.list_artifacts(context, ArtifactQuery(context.space_id, take=None))
    return JsonAnswer([artifact_json(artifact) for artifact in found])


@router.post("/api/artifacts")
async def create(request: Request, context: SpaceContext) -> Response:
    """Make the record; the bytes come by PUT to its `Content` link."""
    body = _members(await body_of(request))
    artifact = await artifacts.create_artifact(
        context,
        body.get("filename", ""),
        task_id=body.get("servertaskid") or None,
        source=body.get("source", ""),
        log_correlation_id=body.get("logcorrelationid", ""),
    )
    return JsonAnswer(artifact_json(artifact), status_code=201)


@router.get("/api/artifacts/{key}")
async def get(key: str, context: SpaceContext) -> Response:
    """One artifact's record."""
    return JsonAnswer(artifact_json(await artifacts.get_artifact(context, decoded_segment(key))))


@router.put("/api/artifacts/{key}")
async def rename(key: str, request: Request, context: SpaceContext) -> Response:
    """Give it another file name; nothing else of it can change."""
    name = _members(await body_of(request)).get("filename", "")
    return JsonAnswer(artifact_json(await artifacts.rename_artifact(context, decoded_segment(key), name)))


@router.delete("/api/artifacts/{key}")
async def delete(key: str, context: SpaceContext) -> Response:
    """Delete the record and its bytes."""
    await artifacts.delete_artifact(context, decoded_segment(key))
    return nothing()


@router.get("/api/artifacts/{key}/content")
async def download(key: str, context: SpaceContext) -> Response:
    """The artifact's bytes, or a range of them."""
    artifact = await artifacts.get_artifact(context, decoded_segment(key))
    if artifact.blob_name is None:
        raise NotFound(f"The artifact {artifact.id} has no content yet.")
    return BlobResponse(
        context.blobs, artifact.blob_name, artifact.size_bytes, artifact.file_name, artifact.sha256 or artifact.id
    )


@router.put("/api/artifacts/{key}/content")
async def upload(key: str, request: Request, context: SpaceContext) -> Response:
    """Store the artifact's bytes: the request's body as it is."""
    artifact = await artifacts.set_content(context, decoded_segment(key), request.stream(), spool_of(request))
    return JsonAnswer(artifact_json(artifact))


def artifact_json(artifact: StoredArtifact) -> Json:
    """The API's Artifact."""
    path = f"/api/{artifact.space_id}/artifacts/{artifact.id}"
    return {
        "Id": artifact.id,
        "SpaceId": artifact.space_id,
        "Filename": artifact.file_name,
        "Source": artifact.source,
        "ServerTaskId": artifact.task_id,
        "Created": moment(artifact.created_at),
        "LogCorrelationId": artifact.log_correlation_id,
        "SizeBytes": artifact.size_bytes,
        "Links": {"Self": path, "Content": f"{path}/content"},
    }


def _members(body: object) -> dict[str, str]:
    """The body's texts by lower-case name (conventions, rule 8)."""
    members = body if isinstance(body, dict) else {}
    return {str(name).lower(): value for name, value in members.items() if isinstance(value, str)}
