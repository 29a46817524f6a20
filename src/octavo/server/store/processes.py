"""Deployment and runbook processes: the live ones, and frozen copies that never change.

A live process counts its versions; its frozen copy of version 4 has the id `<id>-s-4`, made once however often it is
asked for. Decision: docs/decisions/0080-projects-and-deployments.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Conflict, NotFound
from octavo.server.store.project_schema import processes


@dataclass(frozen=True, slots=True)
class StoredProcess:
    """A process. `doc` has its `Steps` and whatever else clients put there; sensitive property values are sealed."""

    id: str
    space_id: str
    project_id: str
    owner_id: str
    version: int
    is_snapshot: bool
    doc: Mapping[str, Any]


def deployment_process_id(project_id: str) -> str:
    """The id of a project's live process."""
    return f"deploymentprocess-{project_id}"


def runbook_process_id(runbook_id: str) -> str:
    """The id of a runbook's live process."""
    return f"RunbookProcess-{runbook_id}"


async def insert_process(connection: AsyncConnection, process: StoredProcess) -> None:
    """Store a new live or frozen process."""
    await connection.execute(insert(processes).values(**_values(process)))


async def find_process(
    connection: AsyncConnection, process_id: str, space_id: str | None = None
) -> StoredProcess | None:
    """The process with this id, whatever its case."""
    statement = select(*processes.c).where(func.lower(processes.c.id) == process_id.lower())
    if space_id is not None:
        statement = statement.where(processes.c.space_id == space_id)
    row = (await connection.execute(statement)).first()
    return None if row is None else _as_process(row)


async def get_process(connection: AsyncConnection, process_id: str, space_id: str | None = None) -> StoredProcess:
    """The process with this id.

    Raises:
        NotFound: there is none in this space.
    """
    process = await find_process(connection, process_id, space_id)
    if process is None:
        raise NotFound(f"There is no process {process_id} here.")
    return process


async def list_processes(
    connection: AsyncConnection, space_id: str, *, prefix: str = "", ids: Sequence[str] | None = None
) -> list[StoredProcess]:
    """The live processes of a space whose ids begin so, by id."""
    conditions = [processes.c.space_id == space_id, processes.c.is_snapshot.is_(False)]
    if prefix:
        conditions.append(func.lower(processes.c.id).startswith(prefix.lower(), autoescape=True))
    if ids is not None:
        conditions.append(func.lower(processes.c.id).in_([each.lower() for each in ids]))
    rows = await connection.execute(select(*processes.c).where(*conditions).order_by(processes.c.id))
    return [_as_process(row) for row in rows]


async def update_process(connection: AsyncConnection, process: StoredProcess) -> StoredProcess:
    """Replace the live process if its version is still `process.version`; it gets the next.

    Raises:
        Conflict: somebody changed it meanwhile.
    """
    changed = replace(process, version=process.version + 1)
    statement = (
        update(processes)
        .where(processes.c.id == process.id, processes.c.version == process.version, processes.c.is_snapshot.is_(False))
        .values(version=changed.version, doc=dict(changed.doc))
    )
    if (await connection.execute(statement)).rowcount == 0:
        current = await get_process(connection, process.id)
        raise Conflict(
            f"The process {process.id} was changed meanwhile: it has version {current.version}, yours has "
            f"{process.version}. Read it again and repeat your change."
        )
    return changed


async def delete_processes(connection: AsyncConnection, owner_id: str) -> None:
    """Remove the owner's process and its frozen copies."""
    await connection.execute(delete(processes).where(processes.c.owner_id == owner_id))


async def freeze_process(connection: AsyncConnection, process_id: str) -> str:
    """The id of the frozen copy of the process as it is now.

    Raises:
        NotFound: there is no such process.
    """
    live = await get_process(connection, process_id)
    frozen = replace(live, id=f"{live.id}-s-{live.version}", is_snapshot=True)
    known = select(processes.c.id).where(processes.c.id == frozen.id)  # not the copy itself, which may be large
    if (await connection.execute(known)).first() is None:
        await insert_process(connection, frozen)
    return frozen.id


def _values(process: StoredProcess) -> dict[str, Any]:
    return {
        "id": process.id,
        "space_id": process.space_id,
        "project_id": process.project_id,
        "owner_id": process.owner_id,
        "version": process.version,
        "is_snapshot": process.is_snapshot,
        "doc": dict(process.doc),
    }


def _as_process(row: Row[Any]) -> StoredProcess:
    return StoredProcess(
        row.id, row.space_id, row.project_id, row.owner_id, row.version, bool(row.is_snapshot), row.doc
    )
