"""What only worker pools need: which are the default ones, and which can run containers."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.server.store.schema import worker_pool_members, worker_pools, workers


async def list_default_pools(connection: AsyncConnection, pool_ids: Sequence[str]) -> set[str]:
    """Those of these pools that are the default pool of their space."""
    statement = select(worker_pools.c.id).where(worker_pools.c.id.in_(pool_ids), worker_pools.c.is_default)
    return {row.id for row in await connection.execute(statement)}


async def find_default_pool(connection: AsyncConnection, space_id: str) -> tuple[str, str] | None:
    """Id and name of a space's default pool."""
    statement = select(worker_pools.c.id, worker_pools.c.name).where(
        worker_pools.c.space_id == space_id, worker_pools.c.is_default
    )
    row = (await connection.execute(statement)).first()
    return None if row is None else (row.id, row.name)


async def list_workers_of_pools(connection: AsyncConnection, pool_ids: Sequence[str]) -> list[str]:
    """The ids of the workers in these pools, each once."""
    link = worker_pool_members.c
    statement = select(link.worker_id).where(link.worker_pool_id.in_(pool_ids)).distinct().order_by(link.worker_id)
    return [row.worker_id for row in await connection.execute(statement)]


async def list_pools_without_containers(connection: AsyncConnection, space_id: str) -> frozenset[str]:
    """The space's pools that have workers, all of which say that they have no engine for containers."""
    engine = workers.c.doc["ContainerEngine"].as_string()
    statement = (
        select(worker_pool_members.c.worker_pool_id, engine.label("engine"))
        .join(workers, workers.c.id == worker_pool_members.c.worker_id)
        .where(workers.c.space_id == space_id)
    )
    rows = (await connection.execute(statement)).all()
    able = {row.worker_pool_id for row in rows if row.engine != ""}
    return frozenset(row.worker_pool_id for row in rows) - able
