"""Teams: people who share permissions. They are kept, but grant nothing yet: only administrators have rights."""

from collections.abc import Mapping
from typing import Any, ClassVar

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.server.domain.permissions import Permission
from octavo.server.operations.context import OperationContext
from octavo.server.operations.documents import Document, Json
from octavo.server.operations.resource_kinds import ResourceKind, Rights
from octavo.server.store import schema


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
        "CanChangeMembers": True,
        "CanChangeRoles": not is_ours,
    }


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
    before_delete=_before_delete,
)
