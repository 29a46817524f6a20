"""Use cases of artifacts: files that scripts hand back, or that somebody attaches to a task.

A client creates the record first and sends the bytes after it; the engine, which has the file, does both at once.
Source: resources.md §16; endpoints.md §11; script-execution.md §4.3.
"""

import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select

from octavo.base.errors import Invalid, NotFound
from octavo.server.domain.permissions import Permission
from octavo.server.operations.context import OperationContext, require, require_sight
from octavo.server.operations.sight import place_sight, require_row, within_sight
from octavo.server.packages.reception import receive
from octavo.server.store import artifacts as store
from octavo.server.store.artifacts import ArtifactQuery, StoredArtifact
from octavo.server.store.ids import next_id
from octavo.server.store.schema import artifacts, server_tasks


async def create_artifact(
    context: OperationContext,
    file_name: str,
    *,
    task_id: str | None = None,
    unit: str = "",
    source: str = "",
    log_correlation_id: str = "",
) -> StoredArtifact:
    """Make the record; its bytes come later.

    Raises:
        Invalid: the file name is empty.
    """
    require(context, Permission.ARTIFACT_CREATE)
    if not file_name.strip():
        raise Invalid("Please provide a file name for the artifact.")
    async with context.store.writing() as connection:
        artifact = StoredArtifact(
            id=await next_id(connection, "Artifacts"),
            space_id=context.space_id,
            file_name=file_name.strip(),
            created_at=context.clock.now(),
            task_id=task_id,
            unit=unit,
            source=source,
            log_correlation_id=log_correlation_id,
        )
        await store.insert_artifact(connection, artifact)
    return artifact


async def set_content(context: OperationContext, id_: str, chunks: AsyncIterator[bytes], spool: Path) -> StoredArtifact:
    """Store the artifact's bytes; earlier ones are replaced.

    Raises:
        NotFound: there is no such artifact.
        Invalid: there are too many bytes.
    """
    require(context, Permission.ARTIFACT_CREATE)
    artifact = await get_artifact(context, id_)
    async with receive(chunks, spool) as received:
        blob_name = f"artifacts/{received.sha256}.{secrets.token_hex(4)}"
        await context.blobs.put_file(blob_name, received.path)
    async with context.store.writing() as connection:
        await store.set_artifact_content(connection, artifact, received.size_bytes, received.sha256, blob_name)
    if artifact.blob_name:
        await context.blobs.delete(artifact.blob_name)
    return await get_artifact(context, id_)


async def get_artifact(context: OperationContext, id_: str) -> StoredArtifact:
    """The artifact with this id.

    Raises:
        NotFound: the space has none.
    """
    require_sight(context, Permission.ARTIFACT_VIEW)
    async with context.store.reading() as connection:
        artifact = await store.find_artifact(connection, context.space_id, id_)
        if artifact is not None and artifact.task_id:
            await require_row(
                context,
                connection,
                server_tasks,
                artifact.task_id,
                permission=Permission.ARTIFACT_VIEW,
                sight=place_sight(server_tasks),
                is_seen=False,
            )
    if artifact is None:
        raise NotFound(f"The artifact {id_} is not found in this space. Was it deleted, or is it in another space?")
    return artifact


async def list_artifacts(context: OperationContext, query: ArtifactQuery) -> tuple[Sequence[StoredArtifact], int]:
    """The artifacts that a query matches, newest first, and how many it matches in all."""
    require(context, Permission.ARTIFACT_VIEW)
    seen = within_sight(context, Permission.ARTIFACT_VIEW, place_sight(server_tasks))
    if seen is not None:
        mine = artifacts.c.task_id.in_(select(server_tasks.c.id).where(seen))
        query = replace(query, conditions=[mine])
    async with context.store.reading() as connection:
        return await store.list_artifacts(connection, query)


async def rename_artifact(context: OperationContext, id_: str, file_name: str) -> StoredArtifact:
    """Give the artifact another file name."""
    require(context, Permission.ARTIFACT_EDIT)
    if not file_name.strip():
        raise Invalid("Please provide a file name for the artifact.")
    artifact = await get_artifact(context, id_)
    async with context.store.writing() as connection:
        await store.rename_artifact(connection, artifact, file_name.strip())
    return await get_artifact(context, id_)


async def delete_artifact(context: OperationContext, id_: str) -> None:
    """Delete the record and its bytes.

    Raises:
        NotFound: there is no such artifact.
    """
    require(context, Permission.ARTIFACT_DELETE)
    artifact = await get_artifact(context, id_)
    async with context.store.writing() as connection:
        await store.delete_artifact(connection, artifact)
    if artifact.blob_name:
        await context.blobs.delete(artifact.blob_name)
