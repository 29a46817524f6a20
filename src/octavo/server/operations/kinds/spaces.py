"""Spaces: walls between teams. Making one makes what every space must have; deleting one deletes all in it."""

from typing import ClassVar

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.server.domain.permissions import Permission
from octavo.server.operations.context import OperationContext
from octavo.server.operations.documents import Document, Json
from octavo.server.operations.kinds.feeds import FEEDS
from octavo.server.operations.kinds.lifecycles import LIFECYCLES
from octavo.server.operations.kinds.machine_policies import MACHINE_POLICIES
from octavo.server.operations.kinds.project_groups import PROJECT_GROUPS
from octavo.server.operations.kinds.worker_pools import WORKER_POOLS
from octavo.server.operations.resource_kinds import Change, ResourceKind, Rights
from octavo.server.operations.resources import create_within
from octavo.server.store import schema
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
    if not change.is_new:
        return
    inside = change.context.in_space(change.resource_id)
    for kind, document in FIRST_RESOURCES:
        await create_within(inside, change.connection, kind, document)


async def _before_delete(_: OperationContext, connection: AsyncConnection, space: Json) -> None:
    if space["IsDefault"]:
        raise Invalid(f"{space['Name']} is the default space and cannot be deleted.")
    if not space["TaskQueueStopped"]:
        raise Invalid(
            f"The task queue of {space['Name']} is running. Stop it first: set TaskQueueStopped and save the space."
        )
    await delete_space_contents(connection, space["Id"])


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
    server_owned={"IsDefault": False},
    before_save=_before_save,
    after_save=_after_save,
    before_delete=_before_delete,
    wakes="agents",
)
