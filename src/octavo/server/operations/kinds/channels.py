"""Channels: which releases of a project take which way, and which versions they may have."""

import uuid
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.server.domain.permissions import Permission
from octavo.server.operations.context import OperationContext
from octavo.server.operations.defaults import guard_default, refuse_to_delete_default
from octavo.server.operations.documents import Document, Json
from octavo.server.operations.references import existing_id
from octavo.server.operations.resource_kinds import Change, ResourceKind, Rights
from octavo.server.operations.sight import named_in
from octavo.server.store import project_schema, schema
from octavo.server.store.resources import Query, count_documents, list_documents, update_document


class ActionPackage(Document):
    """A package reference of the process that a rule speaks of."""

    deployment_action: str = ""
    package_reference: str = ""


class ChannelRule(Document):
    """Which versions of some packages are let in."""

    noun: ClassVar[str] = "channel rule"

    id: str = ""
    version_range: str | None = None
    tag: str | None = None
    versioning_strategy: str | None = None
    version_tag_regex: str | None = None
    action_packages: list[ActionPackage] = []

    @model_validator(mode="after")
    def _has_an_id(self) -> Self:
        if not self.id:
            self.__dict__["id"] = str(uuid.uuid4())
        return self


class Channel(Document):
    """API: resources, section 8."""

    noun: ClassVar[str] = "channel"

    name: str
    slug: str = ""
    description: str | None = None
    project_id: str
    lifecycle_id: str | None = None
    is_default: bool = False
    rules: list[ChannelRule] = []
    tenant_tags: list[str] = []
    type: Literal["Lifecycle", "EphemeralEnvironment"] = "Lifecycle"
    git_reference_rules: list[Any] = []
    git_resource_rules: list[Any] = []
    custom_field_definitions: list[Any] = []
    ephemeral_environment_name_template: str | None = None
    parent_environment_id: str | None = None
    automatic_ephemeral_environment_deployments: bool = False


async def _before_save(change: Change) -> None:
    wanted = change.old["ProjectId"] if change.old else change.new["ProjectId"]
    project_id = await existing_id(change.connection, project_schema.projects, change.space_id, wanted, "project")
    if project_id is None:
        raise Invalid("A channel needs a ProjectId.")
    lifecycle_id = await existing_id(
        change.connection, schema.lifecycles, change.space_id, change.new["LifecycleId"], "lifecycle"
    )
    change.new.update({"ProjectId": project_id, "LifecycleId": lifecycle_id})
    guard_default(change)
    change.columns.update({"project_id": project_id, "lifecycle_id": lifecycle_id})


async def _after_save(change: Change) -> None:
    """When this one has become the default, the one before is none any more."""
    if not change.new["IsDefault"]:
        return
    table = project_schema.channels
    mine = (table.c.project_id == change.new["ProjectId"], table.c.is_default.is_(True))
    others = Query(change.space_id, conditions=(*mine, table.c.id != change.resource_id))
    for other in (await list_documents(change.connection, table, others)).documents:
        columns = {**other.columns, "is_default": False}
        await update_document(
            change.connection, table, replace(other, doc={**other.doc, "IsDefault": False}, columns=columns)
        )


async def _before_delete(_: OperationContext, connection: AsyncConnection, channel: Json) -> None:
    refuse_to_delete_default("channel", channel)
    releases = project_schema.releases
    used = await count_documents(connection, releases, Query(conditions=(releases.c.channel_id == channel["Id"],)))
    if used:
        raise Invalid(f"The channel {channel['Name']} has {used} releases. Move or delete them first.")


CHANNELS = ResourceKind(
    item_type="Channel",
    path="channels",
    id_prefix="Channels",
    model=Channel,
    table=project_schema.channels,
    rights=Rights(Permission.PROCESS_VIEW, Permission.PROCESS_EDIT, Permission.PROCESS_EDIT, Permission.PROCESS_EDIT),
    links={
        "Self": "{self}",
        "Releases": "{self}/releases{?skip,take,searchByVersion}",
        "Projects": "{root}/projects",
    },
    list_parameters="skip,take,ids,partialName",
    sight={"project": named_in(project_schema.channels.c.project_id)},
    filters={"projectid": lambda ids: project_schema.channels.c.project_id.in_(list(ids))},
    before_save=_before_save,
    after_save=_after_save,
    before_delete=_before_delete,
)
