"""Teams: people who share roles. Those of the server's own cannot be deleted or renamed."""

from collections.abc import Mapping
from typing import Any, ClassVar

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid, NotFound
from octavo.server.domain.permissions import Permission
from octavo.server.domain.roles import ADMINISTRATORS_TEAM, EVERYONE_TEAM
from octavo.server.operations.context import OperationContext, require
from octavo.server.operations.documents import Document, Json
from octavo.server.operations.resource_kinds import Change, ResourceKind, Rights
from octavo.server.store import schema
from octavo.server.store.rights import replace_members


class Team(Document):
    """API: resources, section 2."""

    noun: ClassVar[str] = "team"

    name: str
    slug: str = ""
    description: str | None = None
    member_user_ids: list[str] = []
    external_security_groups: list[Any] = []


def _computed(team: Json, _: Mapping[str, Any]) -> Json:
    is_ours = bool(team.get("IsBuiltIn"))
    return {
        "SpaceId": None,
        "CanBeDeleted": not is_ours,
        "CanBeRenamed": not is_ours,
        "CanChangeMembers": team["Id"] != EVERYONE_TEAM,
        "CanChangeRoles": team["Id"] != ADMINISTRATORS_TEAM,
    }


async def _before_save(change: Change) -> None:
    if change.resource_id == EVERYONE_TEAM and change.new["MemberUserIds"]:
        raise Invalid("Everyone is in this team already. Give it roles instead of members.")
    if change.old and change.new["IsBuiltIn"] and change.new["Name"] != change.old["Name"]:
        raise Invalid(f"{change.old['Name']} is a built-in team and cannot be renamed.")
    if change.resource_id == ADMINISTRATORS_TEAM:
        require(change.context, Permission.ADMINISTER_SYSTEM)
        if not change.new["MemberUserIds"] and change.old and change.old["MemberUserIds"]:
            raise Invalid("Somebody must be left who may do everything. Keep at least one administrator.")


async def _after_save(change: Change) -> None:
    try:
        await replace_members(change.connection, change.resource_id, change.new["MemberUserIds"])
    except NotFound as error:
        raise Invalid(str(error)) from error


async def _before_delete(_: OperationContext, __: AsyncConnection, team: Json) -> None:
    if not team["CanBeDeleted"]:
        raise Invalid(f"{team['Name']} is a built-in team and cannot be deleted.")


TEAMS = ResourceKind(
    item_type="Team",
    path="teams",
    id_prefix="Teams",
    model=Team,
    table=schema.teams,
    rights=Rights(Permission.TEAM_VIEW, Permission.TEAM_EDIT, Permission.TEAM_EDIT, Permission.TEAM_EDIT),
    links={"Self": "{self}", "ScopedUserRoles": "{self}/scopeduserroles{?skip,take}"},
    is_in_space=False,
    list_parameters="skip,take,ids,partialName,spaces,includeSystem",
    server_owned={"IsBuiltIn": False},
    computed=_computed,
    computed_names=frozenset({"canbedeleted", "canberenamed", "canchangemembers", "canchangeroles"}),
    before_save=_before_save,
    after_save=_after_save,
    before_delete=_before_delete,
)
