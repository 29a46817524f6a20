"""User roles: named sets of permissions, which teams are given. Source: resources.md §2."""

from collections.abc import Mapping
from typing import Any, ClassVar

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.server.domain.permissions import SPACE_PERMISSIONS, SYSTEM_PERMISSIONS, Permission
from octavo.server.operations.context import OperationContext, require
from octavo.server.operations.documents import Document, Json
from octavo.server.operations.resource_kinds import Change, ResourceKind, Rights
from octavo.server.store import project_schema


class UserRole(Document):
    """API: resources, section 2."""

    noun: ClassVar[str] = "user role"

    name: str
    slug: str = ""
    description: str | None = None
    granted_space_permissions: list[str] = []
    granted_system_permissions: list[str] = []


def _computed(role: Json, _: Mapping[str, Any]) -> Json:
    return {
        "CanBeDeleted": not role.get("IsBuiltIn"),
        "SupportedRestrictions": ["Environments", "Projects", "ProjectGroups", "Tenants"],
        "SpacePermissionDescriptions": [],
        "SystemPermissionDescriptions": [],
    }


async def _before_save(change: Change) -> None:
    if change.old and change.old["IsBuiltIn"]:
        raise Invalid(f"{change.old['Name']} is a built-in role and cannot be changed. Make one of your own.")
    if change.new["GrantedSystemPermissions"]:
        require(change.context, Permission.ADMINISTER_SYSTEM)
    for member, known in (
        ("GrantedSpacePermissions", SPACE_PERMISSIONS),
        ("GrantedSystemPermissions", SYSTEM_PERMISSIONS),
    ):
        names = {permission.lower(): permission.value for permission in known}
        # What other servers know besides is kept and grants nothing here: roles travel between servers.
        change.new[member] = [names.get(each.lower(), each) for each in change.new[member]]


async def _before_delete(_: OperationContext, __: AsyncConnection, role: Json) -> None:
    if not role["CanBeDeleted"]:
        raise Invalid(f"{role['Name']} is a built-in role and cannot be deleted.")


USER_ROLES = ResourceKind(
    item_type="UserRole",
    path="userroles",
    id_prefix="UserRoles",
    model=UserRole,
    table=project_schema.user_roles,
    rights=Rights(
        Permission.USER_ROLE_VIEW, Permission.USER_ROLE_EDIT, Permission.USER_ROLE_EDIT, Permission.USER_ROLE_EDIT
    ),
    links={"Self": "{self}"},
    is_in_space=False,
    server_owned={"IsBuiltIn": False},
    computed=_computed,
    computed_names=frozenset(
        {"canbedeleted", "supportedrestrictions", "spacepermissiondescriptions", "systempermissiondescriptions"}
    ),
    before_save=_before_save,
    before_delete=_before_delete,
)
