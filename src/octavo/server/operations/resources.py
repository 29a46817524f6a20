"""List, get, create, modify and delete for every kind of resource.

Each change is one transaction: checks, the row, its link tables and the audit event stand or fall together. What a kind
does differently comes from its declaration (`resource_kinds.py`). Results are the JSON that the API answers.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Conflict, Invalid, NotFound
from octavo.base.sensitive import Sensitive
from octavo.server.domain.permissions import Permission
from octavo.server.domain.slugs import slug_of
from octavo.server.domain.vault import place
from octavo.server.operations.audit import record_change
from octavo.server.operations.context import OperationContext, require, require_sight
from octavo.server.operations.documents import Json, as_json, defaults_of, parse, without_members
from octavo.server.operations.moments import moment
from octavo.server.operations.resource_kinds import Change, ResourceKind
from octavo.server.operations.sight import require_row, within_sight
from octavo.server.store.ids import next_id
from octavo.server.store.resources import (
    Document,
    Query,
    delete_document,
    find_by_slug,
    find_document,
    find_free_slug,
    insert_document,
    list_documents,
    name_key,
    next_sort_order,
    update_document,
)

_LOOKS_LIKE_AN_ID = re.compile(r"[A-Za-z]+-\d+")
_OWN_COLUMNS = frozenset({"id", "name", "slug", "spaceid", "links", "lastmodifiedon", "lastmodifiedby", "sortorder"})


@dataclass(frozen=True, slots=True)
class ListRequest:
    """Which resources are wanted. `name` and `partial_name` both look for a part of the name."""

    ids: Sequence[str] | None = None
    partial_name: str | None = None
    name: str | None = None
    filters: Mapping[str, Sequence[str]] | None = None  # the kind's own, by lower-case query parameter
    skip: int = 0
    take: int | None = None


async def list_resources(context: OperationContext, kind: ResourceKind, request: ListRequest) -> tuple[list[Json], int]:
    """The wanted resources of the context's space, and how many there are in all."""
    context = _at_home(context, kind)
    require(context, kind.rights.view)
    conditions = _conditions(kind, request)
    seen = within_sight(context, kind.rights.view, kind.sight)
    if seen is not None:
        conditions.append(seen)
    space_id = context.space_id if kind.is_in_space else None
    query = Query(space_id, request.ids, request.partial_name, conditions, skip=request.skip, take=request.take)
    async with context.store.reading() as connection:
        found = await list_documents(connection, kind.table, query)
    return [present(kind, document) for document in found.documents], found.total


async def get_resource(context: OperationContext, kind: ResourceKind, key: str) -> Json:
    """The resource with this id or slug.

    Raises:
        NotFound: there is none in this space.
    """
    context = _at_home(context, kind)
    require_sight(context, kind.rights.view)
    async with context.store.reading() as connection:
        document = await _get(context, connection, kind, key)
        await require_on(context, connection, kind, document.id, kind.rights.view)
    return present(kind, document)


async def create_resource(context: OperationContext, kind: ResourceKind, data: object) -> Json:
    """Store a new resource and return it.

    Raises:
        Invalid: something in `data` cannot be, or the name is taken.
    """
    context = _at_home(context, kind)
    require(context, kind.rights.create)
    async with context.store.writing() as connection:
        resource = await create_within(context, connection, kind, data)
        await require_on(context, connection, kind, resource["Id"], kind.rights.create)
    await _follow_up(context, kind, resource)
    return resource


async def create_within(
    context: OperationContext,
    connection: AsyncConnection,
    kind: ResourceKind,
    data: object,
    owned: Mapping[str, object] | None = None,
    *,
    resource_id: str = "",
) -> Json:
    """`create_resource` inside the caller's transaction, without permission check and wake-up.

    `owned` are values of members that the server owns, where they start otherwise than usual. `resource_id` is the
    id, where it is not the next number.
    """
    new = as_json(parse(kind.model, _input(context, kind, data)))
    sort_order = _wanted_sort_order(data)
    resource_id = resource_id or await next_id(connection, kind.id_prefix)
    space_id = context.space_id if kind.is_in_space else ""
    change = Change(context, connection, resource_id, space_id, {**kind.server_owned, **new, **(owned or {})}, None, {})
    await _prepare(kind, change)
    if sort_order is None and kind.is_sorted:
        sort_order = await next_sort_order(connection, kind.table, space_id)
    draft = _draft(kind, change, await _slug(connection, kind, change, None), sort_order or 0)
    try:
        stored = await insert_document(connection, kind.table, draft)
    except Conflict as error:
        raise Invalid(str(error)) from error
    return await _finish(kind, change, stored, None)


async def modify_resource(context: OperationContext, kind: ResourceKind, key: str, data: object) -> Json:
    """Replace the resource by `data` and return it; what the server owns, and the slug unless given, stay.

    Raises:
        NotFound: there is none in this space.
        Invalid: something in `data` cannot be, or the name is taken.
    """
    context = _at_home(context, kind)
    require(context, kind.rights.edit)
    new = as_json(parse(kind.model, _input(context, kind, data)))
    async with context.store.writing() as connection:
        before = await _get(context, connection, kind, key)
        await require_on(context, connection, kind, before.id, kind.rights.view)
        await require_on(context, connection, kind, before.id, kind.rights.edit)
        old = dict(before.doc) | {"Name": before.name, "Slug": before.slug}
        kept = {name: old.get(name, first) for name, first in kind.server_owned.items()}
        owner = {column: value for column, value in before.columns.items() if column == kind.table.info["within"]}
        change = Change(context, connection, before.id, before.space_id, {**new, **kept}, old, owner)
        await _prepare(kind, change)
        wanted = _wanted_sort_order(data)
        order = before.sort_order if wanted is None else wanted
        draft = _draft(kind, change, await _slug(connection, kind, change, before), order)
        try:
            stored = await update_document(connection, kind.table, replace(draft, version=before.version))
        except Conflict as error:
            raise Invalid(str(error)) from error
        resource = await _finish(kind, change, stored, before)
        await require_on(context, connection, kind, before.id, kind.rights.edit)
    await _follow_up(context, kind, resource)
    return resource


async def delete_resource(context: OperationContext, kind: ResourceKind, key: str) -> None:
    """Remove the resource.

    Raises:
        NotFound: there is none in this space.
        Invalid: it must stay; the message says why.
    """
    context = _at_home(context, kind)
    require(context, kind.rights.delete)
    async with context.store.writing() as connection:
        document = await _get(context, connection, kind, key)
        await require_on(context, connection, kind, document.id, kind.rights.view)
        await require_on(context, connection, kind, document.id, kind.rights.delete)
        resource = present(kind, document)
        if kind.before_delete:
            await kind.before_delete(context, connection, resource)
        await delete_document(connection, kind.table, document.id)
        await record_change(context, connection, kind.noun, "Deleted", before=resource, after=None)
    await _wake(context, kind)


async def sort_resources(context: OperationContext, kind: ResourceKind, ids: object) -> None:
    """Give the resources the order in which `ids` names them; those not named come after, in their old order.

    Raises:
        Invalid: `ids` is not a list of ids of this space.
    """
    require(context, kind.rights.edit)
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
        raise Invalid(f"The body must be a JSON list with the ids of the {kind.noun}s in their new order.")
    async with context.store.writing() as connection:
        found = (await list_documents(connection, kind.table, Query(space_id=context.space_id))).documents
        places = {each.lower(): place for place, each in enumerate(ids)}
        unknown = set(places) - {document.id.lower() for document in found}
        if unknown:
            raise Invalid(f"There is no {kind.noun} {', '.join(sorted(unknown))} in this space.")
        ordered = sorted(found, key=lambda document: places.get(document.id.lower(), len(places)))
        for place_in_list, document in enumerate(ordered):
            if document.sort_order != place_in_list:
                await update_document(connection, kind.table, replace(document, sort_order=place_in_list))


def present(kind: ResourceKind, document: Document) -> Json:
    """The resource as the API shows it: the same in a list, after a change and on its own."""
    resource: Json = {"Id": document.id, **defaults_of(kind.model), **kind.server_owned, **document.doc}
    resource["Name"] = document.name
    resource["Slug"] = document.slug
    if kind.is_in_space:
        resource["SpaceId"] = document.space_id
    if kind.is_sorted:
        resource["SortOrder"] = document.sort_order
    for member in kind.secrets:
        resource[member] = {"HasValue": bool(document.doc.get(member)), "NewValue": None, "Hint": None}
    if kind.computed:
        resource.update(kind.computed(resource, document.columns))
    resource["LastModifiedOn"] = moment(document.last_modified_on)
    resource["LastModifiedBy"] = document.last_modified_by
    resource["Links"] = links_of(kind, document.id, document.space_id)
    return resource


def links_of(kind: ResourceKind, resource_id: str, space_id: str) -> dict[str, str]:
    """The links of one resource; the same wherever it is shown."""
    root = f"/api/{space_id}" if kind.is_in_space else "/api"
    own = f"{root}/{kind.path}/{resource_id}"
    return {
        name: template.replace("{self}", own).replace("{root}", root).replace("{id}", resource_id)
        for name, template in kind.links.items()
    }


def _at_home(context: OperationContext, kind: ResourceKind) -> OperationContext:
    """What is in no space is looked at from outside of all, whatever space the address names."""
    return context if kind.is_in_space else context.in_space("")


async def require_on(
    context: OperationContext, connection: AsyncConnection, kind: ResourceKind, resource_id: str, permission: Permission
) -> None:
    """Go on only if the caller has the permission for this resource; one that they may not see is not there."""
    is_seen = permission != kind.rights.view
    await require_row(
        context, connection, kind.table, resource_id, permission=permission, sight=kind.sight, is_seen=is_seen
    )


def _conditions(kind: ResourceKind, request: ListRequest) -> list[ColumnElement[bool]]:
    conditions = []
    if request.name:
        conditions.append(kind.table.c.name_key.contains(name_key(request.name), autoescape=True))
    for parameter, values in (request.filters or {}).items():
        conditions.append(kind.filters[parameter](values))
    return conditions


async def _get(context: OperationContext, connection: AsyncConnection, kind: ResourceKind, key: str) -> Document:
    space_id = context.space_id if kind.is_in_space else None
    # As what it looks like first, so that most requests cost one statement; slugs may look like ids, so both are tried.
    looks = (find_document, find_by_slug) if _LOOKS_LIKE_AN_ID.fullmatch(key) else (find_by_slug, find_document)
    found = await looks[0](connection, kind.table, key, space_id) or await looks[1](
        connection, kind.table, key, space_id
    )
    if found is None:
        raise NotFound(
            "Resource is not found or it doesn't exist in the current space context. "
            f"There is no {kind.noun} '{key}' here: was it deleted, or does it belong to another space?"
        )
    return found


def _input(context: OperationContext, kind: ResourceKind, data: object) -> object:
    """`data` without what the server alone decides."""
    if not isinstance(data, dict):
        return data
    for name, value in data.items():
        if name.lower() == "spaceid" and value and kind.is_in_space and str(value).lower() != context.space_id.lower():
            raise Invalid(f"The {kind.noun} says SpaceId '{value}', but the address says '{context.space_id}'.")
    owned = {name.lower() for name in kind.server_owned} | kind.computed_names
    return without_members(data, frozenset(owned | (_OWN_COLUMNS - {"name", "slug"})))


def _wanted_sort_order(data: object) -> int | None:
    if isinstance(data, dict):
        for name, value in data.items():
            if name.lower() == "sortorder" and isinstance(value, int) and value:
                return value  # clients send 0 for "no matter"
    return None


async def _prepare(kind: ResourceKind, change: Change) -> None:
    name = str(change.new["Name"]).strip()
    if not name:
        raise Invalid(f"Please provide a name for the {kind.noun}.")
    if len(name) > kind.name_limit:
        raise Invalid(f"The name of a {kind.noun} may have {kind.name_limit} characters; this one has {len(name)}.")
    change.new["Name"] = name
    for member in kind.secrets:
        change.new[member] = _sealed(change, kind, member)
    if kind.before_save:
        await kind.before_save(change)


def _sealed(change: Change, kind: ResourceKind, member: str) -> str | None:
    """The ciphertext to store: of the new value, the one there was, or none (conventions, section 8)."""
    given = change.new.get(member) or {}
    if given.get("NewValue"):
        return change.context.vault.seal(
            Sensitive(given["NewValue"]), place(kind.table.name, change.resource_id, member)
        )
    if given.get("HasValue") and change.old:
        kept = change.old.get(member)
        return str(kept) if kept else None
    return None


async def _slug(connection: AsyncConnection, kind: ResourceKind, change: Change, before: Document | None) -> str:
    given = str(change.new.get("Slug") or "")
    if before and (not given or slug_of(given) == before.slug):
        return before.slug
    wanted = slug_of(given or change.new["Name"])
    column = kind.table.info["within"]
    owner_id = change.space_id if column == "space_id" else change.columns[column]
    return await find_free_slug(connection, kind.table, owner_id, wanted, change.resource_id)


def _draft(kind: ResourceKind, change: Change, slug: str, sort_order: int) -> Document:
    return Document(
        id=change.resource_id,
        name=change.new["Name"],
        slug=slug,
        doc={name: value for name, value in change.new.items() if name not in {"Name", "Slug", "SortOrder"}},
        last_modified_on=change.context.clock.now(),
        last_modified_by=change.context.caller.username,
        space_id=change.space_id,
        sort_order=sort_order if kind.is_sorted else 0,
        columns=change.columns,
    )


async def _finish(kind: ResourceKind, change: Change, stored: Document, before: Document | None) -> Json:
    if kind.after_save:
        await kind.after_save(change)
    resource = present(kind, stored)
    was = None if before is None else present(kind, before)
    category = "Created" if before is None else "Modified"
    await record_change(change.context, change.connection, kind.noun, category, before=was, after=resource)
    return resource


async def _follow_up(context: OperationContext, kind: ResourceKind, resource: Json) -> None:
    await _wake(context, kind)
    if kind.after_commit:
        await kind.after_commit(context, resource)


async def _wake(context: OperationContext, kind: ResourceKind) -> None:
    if kind.wakes:
        await context.bus.publish(kind.wakes)
