"""Spaces: walls between teams. Making one makes what every space must have; deleting one deletes all in it."""

from typing import ClassVar

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.server.domain.permissions import Permission
from octavo.server.domain.roles import SPACE_MANAGER_ROLE, space_managers_team
from octavo.server.operations.context import OperationContext
from octavo.server.operations.documents import Document, Json
from octavo.server.operations.kinds.feeds import FEEDS
from octavo.server.operations.kinds.lifecycles import LIFECYCLES
from octavo.server.operations.kinds.machine_policies import MACHINE_POLICIES
from octavo.server.operations.kinds.project_groups import PROJECT_GROUPS
from octavo.server.operations.kinds.teams import TEAMS
from octavo.server.operations.kinds.worker_pools import WORKER_POOLS
from octavo.server.operations.resource_kinds import Change, ResourceKind, Rights
from octavo.server.operations.resources import create_within
from octavo.server.operations.sight import named_in
from octavo.server.store import schema
from octavo.server.store.ids import next_id
from octavo.server.store.resources import delete_document, find_document
from octavo.server.store.rights import (
    ScopedRole,
    delete_scoped_roles,
    insert_scoped_role,
    list_scoped_roles,
    replace_members,
)
from octavo.server.store.space_contents import delete_space_contents

#: What every space has from its first moment (API conventions, section 4).
FIRST_RESOURCES: tuple[tuple[ResourceKind, Json], ...] = (
    (WORKER_POOLS, {"Name": "Default Worker Pool", "IsDefault": True}),
    (MACHINE_POLICIES, {"Name": "Default Machine Policy", "IsDefault": True}),
    (LIFECYCLES, {"Name": "Default Lifecycle"}),
    (PROJECT_GROUPS, {"Name": "Default Project Group"}),
    (FEEDS, {"Name": "Octopus Server (built-in)", "FeedType": "BuiltIn"}),
)


class Space(Document):
    """API: resources, section 1."""

    noun: ClassVar[str] = "space"

    name: str
    slug: str = ""
    description: str | None = None
    task_queue_stopped: bool = False
    space_managers_teams: list[str] = []
    space_managers_team_members: list[str] = []


async def _before_save(change: Change) -> None:
    change.columns["is_default"] = change.new["IsDefault"]
    managers = change.new["SpaceManagersTeams"] + change.new["SpaceManagersTeamMembers"]
    if change.is_new and not managers:
        raise Invalid("Please name at least one team or user that manages the space.")
    if change.new["TaskQueueStopped"] and change.new["IsDefault"] and not (change.old or {}).get("TaskQueueStopped"):
        raise Invalid("The task queue of the default space cannot be stopped.")


async def _after_save(change: Change) -> None:
    if change.is_new:
        await _make_first_resources(change)
        await _make_managers_team(change)
    elif change.new["SpaceManagersTeamMembers"] != (change.old or {}).get("SpaceManagersTeamMembers"):
        await replace_members(
            change.connection, space_managers_team(change.resource_id), change.new["SpaceManagersTeamMembers"]
        )
    await _give_to_managers(change)


async def _make_first_resources(change: Change) -> None:
    inside = change.context.in_space(change.resource_id)
    for kind, document in FIRST_RESOURCES:
        await create_within(inside, change.connection, kind, document)


async def _make_managers_team(change: Change) -> None:
    """Each space has a team of its managers; teams that manage it too get the same role."""
    team_id = space_managers_team(change.resource_id)
    members = change.new["SpaceManagersTeamMembers"]
    named = {"Name": f"Space Managers of {change.resource_id}", "MemberUserIds": members}
    await create_within(change.context, change.connection, TEAMS, named, {"IsBuiltIn": True}, resource_id=team_id)


async def _give_to_managers(change: Change) -> None:
    """The role of a manager to exactly the teams that the space names, and to its own."""
    connection, space_id = change.connection, change.resource_id
    wanted = {space_managers_team(space_id), *change.new["SpaceManagersTeams"]}
    given = await list_scoped_roles(connection, space_id=space_id, role_id=SPACE_MANAGER_ROLE)
    before = set((change.old or {}).get("SpaceManagersTeams", ()))
    await delete_scoped_roles(connection, ids=[each.id for each in given if each.team_id in before - wanted])
    for team_id in sorted(wanted - {each.team_id for each in given}):
        if await find_document(connection, schema.teams, team_id) is None:
            raise Invalid(f"There is no team {team_id}.")
        role_id = await next_id(connection, "ScopedUserRoles")
        await insert_scoped_role(connection, ScopedRole(role_id, space_id, team_id, SPACE_MANAGER_ROLE))


async def _before_delete(_: OperationContext, connection: AsyncConnection, space: Json) -> None:
    if space["IsDefault"]:
        raise Invalid(f"{space['Name']} is the default space and cannot be deleted.")
    if not space["TaskQueueStopped"]:
        raise Invalid(
            f"The task queue of {space['Name']} is running. Stop it first: set TaskQueueStopped and save the space."
        )
    await delete_space_contents(connection, space["Id"])
    given = await list_scoped_roles(connection, space_id=space["Id"])
    await delete_scoped_roles(connection, ids=[each.id for each in given])
    await delete_document(connection, schema.teams, space_managers_team(space["Id"]))


SPACES = ResourceKind(
    item_type="Space",
    path="spaces",
    id_prefix="Spaces",
    model=Space,
    table=schema.spaces,
    rights=Rights(Permission.SPACE_VIEW, Permission.SPACE_CREATE, Permission.SPACE_EDIT, Permission.SPACE_DELETE),
    links={"Self": "{self}", "SpaceHome": "/api/{id}", "Web": "/app#/{id}"},
    is_in_space=False,
    name_limit=50,
    list_parameters="skip,ids,take,partialName",
    sight={"space": named_in(schema.spaces.c.id)},
    server_owned={"IsDefault": False},
    before_save=_before_save,
    after_save=_after_save,
    before_delete=_before_delete,
    wakes="agents",
)
