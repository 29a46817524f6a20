"""Ids of other resources inside a document: they must exist in the same space, and are stored in their true case."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Table
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.server.store.resources import Query, list_documents


async def existing_ids(
    connection: AsyncConnection, table: Table, space_id: str, ids: Sequence[str], noun: str
) -> list[str]:
    """`ids` as they are stored, without doubles.

    Raises:
        Invalid: one of them is not in this space; the message names it.
    """
    if not ids:
        return []
    found = (await list_documents(connection, table, Query(space_id, ids))).documents
    by_key = {document.id.lower(): document.id for document in found}
    missing = [each for each in ids if each.lower() not in by_key]
    if missing:
        raise Invalid(
            f"There is no {noun} with the id {', '.join(missing)} in the space {space_id}. "
            f"Was it deleted, or does it belong to another space?"
        )
    return list(dict.fromkeys(by_key[each.lower()] for each in ids))


async def existing_id(
    connection: AsyncConnection, table: Table, space_id: str, wanted: str | None, noun: str
) -> str | None:
    """One id, or None when none was given ("" counts as none)."""
    return (await existing_ids(connection, table, space_id, [wanted], noun))[0] if wanted else None


async def refuse_while_used(
    connection: AsyncConnection, users: Table, condition: ColumnElement[bool], name: str
) -> None:
    """What others need must stay.

    Raises:
        Invalid: there are documents that use it; the message names them.
    """
    found = (await list_documents(connection, users, Query(conditions=(condition,), take=5))).documents
    if found:
        names = ", ".join(document.name for document in found)
        raise Invalid(f"{name} is used by the {users.info['noun']}s {names}. Change or delete them first.")
