"""What a caller may see and touch, as a condition over the rows of a table.

A `Sight` says of each dimension of rights how a row is about it; the limits of the caller's grants then become SQL, so
that lists are cut to what is granted before they are counted and paged. Decision: docs/decisions/0098-permissions.md.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, false, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import NotFound
from octavo.server.domain.permissions import Grant, Permission
from octavo.server.operations.context import OperationContext, forbidden

#: Whether a row is about one of these (or about none): by ids.
AboutOneOf = Callable[[Collection[str]], ColumnElement[bool]]
#: By dimension: "space", "project", "group", "environment", "tenant".
Sight = Mapping[str, AboutOneOf]


def about(column: ColumnElement[Any]) -> AboutOneOf:
    """Rows that name one of the ids in this column, or nothing."""
    return lambda ids: or_(column.is_(None), column == "", column.in_(list(ids)))


def named_in(column: ColumnElement[Any]) -> AboutOneOf:
    """Rows that name one of the ids in this column."""
    return lambda ids: column.in_(list(ids))


def within_sight(context: OperationContext, permission: Permission, sight: Sight) -> ColumnElement[bool] | None:
    """The rows for which the caller has the permission; None when that is all there are."""
    rights = context.caller.rights
    if rights.is_administrator or (context.space_id and rights.allow_everywhere(permission, context.space_id)):
        return None
    grants = rights.grants_of(permission, context.space_id)
    return or_(false(), *(_within(grant, permission, sight) for grant in grants))


def place_sight(table: Table) -> Sight:
    """How a row is about what happens somewhere: tasks, deployments and runs."""
    return {
        "space": named_in(table.c.space_id),
        "project": about(table.c.project_id),
        "environment": about(table.c.environment_id),
        "tenant": about(table.c.tenant_id),
    }


async def require_row(
    context: OperationContext,
    connection: AsyncConnection,
    table: Table,
    row_id: str,
    *,
    permission: Permission,
    sight: Sight,
    is_seen: bool,
) -> None:
    """Go on only if the caller has the permission for this row.

    Raises:
        NotFound: they have not, and do not see the row either (`is_seen` False).
        Forbidden: they have not, but see it.
    """
    condition = within_sight(context, permission, sight)
    if condition is None:
        return
    if (await connection.execute(select(table.c.id).where(table.c.id == row_id, condition))).first() is not None:
        return
    if is_seen:
        raise forbidden(permission)
    raise NotFound(
        f"Resource is not found or it doesn't exist in the current space context. There is no {row_id} here."
    )


async def granted_ids(
    context: OperationContext,
    connection: AsyncConnection,
    table: Table,
    ids: Collection[str],
    *,
    permission: Permission,
    sight: Sight,
) -> set[str]:
    """Those of the rows for which the caller has the permission."""
    condition = within_sight(context, permission, sight)
    if condition is None:
        return set(ids)
    return {row[0] for row in await connection.execute(select(table.c.id).where(table.c.id.in_(list(ids)), condition))}


def _within(grant: Grant, permission: Permission, sight: Sight) -> ColumnElement[bool]:
    limits: list[ColumnElement[bool]] = []
    if grant.space_id and "space" in sight:
        limits.append(sight["space"]([grant.space_id]))
    if grant.project_ids is not None:
        groups = grant.seen_group_ids if permission.endswith("View") else grant.project_group_ids
        if "project" in sight and "group" in sight:
            limits.append(or_(sight["project"](grant.project_ids), sight["group"](grant.project_group_ids or ())))
        elif "project" in sight:
            limits.append(sight["project"](grant.project_ids))
        elif "group" in sight:
            limits.append(sight["group"](groups or ()))
    if grant.environment_ids is not None and "environment" in sight:
        limits.append(sight["environment"](grant.environment_ids))
    if grant.tenant_ids is not None and "tenant" in sight:
        limits.append(sight["tenant"](grant.tenant_ids))
    return and_(*limits) if limits else ~false()
