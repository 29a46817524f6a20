"""Routes of releases, deployments and dashboards, and the executions API. Source: endpoints.md §7, §11."""

from fastapi import APIRouter, Request, Response

from octavo.base.errors import Invalid
from octavo.server.api.answers import JsonAnswer, body_of, nothing
from octavo.server.api.dependencies import SpaceContext
from octavo.server.api.normalisation import decoded_segment
from octavo.server.api.paging import many_of, page, window_of
from octavo.server.domain.executions import ExecutionKind
from octavo.server.operations.context import OperationContext
from octavo.server.operations.deployments import (
    create_deployment,
    create_deployments,
    preview_deployment,
    read_deployment,
    read_executions,
)
from octavo.server.operations.documents import Json
from octavo.server.operations.execution_documents import shown_execution
from octavo.server.operations.kinds.channels import CHANNELS
from octavo.server.operations.kinds.projects import PROJECTS
from octavo.server.operations.progression import (
    read_dashboard,
    read_lifecycle_progression,
    read_project_progression,
)
from octavo.server.operations.releases import (
    create_release,
    delete_release,
    modify_release,
    read_defects,
    read_release,
    read_release_of_project,
    read_releases,
    refresh_variables,
    report_defect,
    resolve_defects,
)
from octavo.server.operations.requests import Members
from octavo.server.operations.resources import get_resource
from octavo.server.operations.staging import stage_release
from octavo.server.operations.task_documents import as_task_document, find_state
from octavo.server.store.executions import ExecutionQuery

router = APIRouter(tags=["releases"])


@router.post("/api/releases/create/v1")
async def create_by_command(request: Request, context: SpaceContext) -> Response:
    """Make a release, as the executions API asks for it."""
    release, is_new = await create_release(context, await body_of(request))
    answer = {"ReleaseId": release["Id"], "ReleaseVersion": release["Version"]}
    return JsonAnswer(answer, status_code=201 if is_new else 200)


@router.post("/api/deployments/create/untenanted/v1")
async def deploy_untenanted(request: Request, context: SpaceContext) -> Response:
    """Deploy a release to environments: a task each."""
    return await _deploy(request, context, is_tenanted=False)


@router.post("/api/deployments/create/tenanted/v1")
async def deploy_tenanted(request: Request, context: SpaceContext) -> Response:
    """Deploy a release for tenants: a task each."""
    return await _deploy(request, context, is_tenanted=True)


@router.get("/api/releases")
async def list_releases(request: Request, context: SpaceContext) -> Response:
    """A page of releases, newest first."""
    return await _answer_releases(request, context, f"/api/{context.space_id}/releases")


@router.post("/api/releases")
async def post_release(request: Request, context: SpaceContext) -> Response:
    """Make a release, as a resource."""
    release, _ = await create_release(context, await body_of(request))
    return JsonAnswer(release, status_code=201)


@router.get("/api/releases/{key}")
async def get_release(key: str, context: SpaceContext) -> Response:
    """One release."""
    return JsonAnswer(await read_release(context, decoded_segment(key)))


@router.put("/api/releases/{key}")
async def put_release(key: str, request: Request, context: SpaceContext) -> Response:
    """Change its notes, channel or version."""
    return JsonAnswer(await modify_release(context, decoded_segment(key), await body_of(request)))


@router.delete("/api/releases/{key}")
async def remove_release(key: str, context: SpaceContext) -> Response:
    """Delete a release."""
    await delete_release(context, decoded_segment(key))
    return nothing()


@router.get("/api/projects/{key}/releases")
async def list_releases_of_project(key: str, request: Request, context: SpaceContext) -> Response:
    """The project's releases, newest first."""
    project = await get_resource(context, PROJECTS, decoded_segment(key))
    path = f"/api/{context.space_id}/projects/{project['Id']}/releases"
    return await _answer_releases(request, context, path, project_id=project["Id"])


@router.get("/api/projects/{key}/releases/{version}")
async def get_release_of_project(key: str, version: str, context: SpaceContext) -> Response:
    """The project's release of this version."""
    project = await get_resource(context, PROJECTS, decoded_segment(key))
    return JsonAnswer(await read_release_of_project(context, project["Id"], decoded_segment(version)))


@router.get("/api/channels/{key}/releases")
async def list_releases_of_channel(key: str, request: Request, context: SpaceContext) -> Response:
    """The channel's releases, newest first."""
    channel = await get_resource(context, CHANNELS, decoded_segment(key))
    path = f"/api/{context.space_id}/channels/{channel['Id']}/releases"
    return await _answer_releases(request, context, path, channel_id=channel["Id"])


@router.get("/api/projects/{key}/channels/{channel}/releases")
async def list_releases_of_project_channel(key: str, channel: str, request: Request, context: SpaceContext) -> Response:
    """The channel's releases, newest first, below the project."""
    project = await get_resource(context, PROJECTS, decoded_segment(key))
    found = await get_resource(context, CHANNELS, decoded_segment(channel))
    path = f"/api/{context.space_id}/projects/{project['Id']}/channels/{found['Id']}/releases"
    return await _answer_releases(request, context, path, channel_id=found["Id"])


@router.get("/api/projects/{key}/progression")
async def get_project_progression(key: str, context: SpaceContext) -> Response:
    """The project's releases with their deployments by environment."""
    project = await get_resource(context, PROJECTS, decoded_segment(key))
    return JsonAnswer(await read_project_progression(context, project["Id"]))


@router.get("/api/releases/{key}/progression")
async def get_progression(key: str, context: SpaceContext) -> Response:
    """Where the release stands in its lifecycle."""
    return JsonAnswer(await read_lifecycle_progression(context, decoded_segment(key)))


@router.post("/api/releases/{key}/snapshot-variables")
async def snapshot_variables(key: str, context: SpaceContext) -> Response:
    """Freeze the variables as they are now for this release."""
    return JsonAnswer(await refresh_variables(context, decoded_segment(key)))


@router.get("/api/releases/{key}/defects")
async def list_defects(key: str, request: Request, context: SpaceContext) -> Response:
    """What holds the release back, or once did."""
    found = await read_defects(context, decoded_segment(key))
    window = window_of(request.query_params)
    return JsonAnswer(page("Defect", found, len(found), window, path=f"/api/{context.space_id}/releases/{key}/defects"))


@router.post("/api/releases/{key}/defects")
async def post_defect(key: str, request: Request, context: SpaceContext) -> Response:
    """Hold the release back."""
    description = Members(await body_of(request)).text("Description")
    return JsonAnswer(await report_defect(context, decoded_segment(key), description), status_code=201)


@router.post("/api/releases/{key}/defects/resolve")
async def post_resolution(key: str, context: SpaceContext) -> Response:
    """Let the release go on."""
    return JsonAnswer(await resolve_defects(context, decoded_segment(key)))


@router.get("/api/releases/{key}/deployments")
async def list_deployments_of_release(key: str, request: Request, context: SpaceContext) -> Response:
    """The release's deployments, newest first."""
    release = await read_release(context, decoded_segment(key))
    path = f"/api/{context.space_id}/releases/{release['Id']}/deployments"
    return await _answer_deployments(request, context, path, release_id=release["Id"])


@router.get("/api/releases/{key}/deployments/template")
async def get_deployment_template(key: str, context: SpaceContext) -> Response:
    """Where the release may be deployed to now."""
    release = await read_release(context, decoded_segment(key))
    progress = await read_lifecycle_progression(context, release["Id"])
    places = [{"Id": each, "Name": each} for each in progress["NextDeployments"]]
    return JsonAnswer({"IsDeploymentProcessModified": False, "PromoteTo": places, "TenantPromotions": [], "Links": {}})


@router.get("/api/releases/{key}/deployments/preview/{environment}")
async def get_preview(key: str, environment: str, context: SpaceContext) -> Response:
    """What a deployment to this environment would do."""
    return JsonAnswer(await preview_deployment(context, decoded_segment(key), decoded_segment(environment)))


@router.post("/api/releases/{key}/deployments/previews")
async def post_previews(key: str, request: Request, context: SpaceContext) -> Response:
    """What several deployments would do."""
    wanted = Members(await body_of(request)).value("DeploymentPreviews") or []
    previews: list[Json] = []
    for each in wanted:
        members = Members(each)
        place, tenant = members.text("EnvironmentId"), members.text("TenantId") or None
        previews.append(await preview_deployment(context, decoded_segment(key), place, tenant))
    return JsonAnswer(previews)


@router.post("/api/releases/{key}/stage")
async def stage(key: str, request: Request, context: SpaceContext) -> Response:
    """Bring a release's packages to the machines of an environment, before it is deployed there."""
    environment = Members(await body_of(request)).text("EnvironmentId")
    task = await stage_release(context, decoded_segment(key), environment)
    return JsonAnswer(as_task_document(task, context.clock.now()), status_code=201)


@router.get("/api/deployments")
async def list_deployments(request: Request, context: SpaceContext) -> Response:
    """A page of deployments, newest first."""
    return await _answer_deployments(request, context, f"/api/{context.space_id}/deployments")


@router.post("/api/deployments")
async def post_deployment(request: Request, context: SpaceContext) -> Response:
    """Deploy a release, as a resource."""
    return JsonAnswer(shown_execution(await create_deployment(context, await body_of(request))), status_code=201)


@router.get("/api/deployments/{key}")
async def get_deployment(key: str, context: SpaceContext) -> Response:
    """One deployment."""
    return JsonAnswer(await read_deployment(context, decoded_segment(key)))


@router.get("/api/dashboard")
async def get_dashboard(request: Request, context: SpaceContext) -> Response:
    """The latest deployment of each project in each environment."""
    return JsonAnswer(await read_dashboard(context, many_of(request.query_params.getlist("projectid"))))


@router.get("/api/dashboard/dynamic")
async def get_dynamic_dashboard(request: Request, context: SpaceContext) -> Response:
    """The same for some projects and environments."""
    query = request.query_params
    return JsonAnswer(
        await read_dashboard(context, many_of(query.getlist("projects")), many_of(query.getlist("environments")))
    )


async def _deploy(request: Request, context: OperationContext, *, is_tenanted: bool) -> Response:
    made = await create_deployments(context, await body_of(request), is_tenanted=is_tenanted)
    tasks = [{"DeploymentId": each.id, "ServerTaskId": each.task_id} for each in made]
    return JsonAnswer({"DeploymentServerTasks": tasks}, status_code=201)


async def _answer_releases(
    request: Request,
    context: OperationContext,
    path: str,
    *,
    project_id: str | None = None,
    channel_id: str | None = None,
) -> Response:
    query, window = request.query_params, window_of(request.query_params)
    items, total = await read_releases(
        context,
        project_id=project_id,
        channel_id=channel_id,
        ids=many_of(query.getlist("ids")) or None,
        search=query.get("searchbyversion") or "",
        skip=window.skip,
        take=window.take,
    )
    return JsonAnswer(page("Release", items, total, window, path=path, filters=query.multi_items()))


async def _answer_deployments(
    request: Request, context: OperationContext, path: str, *, release_id: str | None = None
) -> Response:
    window = window_of(request.query_params)
    wanted = execution_query(request, context, ExecutionKind.DEPLOYMENT, [release_id] if release_id else [])
    items, total = await read_executions(context, wanted)
    return JsonAnswer(page("Deployment", items, total, window, path=path, filters=request.query_params.multi_items()))


def execution_query(
    request: Request, context: OperationContext, kind: ExecutionKind, release_ids: list[str]
) -> ExecutionQuery:
    """The filters of a list of deployments or runs.

    Raises:
        Invalid: `taskState` is no state.
    """
    query, window = request.query_params, window_of(request.query_params)
    state = query.get("taskstate")
    found_state = find_state(state) if state else None
    if state and found_state is None:
        raise Invalid(f"'{state}' is no state of a task.")
    return ExecutionQuery(
        kind,
        context.space_id,
        ids=many_of(query.getlist("ids")) or None,
        project_ids=many_of(query.getlist("projects")),
        environment_ids=many_of(query.getlist("environments")),
        tenant_ids=many_of(query.getlist("tenants")),
        channel_ids=many_of(query.getlist("channels")),
        release_ids=release_ids,
        runbook_ids=many_of(query.getlist("runbooks")),
        task_state=found_state,
        partial_name=query.get("partialname"),
        skip=window.skip,
        take=window.take,
    )
