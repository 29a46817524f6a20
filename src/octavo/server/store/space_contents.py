"""Everything that stands in a space, taken away at once."""

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.server.store.project_schema import metadata
from octavo.server.store.schema import events


async def delete_space_contents(connection: AsyncConnection, space_id: str) -> None:
    """Delete every row of the space, dependent ones first. The audit trail stays."""
    for table in reversed(metadata.sorted_tables):
        if "space_id" in table.c and table is not events:
            await connection.execute(delete(table).where(table.c.space_id == space_id))
