"""Nodes: the processes of a server, each alive while its row's time has not run out by the database's clock.

Source: DESIGN §6, FOUNDATIONS §1.3 (leases by the database's clock; unique id per process start).
"""

from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.server.domain.tasks import NodeId
from octavo.server.store.columns import database_now
from octavo.server.store.schema import nodes

BEAT_SECONDS = 10.0  # a node that says nothing for this long is dead
_ADMISSION_LOCK = 7_001  # any number that is ours


async def beat(connection: AsyncConnection, node: NodeId, name: str, task_cap: int, started_at: datetime) -> None:
    """Say that `node` lives."""
    upsert = sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert
    until = database_now(BEAT_SECONDS)
    statement = (
        upsert(nodes)
        .values(id=node, name=name, task_cap=task_cap, started_at=started_at, beat_until=until)
        .on_conflict_do_update(index_elements=[nodes.c.id], set_={"beat_until": until})
    )
    await connection.execute(statement)


async def list_live_nodes(connection: AsyncConnection) -> set[NodeId]:
    """The nodes that live."""
    rows = await connection.execute(select(nodes.c.id).where(nodes.c.beat_until > database_now()))
    return {NodeId(row.id) for row in rows}


async def end_node(connection: AsyncConnection, node: NodeId) -> None:
    """Say that `node` is gone: others may take its tasks over at once."""
    await connection.execute(delete(nodes).where(nodes.c.id == node))


async def end_other_nodes(connection: AsyncConnection, node: NodeId) -> None:
    """Say that every other node is gone. Only where one process can use the database (its folder is locked)."""
    await connection.execute(delete(nodes).where(nodes.c.id != node))


async def lock_admission(connection: AsyncConnection) -> None:
    """Let one node at a time place work, to the end of the transaction. SQLite's writers take turns anyway."""
    if connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_advisory_xact_lock(_ADMISSION_LOCK)))


async def list_nodes(connection: AsyncConnection) -> list[tuple[NodeId, int]]:
    """The nodes that live, with their task caps."""
    alive = nodes.c.beat_until > database_now()
    rows = await connection.execute(select(nodes.c.id, nodes.c.task_cap).where(alive).order_by(nodes.c.id))
    return [(NodeId(row.id), row.task_cap) for row in rows]
