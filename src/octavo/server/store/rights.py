"""What roles grant a user: through the teams that the user is in, and through the team that everyone is in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import NotFound
from octavo.server.domain.permissions import SPACE_PERMISSIONS, SYSTEM_PERMISSIONS, Grant, Permission, Rights
from octavo.server.domain.roles import ADMINISTRATORS_TEAM, EVERYONE_TEAM
from octavo.server.store.project_schema import projects, scoped_user_roles, team_members, user_roles
from octavo.server.store.schema import users

_SYSTEM, _SPACE = "GrantedSystemPermissions", "GrantedSpacePermissions"


@dataclass(frozen=True, slots=True)
class ScopedRole:
    """A role of a team in a space ("": on the whole server). `doc`: EnvironmentIds, ProjectIds and so on."""

    id: str
    space_id: str
    team_id: str
    user_role_id: str
    doc: Mapping[str, Any] = field(default_factory=dict)


async def read_rights(connection: AsyncConnection, user_id: str) -> Rights:
    """All that the user may do."""
    team_ids = await list_team_ids(connection, user_id)
    if ADMINISTRATORS_TEAM in team_ids:
        return Rights(is_administrator=True)
    statement = (
        select(scoped_user_roles.c.space_id, scoped_user_roles.c.doc, user_roles.c.doc.label("role"))
        .join_from(scoped_user_roles, user_roles)
        .where(scoped_user_roles.c.team_id.in_([*team_ids, EVERYONE_TEAM]))
    )
    rows = (await connection.execute(statement)).all()
    places = await _places_of_projects(connection, rows)
    return Rights(grants=tuple(_grant(row, places) for row in rows))


async def list_team_ids(connection: AsyncConnection, user_id: str) -> list[str]:
    """The teams that the user is a member of by name."""
    statement = select(team_members.c.team_id).where(team_members.c.user_id == user_id)
    return [row[0] for row in await connection.execute(statement)]


async def list_members(connection: AsyncConnection, team_id: str) -> list[str]:
    """The ids of the team's members."""
    statement = select(team_members.c.user_id).where(team_members.c.team_id == team_id)
    return [row[0] for row in await connection.execute(statement)]


async def replace_members(connection: AsyncConnection, team_id: str, user_ids: Sequence[str]) -> None:
    """Make exactly these users the team's members.

    Raises:
        NotFound: one of them is not there.
    """
    known = {row[0] for row in await connection.execute(select(users.c.id).where(users.c.id.in_(user_ids)))}
    missing = [user_id for user_id in user_ids if user_id not in known]
    if missing:
        raise NotFound(f"There is no user {missing[0]}.")
    await connection.execute(delete(team_members).where(team_members.c.team_id == team_id))
    if user_ids:
        rows = [{"team_id": team_id, "user_id": user_id} for user_id in dict.fromkeys(user_ids)]
        await connection.execute(insert(team_members), rows)


async def insert_scoped_role(connection: AsyncConnection, role: ScopedRole) -> None:
    """Give a team a role."""
    await connection.execute(insert(scoped_user_roles).values(**_values(role)))


async def update_scoped_role(connection: AsyncConnection, role: ScopedRole) -> None:
    """Change what a team is given."""
    mine = scoped_user_roles.c.id == role.id
    await connection.execute(update(scoped_user_roles).where(mine).values(**_values(role)))


async def delete_scoped_roles(connection: AsyncConnection, *, ids: Sequence[str]) -> None:
    """Take roles away."""
    await connection.execute(delete(scoped_user_roles).where(scoped_user_roles.c.id.in_(ids)))


async def list_scoped_roles(
    connection: AsyncConnection, *, team_id: str = "", space_id: str = "", role_id: str = ""
) -> list[ScopedRole]:
    """What teams are given, oldest first; "" is no condition."""
    conditions = [
        column == value
        for column, value in (
            (scoped_user_roles.c.team_id, team_id),
            (scoped_user_roles.c.space_id, space_id),
            (scoped_user_roles.c.user_role_id, role_id),
        )
        if value
    ]
    found = [_as_role(row) for row in await connection.execute(select(*scoped_user_roles.c).where(*conditions))]
    return sorted(found, key=lambda role: int(role.id.rpartition("-")[2]))


async def get_scoped_role(connection: AsyncConnection, role_id: str) -> ScopedRole:
    """One.

    Raises:
        NotFound: there is none with this id.
    """
    found = [role for role in await list_scoped_roles(connection) if role.id.lower() == role_id.lower()]
    if not found:
        raise NotFound(f"There is no scoped user role {role_id}.")
    return found[0]


async def _places_of_projects(connection: AsyncConnection, rows: Sequence[Any]) -> list[tuple[str, str]]:
    """Project and group of each project that some limit names, directly or by its group."""
    project_ids = {each for row in rows for each in row.doc.get("ProjectIds", ())}
    group_ids = {each for row in rows for each in row.doc.get("ProjectGroupIds", ())}
    if not project_ids and not group_ids:
        return []
    named = or_(projects.c.id.in_(project_ids), projects.c.project_group_id.in_(group_ids))
    found = await connection.execute(select(projects.c.id, projects.c.project_group_id).where(named))
    return [(row[0], row[1]) for row in found]


def _grant(row: Any, places: Sequence[tuple[str, str]]) -> Grant:
    doc, is_system = row.doc, not row.space_id
    granted = frozenset(row.role.get(_SYSTEM if is_system else _SPACE, ()))
    allowed = SYSTEM_PERMISSIONS if is_system else SPACE_PERMISSIONS
    permissions = frozenset(each for each in Permission if each.value in granted) & allowed
    if not is_system:
        permissions |= {Permission.SPACE_VIEW}
    project_ids, group_ids = frozenset(doc.get("ProjectIds", ())), frozenset(doc.get("ProjectGroupIds", ()))
    is_limited = bool(project_ids or group_ids)
    inside = {project for project, group in places if group in group_ids}
    around = {group for project, group in places if project in project_ids}
    return Grant(
        permissions=permissions,
        space_id=row.space_id,
        project_ids=project_ids | inside if is_limited else None,
        project_group_ids=group_ids if is_limited else None,
        seen_group_ids=group_ids | around if is_limited else None,
        environment_ids=frozenset(doc.get("EnvironmentIds", ())) or None,
        tenant_ids=frozenset(doc.get("TenantIds", ())) or None,
    )


def _values(role: ScopedRole) -> dict[str, Any]:
    return {
        "id": role.id,
        "space_id": role.space_id,
        "team_id": role.team_id,
        "user_role_id": role.user_role_id,
        "doc": dict(role.doc),
    }


def _as_role(row: Row[Any]) -> ScopedRole:
    return ScopedRole(row.id, row.space_id, row.team_id, row.user_role_id, row.doc)
