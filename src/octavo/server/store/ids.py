"""Ids of resources: `Prefix-N`, where N counts per prefix over the whole server (conventions §3)."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.server.store.schema import id_counters

_KEY = [id_counters.c.prefix]
_ONE_MORE = {"last": id_counters.c.last + 1}
_COUNT_ON_SQLITE = (
    sqlite_insert(id_counters).on_conflict_do_update(index_elements=_KEY, set_=_ONE_MORE).returning(id_counters.c.last)
)
_COUNT_ON_POSTGRESQL = (
    postgresql_insert(id_counters)
    .on_conflict_do_update(index_elements=_KEY, set_=_ONE_MORE)
    .returning(id_counters.c.last)
)


async def next_number(connection: AsyncConnection, prefix: str) -> int:
    """The next N of `prefix`. One statement: two writers never get the same; an undone transaction gives it back."""
    statement = _COUNT_ON_SQLITE if connection.dialect.name == "sqlite" else _COUNT_ON_POSTGRESQL
    return int((await connection.execute(statement, {"prefix": prefix, "last": 1})).scalar_one())


async def next_id(connection: AsyncConnection, prefix: str) -> str:
    """The next id, such as `Workers-3` for `Workers`."""
    return f"{prefix}-{await next_number(connection, prefix)}"


async def last_number(connection: AsyncConnection, prefix: str) -> int:
    """The last N given out; 0 when none was."""
    statement = select(id_counters.c.last).where(id_counters.c.prefix == prefix)
    return int((await connection.execute(statement)).scalar() or 0)
