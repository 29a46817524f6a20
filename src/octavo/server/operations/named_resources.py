"""Resources that people name: by id, slug or name, in any case. Source: resources.md §11 (executions)."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Table, func, or_
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.server.store.resources import Document, Query, list_documents, name_key


async def find_named(
    connection: AsyncConnection, table: Table, space_id: str, key: str, *conditions: ColumnElement[bool]
) -> Document | None:
    """The resource with this id, else this name, else this slug."""
    wanted = key.strip()
    columns = table.c
    match = or_(
        func.lower(columns.id) == wanted.lower(), columns.name_key == name_key(wanted), columns.slug == wanted.lower()
    )
    found = (await list_documents(connection, table, Query(space_id, conditions=(match, *conditions)))).documents
    ranks = {document.id: _rank(document, wanted) for document in found}
    return min(found, key=lambda document: ranks[document.id], default=None)


async def get_named(
    connection: AsyncConnection, table: Table, space_id: str, key: object, *conditions: ColumnElement[bool]
) -> Document:
    """The same.

    Raises:
        Invalid: there is none; the message names what was asked for.
    """
    noun = str(table.info["noun"])
    if not isinstance(key, str) or not key.strip():
        raise Invalid(f"Please name the {noun}.")
    found = await find_named(connection, table, space_id, key, *conditions)
    if found is None:
        raise Invalid(f"There is no {noun} '{key}' here. Is it spelled right, and in this space?")
    return found


async def get_all_named(
    connection: AsyncConnection, table: Table, space_id: str, keys: Sequence[str], *conditions: ColumnElement[bool]
) -> list[Document]:
    """Each of them, in order.

    Raises:
        Invalid: one is not there.
    """
    return [await get_named(connection, table, space_id, key, *conditions) for key in keys]


def _rank(document: Document, wanted: str) -> int:
    if document.id.lower() == wanted.lower():
        return 0
    return 1 if name_key(document.name) == name_key(wanted) else 2
