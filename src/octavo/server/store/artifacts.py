"""Statements about artifacts: files that scripts hand back. A row may come before its bytes (`blob_name` is None)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.server.store.schema import artifacts


@dataclass(frozen=True, slots=True)
class StoredArtifact:
    """A file that a task produced, or that somebody attached to it."""

    id: str
    space_id: str
    file_name: str
    created_at: datetime
    task_id: str | None = None
    unit: str = ""
    source: str = ""
    size_bytes: int = 0
    sha256: str | None = None
    blob_name: str | None = None
    log_correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class ArtifactQuery:
    """Which artifacts of a space to list, newest first. Empty: no such condition. `take` None: all."""

    space_id: str
    ids: Sequence[str] = ()
    task_ids: Sequence[str] = ()
    name_part: str = ""
    conditions: Sequence[ColumnElement[bool]] = ()
    skip: int = 0
    take: int | None = 30


async def insert_artifact(connection: AsyncConnection, artifact: StoredArtifact) -> None:
    """Add an artifact."""
    await connection.execute(insert(artifacts).values({column: getattr(artifact, column) for column in _COLUMNS}))


async def find_artifact(connection: AsyncConnection, space_id: str, id_: str) -> StoredArtifact | None:
    """The artifact with this id in this space."""
    statement = select(*_SELECTED).where(artifacts.c.space_id == space_id, func.lower(artifacts.c.id) == id_.lower())
    return _as_artifact((await connection.execute(statement)).first())


async def list_artifacts(connection: AsyncConnection, query: ArtifactQuery) -> tuple[Sequence[StoredArtifact], int]:
    """The artifacts that a query matches, newest first, and how many it matches in all."""
    conditions: list[ColumnElement[bool]] = [artifacts.c.space_id == query.space_id, *query.conditions]
    if query.ids:
        conditions.append(artifacts.c.id.in_(query.ids))
    if query.task_ids:
        conditions.append(artifacts.c.task_id.in_(query.task_ids))
    if query.name_part:
        conditions.append(func.lower(artifacts.c.file_name).contains(query.name_part.lower(), autoescape=True))
    total = (await connection.execute(select(func.count()).select_from(artifacts).where(*conditions))).scalar_one()
    page = select(*_SELECTED).where(*conditions).order_by(artifacts.c.created_at.desc(), artifacts.c.id)
    if query.take is not None:
        page = page.offset(query.skip).limit(query.take)
    rows = (await connection.execute(page)).all()
    return [artifact for row in rows if (artifact := _as_artifact(row)) is not None], int(total)


async def set_artifact_content(
    connection: AsyncConnection, artifact: StoredArtifact, size_bytes: int, sha256: str, blob_name: str
) -> None:
    """Say where the artifact's bytes are."""
    statement = update(artifacts).where(artifacts.c.id == artifact.id)
    await connection.execute(statement.values(size_bytes=size_bytes, sha256=sha256, blob_name=blob_name))


async def rename_artifact(connection: AsyncConnection, artifact: StoredArtifact, file_name: str) -> None:
    """Give it another file name."""
    await connection.execute(update(artifacts).where(artifacts.c.id == artifact.id).values(file_name=file_name))


async def delete_artifact(connection: AsyncConnection, artifact: StoredArtifact) -> None:
    """Remove the row; the bytes are the caller's matter."""
    await connection.execute(delete(artifacts).where(artifacts.c.id == artifact.id))


_COLUMNS = tuple(StoredArtifact.__dataclass_fields__)
_SELECTED = tuple(artifacts.c[column] for column in _COLUMNS)


def _as_artifact(row: Row[Any] | None) -> StoredArtifact | None:
    return StoredArtifact(**row._asdict()) if row is not None else None
