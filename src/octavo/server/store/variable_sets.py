"""Variable sets of projects and libraries: the live ones, and frozen copies that never change.

Sensitive values are sealed with the variable's id, not the set's, so that they open in a frozen copy too.
Decision: docs/decisions/0080-projects-and-deployments.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Conflict, NotFound
from octavo.server.store.project_schema import tenant_variables, variable_sets


@dataclass(frozen=True, slots=True)
class StoredVariableSet:
    """A set. `doc` has its `Variables`."""

    id: str
    space_id: str
    owner_id: str
    version: int
    is_snapshot: bool
    doc: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TenantValue:
    """A tenant's value of a template of a project or library set. Sealed when sensitive."""

    id: str
    space_id: str
    tenant_id: str
    owner_id: str
    template_id: str
    environment_ids: tuple[str, ...]
    value: str
    is_sensitive: bool


def variable_set_id(owner_id: str) -> str:
    """The id of the live set of a project or library set."""
    return f"variableset-{owner_id}"


async def insert_variable_set(connection: AsyncConnection, variable_set: StoredVariableSet) -> None:
    """Store a new live or frozen set."""
    values = {name: getattr(variable_set, name) for name in ("id", "space_id", "owner_id", "version", "is_snapshot")}
    await connection.execute(insert(variable_sets).values(**values, doc=dict(variable_set.doc)))


async def find_variable_set(
    connection: AsyncConnection, set_id: str, space_id: str | None = None
) -> StoredVariableSet | None:
    """The set with this id, whatever its case."""
    statement = select(*variable_sets.c).where(func.lower(variable_sets.c.id) == set_id.lower())
    if space_id is not None:
        statement = statement.where(variable_sets.c.space_id == space_id)
    row = (await connection.execute(statement)).first()
    return None if row is None else _as_set(row)


async def get_variable_set(connection: AsyncConnection, set_id: str, space_id: str | None = None) -> StoredVariableSet:
    """The set with this id.

    Raises:
        NotFound: there is none in this space.
    """
    found = await find_variable_set(connection, set_id, space_id)
    if found is None:
        raise NotFound(f"There is no variable set {set_id} here.")
    return found


async def list_variable_sets(
    connection: AsyncConnection, space_id: str, ids: Sequence[str] | None = None
) -> list[StoredVariableSet]:
    """The live sets of a space, or those of any kind with these ids, by id."""
    conditions = [variable_sets.c.space_id == space_id]
    if ids is None:
        conditions.append(variable_sets.c.is_snapshot.is_(False))
    else:
        conditions.append(func.lower(variable_sets.c.id).in_([each.lower() for each in ids]))
    rows = await connection.execute(select(*variable_sets.c).where(*conditions).order_by(variable_sets.c.id))
    return [_as_set(row) for row in rows]


async def update_variable_set(connection: AsyncConnection, variable_set: StoredVariableSet) -> StoredVariableSet:
    """Replace the live set if its version is still `variable_set.version`; it gets the next.

    Raises:
        Conflict: somebody changed it meanwhile.
    """
    changed = replace(variable_set, version=variable_set.version + 1)
    statement = (
        update(variable_sets)
        .where(
            variable_sets.c.id == variable_set.id,
            variable_sets.c.version == variable_set.version,
            variable_sets.c.is_snapshot.is_(False),
        )
        .values(version=changed.version, doc=dict(changed.doc))
    )
    if (await connection.execute(statement)).rowcount == 0:
        current = await get_variable_set(connection, variable_set.id)
        raise Conflict(
            f"The variables of {variable_set.owner_id} were changed meanwhile: they have version {current.version}, "
            f"yours {variable_set.version}. Read them again and repeat your change."
        )
    return changed


async def delete_variable_sets(connection: AsyncConnection, owner_id: str) -> None:
    """Remove the owner's set and its frozen copies."""
    await connection.execute(delete(variable_sets).where(variable_sets.c.owner_id == owner_id))


async def freeze_variable_set(connection: AsyncConnection, set_id: str) -> str:
    """The id of the frozen copy of the set as it is now.

    Raises:
        NotFound: there is no such set.
    """
    live = await get_variable_set(connection, set_id)
    frozen = replace(live, id=f"{live.id}-s-{live.version}", is_snapshot=True)
    known = select(variable_sets.c.id).where(variable_sets.c.id == frozen.id)  # not the copy itself: it may be large
    if (await connection.execute(known)).first() is None:
        await insert_variable_set(connection, frozen)
    return frozen.id


async def list_tenant_values(connection: AsyncConnection, tenant_id: str) -> list[TenantValue]:
    """All values that a tenant has given."""
    statement = select(*tenant_variables.c).where(tenant_variables.c.tenant_id == tenant_id)
    rows = await connection.execute(statement.order_by(tenant_variables.c.id))
    return [
        TenantValue(
            row.id,
            row.space_id,
            row.tenant_id,
            row.owner_id,
            row.template_id,
            tuple(row.environment_ids),
            row.value,
            bool(row.is_sensitive),
        )
        for row in rows
    ]


async def replace_tenant_values(
    connection: AsyncConnection, tenant_id: str, owner_ids: Sequence[str], values: Sequence[TenantValue]
) -> None:
    """Make `values` the tenant's only ones for these projects and library sets."""
    mine = (tenant_variables.c.tenant_id == tenant_id) & tenant_variables.c.owner_id.in_(owner_ids)
    await connection.execute(delete(tenant_variables).where(mine))
    if values:
        columns = [column.name for column in tenant_variables.c]
        rows = [{name: getattr(value, name) for name in columns} for value in values]
        await connection.execute(
            insert(tenant_variables), [{**row, "environment_ids": list(row["environment_ids"])} for row in rows]
        )


def _as_set(row: Row[Any]) -> StoredVariableSet:
    return StoredVariableSet(row.id, row.space_id, row.owner_id, row.version, bool(row.is_snapshot), row.doc)
