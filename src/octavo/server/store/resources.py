"""Documents: the statements that every resource kind of the REST API shares.

A kind is a `document_table` of `schema.py`; functions take it as their second argument. What only one kind needs
(its own columns) travels in `Document.columns`. Source: DESIGN §6, conventions §3 and §6.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, Table, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Conflict, NotFound
from octavo.server.store.schema import DOCUMENT_COLUMNS

IDS_IN_ONE_STATEMENT = 5_000  # SQLite takes 32,766 parameters


@dataclass(frozen=True, slots=True)
class Document:
    """A resource as it is stored: `doc` is what the API shows and no column holds.

    `columns` has the values of the kind's own columns by name; on insert and update an absent one keeps its value
    (or gets the column's default).
    """

    id: str
    name: str
    slug: str
    doc: Mapping[str, Any]
    last_modified_on: datetime
    last_modified_by: str | None = None
    space_id: str = ""
    sort_order: int = 0
    version: int = 1
    columns: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Query:
    """Which documents to list. `space_id` None: of every space. `take` None: all.

    `conditions` are expressions over the kind's table; `order_by` is the sort order, then the name, unless given.
    """

    space_id: str | None = None
    ids: Sequence[str] | None = None
    partial_name: str | None = None
    conditions: Sequence[ColumnElement[bool]] = ()
    order_by: Sequence[ColumnElement[Any]] = ()
    skip: int = 0
    take: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the documents that a query matches, and how many it matches in all."""

    documents: Sequence[Document]
    total: int


async def insert_document(connection: AsyncConnection, kind: Table, document: Document) -> Document:
    """Store a new document and return it as stored, with the defaults of its columns.

    Raises:
        Conflict: its owner has one of this name (whatever the case), slug or id already.
    """
    upsert = sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert
    statement = upsert(kind).on_conflict_do_nothing().returning(*kind.c)
    row = (await connection.execute(statement, {"id": document.id, **_values(document)})).first()
    if row is None:
        await _refuse_if_taken(connection, kind, document)
        raise Conflict(f"There is already a {_noun(kind)} with the id {document.id}.")
    return _as_document(row)


async def find_document(
    connection: AsyncConnection, kind: Table, document_id: str, space_id: str | None = None
) -> Document | None:
    """The document with this id in this space (None: in any); the id's case does not matter."""
    exact = await _find_one(connection, kind, kind.c.id == document_id, space_id)
    if exact is not None:
        return exact
    return await _find_one(connection, kind, func.lower(kind.c.id) == document_id.lower(), space_id)


async def get_document(
    connection: AsyncConnection, kind: Table, document_id: str, space_id: str | None = None
) -> Document:
    """The document with this id in this space (None: in any).

    Raises:
        NotFound: there is none, or it lives in another space.
    """
    document = await find_document(connection, kind, document_id, space_id)
    if document is None:
        raise NotFound(f"There is no {_noun(kind)} {document_id} here.")
    return document


async def find_by_slug(
    connection: AsyncConnection, kind: Table, slug: str, space_id: str | None = None
) -> Document | None:
    """The document with this slug."""
    return await _find_one(connection, kind, kind.c.slug == slug.lower(), space_id)


async def find_by_name(
    connection: AsyncConnection, kind: Table, name: str, space_id: str | None = None
) -> Document | None:
    """The document of this name, whatever its case."""
    return await _find_one(connection, kind, kind.c.name_key == name_key(name), space_id)


async def list_documents(connection: AsyncConnection, kind: Table, query: Query) -> Page:
    """The documents a query matches, and their number without `skip` and `take`."""
    conditions = _conditions(kind, query)
    order = query.order_by or (kind.c.sort_order, kind.c.name_key)
    statement = select(*kind.c).where(*conditions).order_by(*order, kind.c.id).offset(query.skip)
    if query.take is not None:
        statement = statement.limit(query.take)
    documents = [_as_document(row) for row in await connection.execute(statement)]
    if query.skip == 0 and (query.take is None or len(documents) < query.take):
        return Page(documents, len(documents))
    return Page(documents, await count_documents(connection, kind, query))


async def count_documents(connection: AsyncConnection, kind: Table, query: Query) -> int:
    """How many documents a query matches in all."""
    statement = select(func.count()).select_from(kind).where(*_conditions(kind, query))
    return int((await connection.execute(statement)).scalar_one())


async def update_document(connection: AsyncConnection, kind: Table, document: Document) -> Document:
    """Replace the document, if its version is still `document.version`, and return it with the next version.

    Raises:
        NotFound: it is gone.
        Conflict: somebody changed it meanwhile, or the new name or slug is taken.
    """
    await _refuse_if_taken(connection, kind, document)
    statement = (
        update(kind)
        .where(kind.c.id == document.id, kind.c.version == document.version)
        .values(**_values(replace(document, version=document.version + 1)))
        .returning(*kind.c)
    )
    try:
        row = (await connection.execute(statement)).first()
    except IntegrityError as error:
        raise Conflict(
            f"The {_noun(kind)} {document.name!r} cannot be stored: its name or slug was just taken."
        ) from error
    if row is None:
        current = await get_document(connection, kind, document.id)
        raise Conflict(
            f"The {_noun(kind)} {current.name!r} was changed by {current.last_modified_by or 'somebody'} meanwhile "
            f"(version {current.version}, yours {document.version}). Read it again and repeat your change."
        )
    return _as_document(row)


async def delete_document(connection: AsyncConnection, kind: Table, document_id: str) -> bool:
    """Remove the document and its links; False when there was none."""
    return bool((await connection.execute(delete(kind).where(kind.c.id == document_id))).rowcount)


async def next_sort_order(connection: AsyncConnection, kind: Table, space_id: str) -> int:
    """The sort order that puts a new document last."""
    statement = select(func.max(kind.c.sort_order)).where(kind.c.space_id == space_id)
    last = (await connection.execute(statement)).scalar()
    return 0 if last is None else int(last) + 1


async def find_free_slug(
    connection: AsyncConnection, kind: Table, owner_id: str, wanted: str, except_id: str | None = None
) -> str:
    """`wanted`, or `wanted-2`, `wanted-3`, …: the first that no other document of the owner has.

    The owner is what slugs are unique in: the space, or the project of a channel.
    """
    mine = kind.c.slug.startswith(wanted, autoescape=True) & (within(kind) == owner_id)
    rows = await connection.execute(select(kind.c.id, kind.c.slug).where(mine))
    taken = {row.slug for row in rows if row.id != except_id}
    candidate, number = wanted, 1
    while candidate in taken:
        number += 1
        candidate = f"{wanted}-{number}"
    return candidate


async def set_links(connection: AsyncConnection, links: Table, owner_id: str, member_ids: Sequence[str]) -> None:
    """Make `member_ids` the owner's only members in a two-column link table (owner first)."""
    owner, member = links.primary_key.columns
    await connection.execute(delete(links).where(owner == owner_id))
    if member_ids:
        rows = [{owner.name: owner_id, member.name: member_id} for member_id in dict.fromkeys(member_ids)]
        await connection.execute(insert(links), rows)


async def list_links(connection: AsyncConnection, links: Table, owner_ids: Sequence[str]) -> dict[str, list[str]]:
    """The members of each owner; an owner without any has an empty list."""
    owner, member = links.primary_key.columns
    found: dict[str, list[str]] = {owner_id: [] for owner_id in owner_ids}
    for row in await connection.execute(select(owner, member).where(owner.in_(owner_ids)).order_by(member)):
        found[row[0]].append(row[1])
    return found


def within(kind: Table) -> Column[Any]:
    """The column that names what the kind's names and slugs are unique in."""
    return kind.c[kind.info["within"]]


def owner_of(kind: Table, document: Document) -> str:
    """The id of what the document's name and slug are unique in."""
    column = kind.info["within"]
    return str(document.space_id if column == "space_id" else document.columns[column])


def name_key(name: str) -> str:
    """What must be unique instead of the name: the name without regard to case."""
    return name.strip().casefold()


async def _find_one(
    connection: AsyncConnection, kind: Table, condition: ColumnElement[bool], space_id: str | None
) -> Document | None:
    conditions = [condition] if space_id is None else [condition, kind.c.space_id == space_id]
    row = (await connection.execute(select(*kind.c).where(*conditions).limit(1))).first()
    return None if row is None else _as_document(row)


async def _refuse_if_taken(connection: AsyncConnection, kind: Table, document: Document) -> None:
    key = name_key(document.name)
    statement = select(kind.c.name_key, kind.c.name, kind.c.slug, kind.c.id).where(
        within(kind) == owner_of(kind, document),
        kind.c.id != document.id,
        (kind.c.name_key == key) | (kind.c.slug == document.slug),
    )
    row = (await connection.execute(statement)).first()
    if row is None:
        return
    if row.name_key == key:
        raise Conflict(f"There is already a {_noun(kind)} named {row.name!r} ({row.id}). Choose another name.")
    raise Conflict(f"The slug {row.slug!r} belongs to the {_noun(kind)} {row.name!r} ({row.id}). Choose another.")


def _conditions(kind: Table, query: Query) -> list[ColumnElement[bool]]:
    conditions = list(query.conditions)
    if query.space_id is not None:
        conditions.append(kind.c.space_id == query.space_id)
    if query.ids is not None:
        wanted = sorted({document_id.lower() for document_id in query.ids})[:IDS_IN_ONE_STATEMENT]
        conditions.append(func.lower(kind.c.id).in_(wanted))
    if query.partial_name:
        conditions.append(kind.c.name_key.contains(name_key(query.partial_name), autoescape=True))
    return conditions


def _values(document: Document) -> dict[str, Any]:
    return {
        "space_id": document.space_id,
        "name": document.name,
        "name_key": name_key(document.name),
        "slug": document.slug,
        "sort_order": document.sort_order,
        "version": document.version,
        "last_modified_on": document.last_modified_on,
        "last_modified_by": document.last_modified_by,
        "doc": dict(document.doc),
        **document.columns,
    }


def _as_document(row: Row[Any]) -> Document:
    values = dict(row._mapping)
    shared = {name: values.pop(name) for name in DOCUMENT_COLUMNS}
    del shared["name_key"]
    return Document(columns=values, **shared)


def _noun(kind: Table) -> str:
    return str(kind.info["noun"])
