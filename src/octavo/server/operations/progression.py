"""How releases progress: through their lifecycle, and on the dashboard. Source: resources.md §11, §16."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.server.domain.executions import Execution, ExecutionKind
from octavo.server.domain.permissions import Permission, Scope
from octavo.server.domain.tasks import Task
from octavo.server.operations.context import OperationContext, require, require_sight
from octavo.server.operations.deployments import scope_of
from octavo.server.operations.documents import Json
from octavo.server.operations.execution_documents import shown_execution
from octavo.server.operations.kinds.environments import ENVIRONMENTS
from octavo.server.operations.kinds.project_groups import PROJECT_GROUPS
from octavo.server.operations.kinds.projects import PROJECTS
from octavo.server.operations.kinds.tenants import TENANTS
from octavo.server.operations.moments import moment
from octavo.server.operations.releases import progress_of
from octavo.server.operations.resource_kinds import ResourceKind
from octavo.server.operations.sight import within_sight
from octavo.server.operations.task_documents import API_STATES, as_task_document
from octavo.server.store.executions import ExecutionQuery, list_executions, list_latest
from octavo.server.store.project_schema import releases
from octavo.server.store.resources import Document, Query, get_document, list_documents
from octavo.server.store.tasks import TaskQuery, list_tasks


async def read_lifecycle_progression(context: OperationContext, release_id: str) -> Json:
    """Where a release stands in its lifecycle, phase by phase."""
    require_sight(context, Permission.RELEASE_VIEW)
    async with context.store.reading() as connection:
        release = await get_document(connection, releases, release_id, context.space_id)
        require_sight(context, Permission.RELEASE_VIEW, Scope(release.columns["project_id"]))
        progress = await progress_of(connection, release)
        query = ExecutionQuery(ExecutionKind.DEPLOYMENT, context.space_id, release_ids=[release.id])
        deployed, _ = await list_executions(connection, query)
        tasks = await _tasks_of(connection, deployed)
    now = context.clock.now()
    return {
        "Phases": [
            {
                "Id": each.phase.id,
                "Name": each.phase.name,
                "Blocked": each.is_blocked,
                "Progress": each.progress.value,
                "Deployments": [
                    {"Task": as_task_document(tasks[one.task_id], now), "Deployment": shown_execution(one)}
                    for one in deployed
                    if one.environment_id in each.phase.environment_ids and one.task_id in tasks
                ],
                "AutomaticDeploymentTargets": list(each.phase.automatic),
                "OptionalDeploymentTargets": list(each.phase.optional),
                "MinimumEnvironmentsBeforePromotion": each.phase.least,
                "IsOptionalPhase": each.phase.is_optional,
            }
            for each in progress.phases
        ],
        "NextDeployments": list(progress.following),
        "NextDeploymentsMinimumRequired": progress.least_following,
        "Links": {"Self": f"/api/{context.space_id}/releases/{release.id}/progression"},
    }


async def read_dashboard(
    context: OperationContext, project_ids: Sequence[str] = (), environment_ids: Sequence[str] = ()
) -> Json:
    """The latest deployment of each project in each environment, for each tenant."""
    require(context, Permission.DEPLOYMENT_VIEW)
    async with context.store.reading() as connection:
        shown_projects, shown_environments, groups, people = [
            await _seen(context, connection, kind) for kind in (PROJECTS, ENVIRONMENTS, PROJECT_GROUPS, TENANTS)
        ]
        latest = [each for each in await list_latest(connection, context.space_id) if _sees(context, each)]
        tasks = await _tasks_of(connection, latest)
        versions = await list_documents(
            connection, releases, Query(context.space_id, [each.release_id for each in latest if each.release_id])
        )
    names = {document.id: document.name for document in versions.documents}
    items = [
        _item(each, tasks[each.task_id], names)
        for each in latest
        if each.task_id in tasks
        and (not project_ids or each.project_id in project_ids)
        and (not environment_ids or each.environment_id in environment_ids)
    ]
    root = f"/api/{context.space_id}"
    wanted = [each for each in shown_projects if not project_ids or each.id in project_ids]
    places = [each for each in shown_environments if not environment_ids or each.id in environment_ids]
    return {
        "Projects": [_project(each, root, shown_environments) for each in wanted],
        "ProjectGroups": [{**_named(each, root, "projectgroups"), "EnvironmentIds": []} for each in groups],
        "Environments": [_named(each, root, "environments") for each in places],
        "Tenants": [_tenant(each, root) for each in people],
        "Items": items,
        "PreviousItems": [],
        "ProjectLimit": None,
        "IsFiltered": bool(project_ids or environment_ids),
        "Links": {"Self": f"{root}/dashboard"},
    }


async def read_project_progression(context: OperationContext, project_id: str) -> Json:
    """A project's releases, newest first, each with its deployments by environment."""
    require_sight(context, Permission.DEPLOYMENT_VIEW, Scope(project_id))
    async with context.store.reading() as connection:
        query = ExecutionQuery(ExecutionKind.DEPLOYMENT, context.space_id, project_ids=[project_id])
        deployed = [each for each in (await list_executions(connection, query))[0] if _sees(context, each)]
        tasks = await _tasks_of(connection, deployed)
        order = (releases.c.version_key.desc(),)
        mine = Query(context.space_id, conditions=(releases.c.project_id == project_id,), order_by=order, take=30)
        shown = (await list_documents(connection, releases, mine)).documents
        places = await _seen(context, connection, ENVIRONMENTS)
    versions = {document.id: document.name for document in shown}
    root = f"/api/{context.space_id}"
    return {
        "Environments": [{"Id": place.id, "Name": place.name} for place in places],
        "ChannelEnvironments": {},
        "Releases": [
            {
                "Release": {"Id": release.id, "Version": release.name, "ProjectId": project_id},
                "Channel": {"Id": release.columns["channel_id"]},
                "Deployments": {
                    place.id: [
                        _item(each, tasks[each.task_id], versions)
                        for each in deployed
                        if each.release_id == release.id and each.environment_id == place.id and each.task_id in tasks
                    ]
                    for place in places
                },
                "NextDeployments": [],
                "HasUnresolvedDefect": False,
                "ReleaseRetentionPeriod": None,
                "TentacleRetentionPeriod": None,
            }
            for release in shown
        ],
        "Links": {"Self": f"{root}/projects/{project_id}/progression"},
    }


def _named(document: Document, root: str, path: str) -> Json:
    return {"Id": document.id, "Name": document.name, "Links": {"Self": f"{root}/{path}/{document.id}"}}


def _project(document: Document, root: str, places: Sequence[Document]) -> Json:
    mode = document.doc.get("TenantedDeploymentMode", "Untenanted")
    return {
        **_named(document, root, "projects"),
        "Slug": document.slug,
        "ProjectGroupId": document.columns["project_group_id"],
        "EnvironmentIds": [place.id for place in places],
        "TenantedDeploymentMode": mode,
        "CanPerformUntenantedDeployment": mode != "Tenanted",
        "IsDisabled": bool(document.columns["is_disabled"]),
    }


def _tenant(document: Document, root: str) -> Json:
    return {
        **_named(document, root, "tenants"),
        "TenantTags": document.doc.get("TenantTags", []),
        "ProjectEnvironments": document.doc.get("ProjectEnvironments", {}),
        "IsDisabled": bool(document.doc.get("IsDisabled")),
    }


def _item(execution: Execution, task: Task, versions: dict[str, str]) -> Json:
    root = f"/api/{execution.space_id}"
    return {
        "Id": execution.id,
        "ProjectId": execution.project_id,
        "EnvironmentId": execution.environment_id,
        "ReleaseId": execution.release_id,
        "DeploymentId": execution.id,
        "TaskId": execution.task_id,
        "TenantId": execution.tenant_id,
        "ChannelId": execution.channel_id,
        "ReleaseVersion": versions.get(execution.release_id or ""),
        "Created": moment(execution.created_at),
        "QueueTime": moment(task.queued_at),
        "StartTime": moment(task.started_at),
        "CompletedTime": moment(task.completed_at),
        "State": API_STATES.get(task.state, task.state.value),
        "HasPendingInterruptions": task.has_pending_interruptions,
        "HasWarningsOrErrors": task.has_warnings or bool(task.error),
        "ErrorMessage": task.error,
        "Duration": "",
        "IsCurrent": True,
        "IsPrevious": False,
        "IsCompleted": task.is_final,
        "PendingInterruptionTypes": [],
        "Links": {
            "Self": f"{root}/deployments/{execution.id}",
            "Release": f"{root}/releases/{execution.release_id}",
            "Task": f"{root}/tasks/{execution.task_id}",
        },
    }


async def _seen(context: OperationContext, connection: AsyncConnection, kind: ResourceKind) -> Sequence[Document]:
    """All of a kind that the caller may see."""
    seen = within_sight(context, kind.rights.view, kind.sight)
    query = Query(context.space_id, conditions=() if seen is None else (seen,))
    return (await list_documents(connection, kind.table, query)).documents


def _sees(context: OperationContext, execution: Execution) -> bool:
    return context.caller.rights.allow(Permission.DEPLOYMENT_VIEW, context.space_id, scope_of(execution))


async def _tasks_of(connection: AsyncConnection, executions: Sequence[Execution]) -> dict[str, Task]:
    ids = [execution.task_id for execution in executions]
    found, _ = await list_tasks(connection, TaskQuery(ids=ids)) if ids else ([], 0)
    return {task.id: task for task in found}
