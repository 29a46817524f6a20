"""Defects: what holds a release back. Source: resources.md §11."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.server.store.ids import next_id
from octavo.server.store.project_schema import defects
from octavo.server.store.resources import Document


@dataclass(frozen=True, slots=True)
class Defect:
    """One reason to hold a release back."""

    id: str
    release_id: str
    description: str
    is_resolved: bool


async def insert_defect(connection: AsyncConnection, release: Document, description: str, now: datetime) -> Defect:
    """Hold a release back."""
    defect = Defect(await next_id(connection, "Defects"), release.id, description, is_resolved=False)
    values = {"id": defect.id, "space_id": release.space_id, "release_id": release.id, "created_at": now}
    await connection.execute(insert(defects).values(**values, description=description, is_resolved=False))
    return defect


async def list_defects(connection: AsyncConnection, release_id: str) -> list[Defect]:
    """A release's defects, oldest first."""
    order = (func.length(defects.c.id), defects.c.id)
    rows = await connection.execute(select(*defects.c).where(defects.c.release_id == release_id).order_by(*order))
    return [Defect(row.id, row.release_id, row.description, bool(row.is_resolved)) for row in rows]


async def resolve_defects(connection: AsyncConnection, release_id: str) -> list[Defect]:
    """Resolve those that are open; them."""
    found = [each for each in await list_defects(connection, release_id) if not each.is_resolved]
    await connection.execute(update(defects).where(defects.c.release_id == release_id).values(is_resolved=True))
    return [replace(each, is_resolved=True) for each in found]
