"""Deploys another project's release as a step of a deployment. Source: resources.md §9 (`Octopus.DeployRelease`)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.executor.versions import find_version, parse_version
from octavo.server.domain.executions import Execution, ExecutionKind
from octavo.server.domain.tasks import TaskState
from octavo.server.operations.context import SYSTEM, Caller, OperationContext
from octavo.server.operations.deployments import create_within
from octavo.server.operations.named_resources import find_named, get_named
from octavo.server.operations.requests import Members
from octavo.server.store.executions import ExecutionQuery, list_executions
from octavo.server.store.project_schema import projects, releases
from octavo.server.store.resources import Document, find_document, get_document
from octavo.server.store.rights import read_rights
from octavo.server.store.schema import environments, tenants


class ChildCondition(StrEnum):
    """When the other project is deployed."""

    ALWAYS = "Always"
    IF_NOT_CURRENT = "IfNotCurrentVersion"
    IF_NEWER = "IfNewer"


@dataclass(frozen=True, slots=True)
class ChildRequest:
    """Which release, when, and with what values for its prompted variables."""

    project_id: str
    version: str
    condition: ChildCondition
    variables: Mapping[str, Any]


def read_child_request(project_id: str, version: str, condition: str, variables: str) -> ChildRequest:
    """The request that an action's properties mean.

    Raises:
        Invalid: the condition is none, or the variables are no JSON object.
    """
    known = {each.value.lower(): each for each in ChildCondition}
    if condition and condition.lower() not in known:
        raise Invalid(f"'{condition}' is no condition. Use one of: {', '.join(ChildCondition)}.")
    try:
        values = json.loads(variables) if variables.strip() else {}
    except ValueError as error:
        raise Invalid(f"The variables for the other project are no JSON: {error}.") from error
    if not isinstance(values, dict):
        raise Invalid("The variables for the other project must be a JSON object of names and values.")
    return ChildRequest(project_id, version, known.get(condition.lower(), ChildCondition.ALWAYS), values)


async def deploy_child(
    context: OperationContext, connection: AsyncConnection, parent: Execution, wanted: ChildRequest
) -> Execution | str:
    """The queued deployment; or why there is none to do.

    Raises:
        Invalid: the release is not there, or may not be deployed here now.
    """
    space_id = parent.space_id
    project = await get_named(connection, projects, space_id, wanted.project_id)
    mine = releases.c.project_id == project.id
    release = await find_named(connection, releases, space_id, wanted.version, mine)
    if release is None:
        raise Invalid(f"The project {project.name} has no release '{wanted.version}'. Was it deleted?")
    current = await _current_version(connection, project, parent)
    if current and wanted.condition is ChildCondition.IF_NOT_CURRENT and current == release.name:
        return f"{project.name} {current} is deployed here already."
    if current and wanted.condition is ChildCondition.IF_NEWER and not _is_newer(release.name, current):
        return f"{project.name} {current} is deployed here, and {release.name} is not newer."
    command = {
        "Variables": wanted.variables,
        "UseGuidedFailure": parent.doc.get("UseGuidedFailure"),
        "ForcePackageDownload": parent.doc.get("ForcePackageDownload"),
        "Comments": f"Deployed by {parent.id}",
    }
    chain = [*parent.doc.get("DeployedByProjectIds", ()), parent.project_id]
    tenant = await _tenant_of(connection, project, parent)
    place = await get_document(connection, environments, parent.environment_id)
    acting = await _as_deployer(context.in_space(space_id), connection, parent)
    return await create_within(
        acting, connection, release, place, tenant=tenant, command=Members(command), deployed_by=chain
    )


async def _current_version(connection: AsyncConnection, project: Document, parent: Execution) -> str:
    query = ExecutionQuery(
        ExecutionKind.DEPLOYMENT,
        parent.space_id,
        project_ids=[project.id],
        environment_ids=[parent.environment_id],
        tenant_ids=[parent.tenant_id] if parent.tenant_id else (),
        task_state=TaskState.SUCCESS,
        take=1,
    )
    found, _ = await list_executions(connection, query)
    release = await find_document(connection, releases, found[0].release_id) if found and found[0].release_id else None
    return release.name if release else ""


async def _tenant_of(connection: AsyncConnection, project: Document, parent: Execution) -> Document | None:
    if not parent.tenant_id or project.doc.get("TenantedDeploymentMode", "Untenanted") == "Untenanted":
        return None
    return await find_document(connection, tenants, parent.tenant_id)


def _is_newer(version: str, current: str) -> bool:
    return find_version(current) is None or parse_version(version).sort_key > parse_version(current).sort_key


async def _as_deployer(context: OperationContext, connection: AsyncConnection, parent: Execution) -> OperationContext:
    """In the name, and with the rights, of whoever deployed the first project; the audit says so."""
    user_id, username = str(parent.doc.get("DeployedById") or ""), str(parent.doc.get("DeployedBy") or "")
    if user_id in ("", SYSTEM.user_id):
        return context
    caller = Caller(user_id, username, await read_rights(connection, user_id), established_with="deployment")
    return OperationContext(context.parts, caller, context.space_id)
