"""A copy of a project: settings, process, variables with their secrets, channels and runbooks. No releases."""

from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.server.domain.permissions import Permission, Scope
from octavo.server.operations.context import OperationContext, require
from octavo.server.operations.documents import Json
from octavo.server.operations.kinds.channels import CHANNELS
from octavo.server.operations.kinds.projects import PROJECTS
from octavo.server.operations.kinds.runbooks import RUNBOOKS
from octavo.server.operations.resources import create_within, get_resource, present, require_on
from octavo.server.store.processes import get_process, update_process
from octavo.server.store.project_schema import channels, runbooks
from octavo.server.store.resources import Query, list_documents
from octavo.server.store.variable_sets import get_variable_set, update_variable_set

_OWN = frozenset({"Id", "Name", "Slug", "Links", "SpaceId", "ClonedFromProjectId", "LastModifiedOn", "LastModifiedBy"})


async def clone_project(context: OperationContext, source_key: str, data: object) -> Json:
    """Make a project like another one; `data` says its name, and may say group, lifecycle and description.

    Raises:
        NotFound: there is no such project.
        Invalid: the name is taken or missing.
    """
    require(context, Permission.PROJECT_CREATE)
    if not isinstance(data, dict):
        raise Invalid("The body must be a JSON object with the new project's Name.")
    source = await get_resource(context, PROJECTS, source_key)
    for permission in (Permission.PROCESS_VIEW, Permission.VARIABLE_VIEW):  # the copy shows, and may use, all of it
        require(context, permission, Scope(str(source["Id"])))
    given = {name.lower(): value for name, value in data.items() if value}
    wanted = {name: value for name, value in source.items() if name not in _OWN}
    wanted |= {
        name: given[name.lower()]
        for name in ("Name", "Description", "ProjectGroupId", "LifecycleId")
        if name.lower() in given
    }
    async with context.store.writing() as connection:
        owned = {"ClonedFromProjectId": source["Id"]}
        project = await create_within(context, connection, PROJECTS, wanted, owned)
        await _copy_process(connection, source["DeploymentProcessId"], project["DeploymentProcessId"])
        await _copy_variables(connection, source["VariableSetId"], project["VariableSetId"])
        await _copy_channels(context, connection, source["Id"], project["Id"])
        await _copy_runbooks(context, connection, source["Id"], project["Id"])
        await require_on(context, connection, PROJECTS, project["Id"], Permission.PROJECT_CREATE)
    return project


async def _copy_process(connection: AsyncConnection, source_id: str, copy_id: str) -> None:
    """Ids of steps and actions stay: sealed property values open only under them."""
    source, copy = await get_process(connection, source_id), await get_process(connection, copy_id)
    if source.doc.get("Steps"):
        await update_process(connection, replace(copy, doc=source.doc))


async def _copy_variables(connection: AsyncConnection, source_id: str, copy_id: str) -> None:
    source, copy = await get_variable_set(connection, source_id), await get_variable_set(connection, copy_id)
    if source.doc.get("Variables"):
        await update_variable_set(connection, replace(copy, doc=source.doc))


async def _copy_channels(context: OperationContext, connection: AsyncConnection, source: str, copy: str) -> None:
    mine = Query(context.space_id, conditions=(channels.c.project_id == source,))
    for document in (await list_documents(connection, channels, mine)).documents:
        if not document.columns["is_default"]:
            await create_within(context, connection, CHANNELS, _like(present(CHANNELS, document), copy))


async def _copy_runbooks(context: OperationContext, connection: AsyncConnection, source: str, copy: str) -> None:
    mine = Query(context.space_id, conditions=(runbooks.c.project_id == source,))
    for document in (await list_documents(connection, runbooks, mine)).documents:
        shown = present(RUNBOOKS, document)
        made = await create_within(context, connection, RUNBOOKS, _like(shown, copy))
        await _copy_process(connection, shown["RunbookProcessId"], made["RunbookProcessId"])


def _like(resource: Json, project_id: str) -> dict[str, Any]:
    left_out = {*_OWN - {"Name"}, "PublishedRunbookSnapshotId", "ProjectId"}
    return {**{name: value for name, value in resource.items() if name not in left_out}, "ProjectId": project_id}
