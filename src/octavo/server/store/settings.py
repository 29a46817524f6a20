"""What the server remembers about itself: a JSON value a key (installation id, built-in worker switched off, …)."""

from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.server.store.schema import settings


async def find_setting(connection: AsyncConnection, key: str) -> Any:
    """The value, or None when the key was never set."""
    return (await connection.execute(select(settings.c.value).where(settings.c.key == key))).scalar()


async def set_setting(connection: AsyncConnection, key: str, value: Any) -> None:
    """Set or replace the value."""
    insert = sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert
    statement = insert(settings).values(key=key, value=value)
    await connection.execute(
        statement.on_conflict_do_update(index_elements=[settings.c.key], set_={"value": statement.excluded.value})
    )


async def set_setting_once(connection: AsyncConnection, key: str, value: Any) -> Any:
    """Set the value unless there is one; the value that holds now. For what racing nodes must agree on."""
    insert = sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert
    await connection.execute(insert(settings).values(key=key, value=value).on_conflict_do_nothing())
    return await find_setting(connection, key)


async def delete_setting(connection: AsyncConnection, key: str) -> None:
    """Forget the key."""
    await connection.execute(delete(settings).where(settings.c.key == key))
