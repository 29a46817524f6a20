"""Project groups: how projects are sorted on a page."""

from typing import ClassVar

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.server.domain.permissions import Permission
from octavo.server.operations.context import OperationContext
from octavo.server.operations.documents import Document, Json
from octavo.server.operations.references import refuse_while_used
from octavo.server.operations.resource_kinds import ResourceKind, Rights
from octavo.server.operations.sight import named_in
from octavo.server.store import project_schema, schema


class ProjectGroup(Document):
    """API: resources, section 7."""

    noun: ClassVar[str] = "project group"

    name: str
    slug: str = ""
    description: str | None = None
    environment_ids: list[str] = []
    retention_policy_id: str | None = None


async def _before_delete(_: OperationContext, connection: AsyncConnection, group: Json) -> None:
    projects = project_schema.projects
    await refuse_while_used(connection, projects, projects.c.project_group_id == group["Id"], group["Name"])


PROJECT_GROUPS = ResourceKind(
    item_type="ProjectGroup",
    path="projectgroups",
    id_prefix="ProjectGroups",
    model=ProjectGroup,
    table=schema.project_groups,
    rights=Rights(
        Permission.PROJECT_GROUP_VIEW,
        Permission.PROJECT_GROUP_CREATE,
        Permission.PROJECT_GROUP_EDIT,
        Permission.PROJECT_GROUP_DELETE,
    ),
    links={"Self": "{self}", "Projects": "{self}/projects"},  # raw: the command line asks for it as it stands
    sight={"group": named_in(schema.project_groups.c.id)},
    before_delete=_before_delete,
)
