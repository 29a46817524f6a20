"""Which team has which role where, and what a user may do because of it. Source: resources.md §2; endpoints.md §2."""

from dataclasses import replace
from typing import Any, ClassVar

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.server.domain.permissions import SPACE_PERMISSIONS, Permission, Rights
from octavo.server.domain.roles import ADMINISTRATORS_TEAM, EVERYONE_TEAM
from octavo.server.operations.audit import record_change
from octavo.server.operations.context import OperationContext, require
from octavo.server.operations.documents import Document, Json, parse
from octavo.server.operations.kinds.teams import TEAMS
from octavo.server.operations.resources import present as present_resource
from octavo.server.store.ids import next_id
from octavo.server.store.project_schema import user_roles
from octavo.server.store.resources import Query, find_document, list_documents
from octavo.server.store.rights import (
    ScopedRole,
    delete_scoped_roles,
    get_scoped_role,
    insert_scoped_role,
    list_scoped_roles,
    list_team_ids,
    read_rights,
    update_scoped_role,
)
from octavo.server.store.schema import spaces
from octavo.server.store.users import get_user

_LIMITS = ("EnvironmentIds", "ProjectIds", "ProjectGroupIds", "TenantIds")


class ScopedRoleDocument(Document):
    """API: resources, section 2."""

    noun: ClassVar[str] = "scoped user role"

    team_id: str
    user_role_id: str
    space_id: str | None = None
    environment_ids: list[str] = []  # noqa: RUF012 - pydantic copies a model's defaults
    project_ids: list[str] = []  # noqa: RUF012 - pydantic copies a model's defaults
    project_group_ids: list[str] = []  # noqa: RUF012 - pydantic copies a model's defaults
    tenant_ids: list[str] = []  # noqa: RUF012 - pydantic copies a model's defaults


async def list_roles(context: OperationContext, *, team_id: str = "") -> list[Json]:
    """What teams are given, in the context's space or everywhere; of one team only, when given."""
    require(context, Permission.TEAM_VIEW)
    async with context.store.reading() as connection:
        found = await list_scoped_roles(connection, team_id=team_id, space_id=context.space_id)
    return [_shown(role) for role in found]


async def get_role(context: OperationContext, role_id: str) -> Json:
    """One.

    Raises:
        NotFound: there is none.
    """
    require(context, Permission.TEAM_VIEW)
    async with context.store.reading() as connection:
        return _shown(await get_scoped_role(connection, role_id))


async def create_role(context: OperationContext, data: object) -> Json:
    """Give a team a role.

    Raises:
        Invalid: team, role or space are not there, or a role without space permissions is given in one.
    """
    require(context, Permission.TEAM_EDIT)
    async with context.store.writing() as connection:
        role = await _checked(context, connection, data, await next_id(connection, "ScopedUserRoles"))
        await insert_scoped_role(connection, role)
        await record_change(context, connection, "scoped user role", "Created", before=None, after=_named(_shown(role)))
    return _shown(role)


async def modify_role(context: OperationContext, role_id: str, data: object) -> Json:
    """Change what a team is given.

    Raises:
        NotFound: there is none with this id.
        Invalid: as `create_role`.
    """
    require(context, Permission.TEAM_EDIT)
    async with context.store.writing() as connection:
        before = await get_scoped_role(connection, role_id)
        _protect(context, before)
        after = await _checked(context, connection, data, before.id)
        await update_scoped_role(connection, after)
        shown = [_named(_shown(each)) for each in (before, after)]
        await record_change(context, connection, "scoped user role", "Modified", before=shown[0], after=shown[1])
    return _shown(after)


async def delete_role(context: OperationContext, role_id: str) -> None:
    """Take a role away.

    Raises:
        NotFound: there is none with this id.
    """
    require(context, Permission.TEAM_EDIT)
    async with context.store.writing() as connection:
        role = await get_scoped_role(connection, role_id)
        _protect(context, role)
        await delete_scoped_roles(connection, ids=[role.id])
        await record_change(context, connection, "scoped user role", "Deleted", before=_named(_shown(role)), after=None)


async def teams_of_user(context: OperationContext, user_id: str) -> list[Json]:
    """The user's teams, with the one that everyone is in."""
    _require_self_or_viewer(context, user_id)
    async with context.store.reading() as connection:
        user = await get_user(connection, user_id)
        ids = [*await list_team_ids(connection, user.id), EVERYONE_TEAM]
        found = await list_documents(connection, TEAMS.table, Query(None, ids))
    return [present_resource(TEAMS, document) for document in found.documents]


async def permissions_of_user(context: OperationContext, user_id: str) -> Json:
    """All that the user may do, by permission, with its limits."""
    _require_self_or_viewer(context, user_id)
    async with context.store.reading() as connection:
        user = await get_user(connection, user_id)
        rights = await read_rights(connection, user.id)
        everywhere = [document.id for document in (await list_documents(connection, spaces, Query())).documents]
    teams = [{"Id": each["Id"], "Name": each["Name"]} for each in await teams_of_user(context, user_id)]
    return {
        "Id": f"userpermissions-{user.id}",
        "SpacePermissions": _space_permissions(rights, everywhere),
        "SystemPermissions": sorted(
            each.value for each in Permission if rights.allow(each, "") and _is_system(rights, each)
        ),
        "Teams": teams,
        "IsPermissionsComplete": True,
        "IsTeamsComplete": True,
        "Links": {"Self": f"/api/users/{user.id}/permissions", "User": f"/api/users/{user.id}"},
    }


def _is_system(rights: Rights, permission: Permission) -> bool:
    return rights.is_administrator or any(
        not grant.space_id and permission in grant.permissions for grant in rights.grants
    )


def _space_permissions(rights: Rights, space_ids: list[str]) -> dict[str, list[Json]]:
    if rights.is_administrator:
        anything = [_restriction(space_id) for space_id in space_ids]
        return {permission.value: anything for permission in sorted(SPACE_PERMISSIONS)}
    found: dict[str, list[Json]] = {}
    for grant in rights.grants:
        if grant.space_id:
            limits = _restriction(
                grant.space_id,
                EnvironmentIds=sorted(grant.environment_ids or ()),
                ProjectIds=sorted(grant.project_ids or ()),
                ProjectGroupIds=sorted(grant.project_group_ids or ()),
                TenantIds=sorted(grant.tenant_ids or ()),
            )
            for permission in sorted(grant.permissions):
                found.setdefault(permission.value, []).append(limits)
    return found


def _restriction(space_id: str, **limits: list[str]) -> Json:
    return {"SpaceId": space_id, **{f"RestrictedTo{name}": limits.get(name, []) for name in _LIMITS}}


async def _checked(context: OperationContext, connection: AsyncConnection, data: object, role_id: str) -> ScopedRole:
    wanted = parse(ScopedRoleDocument, data)
    team = await find_document(connection, TEAMS.table, wanted.team_id)
    if team is None:
        raise Invalid(f"There is no team {wanted.team_id}.")
    role = await find_document(connection, user_roles, wanted.user_role_id)
    if role is None:
        raise Invalid(f"There is no user role {wanted.user_role_id}.")
    space_id = wanted.space_id or ""
    if space_id and await find_document(connection, spaces, space_id) is None:
        raise Invalid(f"There is no space {space_id}.")
    member = "GrantedSpacePermissions" if space_id else "GrantedSystemPermissions"
    if not role.doc.get(member):
        where = "in a space" if space_id else "without a space"
        raise Invalid(f"The role {role.name} grants nothing {where}. Choose another role, or another place for it.")
    doc = {name: value for name, value in wanted.model_dump(by_alias=True).items() if name in _LIMITS}
    given = ScopedRole(role_id, space_id, team.id, role.id, doc)
    _protect(context, given)
    return given


def _protect(context: OperationContext, role: ScopedRole) -> None:
    """What concerns the whole server, and the administrators' team, is for administrators to give."""
    if not role.space_id or role.team_id == ADMINISTRATORS_TEAM:
        require(context, Permission.ADMINISTER_SYSTEM)


def _require_self_or_viewer(context: OperationContext, user_id: str) -> None:
    if user_id.lower() != context.caller.user_id.lower():
        require(replace(context, space_id=""), Permission.USER_VIEW)


def _shown(role: ScopedRole) -> Json:
    limits: dict[str, Any] = {name: role.doc.get(name, []) for name in _LIMITS}
    return {
        "Id": role.id,
        "TeamId": role.team_id,
        "UserRoleId": role.user_role_id,
        "SpaceId": role.space_id or None,
        **limits,
        "Links": {"Self": f"/api/scopeduserroles/{role.id}"},
    }


def _named(shown: Json) -> Json:
    return {**shown, "Name": f"{shown['UserRoleId']} of {shown['TeamId']}"}
