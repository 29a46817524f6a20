"""Lifecycles: through which environments a release moves, and how long it is kept."""

import uuid
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.server.domain.permissions import Permission
from octavo.server.operations.context import OperationContext
from octavo.server.operations.documents import Document, Json
from octavo.server.operations.references import existing_ids, refuse_while_used
from octavo.server.operations.resource_kinds import Change, ResourceKind, Rights
from octavo.server.store import project_schema, schema


class RetentionPeriod(Document):
    """How much is kept. Older clients know only `ShouldKeepForever`; all four members are always answered."""

    strategy: Literal["Default", "Forever", "Count"] | None = None
    unit: Literal["Days", "Items"] = "Items"
    quantity_to_keep: int = Field(default=0, ge=0)
    should_keep_forever: bool = False

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.strategy is None:
            keeps_all = self.should_keep_forever or self.quantity_to_keep == 0
            self.__dict__["strategy"] = "Forever" if keeps_all else "Count"
        if self.strategy == "Count":
            self.__dict__["should_keep_forever"] = False
        else:
            self.__dict__.update(should_keep_forever=True, quantity_to_keep=0, unit="Items")
        return self


def _default_retention() -> RetentionPeriod:
    return RetentionPeriod(strategy="Default")


class Phase(Document):
    """One stop on the way."""

    noun: ClassVar[str] = "phase"

    id: str = ""
    name: str
    automatic_deployment_targets: list[str] = []
    optional_deployment_targets: list[str] = []
    minimum_environments_before_promotion: int = 0
    is_optional_phase: bool = False
    is_priority_phase: bool = False
    release_retention_policy: RetentionPeriod | None = None
    tentacle_retention_policy: RetentionPeriod | None = None

    @model_validator(mode="after")
    def _has_an_id(self) -> Self:
        if not self.id:
            self.__dict__["id"] = str(uuid.uuid4())
        return self


class Lifecycle(Document):
    """API: resources, section 6."""

    noun: ClassVar[str] = "lifecycle"

    name: str
    slug: str = ""
    description: str | None = None
    phases: list[Phase] = []
    release_retention_policy: RetentionPeriod = Field(default_factory=_default_retention)
    tentacle_retention_policy: RetentionPeriod = Field(default_factory=_default_retention)


async def _before_save(change: Change) -> None:
    for phase in change.new["Phases"]:
        for member in ("AutomaticDeploymentTargets", "OptionalDeploymentTargets"):
            phase[member] = await existing_ids(
                change.connection, schema.environments, change.space_id, phase[member], "environment"
            )


async def _before_delete(_: OperationContext, connection: AsyncConnection, lifecycle: Json) -> None:
    projects = project_schema.projects
    await refuse_while_used(connection, projects, projects.c.lifecycle_id == lifecycle["Id"], lifecycle["Name"])


LIFECYCLES = ResourceKind(
    item_type="Lifecycle",
    path="lifecycles",
    id_prefix="Lifecycles",
    model=Lifecycle,
    table=schema.lifecycles,
    rights=Rights(
        Permission.LIFECYCLE_VIEW, Permission.LIFECYCLE_CREATE, Permission.LIFECYCLE_EDIT, Permission.LIFECYCLE_DELETE
    ),
    links={"Self": "{self}", "Projects": "{self}/projects"},
    before_save=_before_save,
    before_delete=_before_delete,
)
