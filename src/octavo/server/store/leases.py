"""Leases: of a task's unit on a worker. They lapse by the database's clock unless renewed, so they cannot leak.

Source: DESIGN §6 (placement). Which worker gets one is decided by `domain/placement.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.server.domain.placement import Candidate, Health
from octavo.server.domain.tasks import NodeId, TaskId
from octavo.server.store.columns import database_now
from octavo.server.store.schema import server_tasks, worker_leases, worker_pool_members, workers

LEASE_SECONDS = 60.0  # renewed every 5 s; a node that freezes for a minute loses its slots
DEFAULT_SLOTS = 32  # scripts at a time on one worker, unless its `Slots` member says otherwise


@dataclass(frozen=True, slots=True)
class Lease:
    """The claim of a unit on a worker."""

    worker_id: str
    task_id: TaskId
    unit: str


async def grant_leases(connection: AsyncConnection, leases: Sequence[Lease], now: datetime) -> None:
    """Give each unit its worker."""
    if not leases:
        return
    rows = [
        {"lessee": lease.worker_id, "for_task": lease.task_id, "for_unit": lease.unit, "now": now} for lease in leases
    ]
    await connection.execute(_GRANT, rows)


async def renew_leases(connection: AsyncConnection, node: NodeId) -> None:
    """Renew every lease of the tasks that `node` executes."""
    mine = select(server_tasks.c.id).where(server_tasks.c.node_id == node)
    await connection.execute(
        update(worker_leases).where(worker_leases.c.task_id.in_(mine)).values(until=database_now(LEASE_SECONDS))
    )


async def end_leases(connection: AsyncConnection, task_id: TaskId, unit: str | None = None) -> None:
    """Give back what a task (or one of its units) holds; also what lapsed."""
    if unit is not None:
        await connection.execute(_END_OF_UNIT, {"for_task": task_id, "for_unit": unit})
        return
    await connection.execute(delete(worker_leases).where(worker_leases.c.task_id == task_id))


async def list_leases(connection: AsyncConnection, worker_id: str | None = None) -> list[Lease]:
    """The leases in force, of one worker or of all."""
    conditions = [worker_leases.c.until > database_now()]
    if worker_id is not None:
        conditions.append(worker_leases.c.worker_id == worker_id)
    statement = select(worker_leases.c.worker_id, worker_leases.c.task_id, worker_leases.c.unit).where(*conditions)
    return [Lease(row.worker_id, TaskId(row.task_id), row.unit) for row in await connection.execute(statement)]


async def count_leases(connection: AsyncConnection) -> dict[str, int]:
    """How many leases in force each worker has; those without any are left out."""
    return {row[0]: int(row[1]) for row in await connection.execute(_COUNT)}


async def list_pool_candidates(
    connection: AsyncConnection, pool_ids: Sequence[str], leases: Mapping[str, int], idle: Mapping[str, datetime]
) -> dict[str, list[Candidate]]:
    """The workers of each pool as placement sees them."""
    found: dict[str, list[Candidate]] = {pool_id: [] for pool_id in pool_ids}
    if not pool_ids:
        return found
    for pool_id, *facts in await connection.execute(_OF_POOLS, {"ids": list(pool_ids)}):
        found[pool_id].append(_as_candidate(facts, leases, idle))
    return found


async def list_worker_candidates(
    connection: AsyncConnection, worker_ids: Sequence[str], leases: Mapping[str, int], idle: Mapping[str, datetime]
) -> dict[str, Candidate]:
    """These workers as placement sees them; the ones that are gone are left out."""
    if not worker_ids:
        return {}
    rows = await connection.execute(_OF_IDS, {"ids": list(worker_ids)})
    return {row[0]: _as_candidate(row, leases, idle) for row in rows}


async def count_workers_in_pool(connection: AsyncConnection, pool_id: str) -> int:
    """How many workers a pool has, whatever their health."""
    statement = select(func.count()).where(worker_pool_members.c.worker_pool_id == pool_id)
    return int((await connection.execute(statement)).scalar_one())


_CANDIDATE = (
    workers.c.id,
    workers.c.name,
    workers.c.health_status,
    workers.c.is_disabled,
    workers.c.is_draining,
    workers.c.doc["Slots"].as_integer(),
)


# Statements of every task, built once: building one costs twice what running it does (decision 0041).
_GRANT = insert(worker_leases).values(
    worker_id=bindparam("lessee"),
    task_id=bindparam("for_task"),
    unit=bindparam("for_unit"),
    granted_at=bindparam("now"),
    until=database_now(LEASE_SECONDS),
)
_END_OF_UNIT = delete(worker_leases).where(
    worker_leases.c.task_id == bindparam("for_task"), worker_leases.c.unit == bindparam("for_unit")
)
_COUNT = (
    select(worker_leases.c.worker_id, func.count())
    .where(worker_leases.c.until > database_now())
    .group_by(worker_leases.c.worker_id)
)
_OF_POOLS = (
    select(worker_pool_members.c.worker_pool_id, *_CANDIDATE)
    .join(workers, workers.c.id == worker_pool_members.c.worker_id)
    .where(worker_pool_members.c.worker_pool_id.in_(bindparam("ids", expanding=True)))
)
_OF_IDS = select(*_CANDIDATE).where(workers.c.id.in_(bindparam("ids", expanding=True)))


def _as_candidate(facts: Sequence[object], leases: Mapping[str, int], idle: Mapping[str, datetime]) -> Candidate:
    worker_id, name, health, is_disabled, is_draining, slots = facts
    return Candidate(
        worker_id=str(worker_id),
        name=str(name),
        health=Health(str(health)),
        is_enabled=not is_disabled,
        is_draining=bool(is_draining),
        leases=leases.get(str(worker_id), 0),
        slots=int(str(slots)) if slots else DEFAULT_SLOTS,
        idle_since=idle.get(str(worker_id)),
    )
