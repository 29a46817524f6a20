"""Routes below a project, its processes and its variables. Lists of a kind below another reuse the generic layer."""

from fastapi import APIRouter, Request, Response

from octavo.base.errors import NotFound
from octavo.server.api.answers import JsonAnswer, body_of, nothing
from octavo.server.api.dependencies import SpaceContext
from octavo.server.api.normalisation import decoded_segment
from octavo.server.api.paging import many_of, page, window_of
from octavo.server.api.resource_routes import answer_page
from octavo.server.operations.context import OperationContext
from octavo.server.operations.documents import Json
from octavo.server.operations.kinds.channels import CHANNELS
from octavo.server.operations.kinds.environments import ENVIRONMENTS
from octavo.server.operations.kinds.lifecycles import LIFECYCLES
from octavo.server.operations.kinds.project_groups import PROJECT_GROUPS
from octavo.server.operations.kinds.projects import PROJECTS
from octavo.server.operations.kinds.runbooks import RUNBOOKS
from octavo.server.operations.processes import (
    modify_process,
    read_process,
    read_processes,
    read_release_template,
    read_snapshot_template,
)
from octavo.server.operations.project_clones import clone_project
from octavo.server.operations.project_settings import modify_settings, read_settings, read_summary
from octavo.server.operations.resources import (
    ListRequest,
    create_resource,
    delete_resource,
    get_resource,
    list_resources,
    modify_resource,
)
from octavo.server.operations.variable_previews import PreviewRequest, preview_variables, read_names
from octavo.server.operations.variable_sets import modify_variable_set, read_variable_set, read_variable_sets

router = APIRouter(tags=["projects"])


@router.post("/api/projects")
async def create_project(request: Request, context: SpaceContext) -> Response:
    """Make a project; `?clone=` copies another one's process, variables, channels and runbooks."""
    source = request.query_params.get("clone")
    body = await body_of(request)
    if source:
        return JsonAnswer(await clone_project(context, source, body), status_code=201)
    return JsonAnswer(await create_resource(context, PROJECTS, body), status_code=201)


@router.get("/api/variables/all")
async def list_all_variables(context: SpaceContext) -> Response:
    """Every live variable set of the space."""
    return JsonAnswer(await read_variable_sets(context, None))


@router.get("/api/variables")
async def list_variables(request: Request, context: SpaceContext) -> Response:
    """The variable sets with these ids."""
    return JsonAnswer(await read_variable_sets(context, many_of(request.query_params.getlist("ids")) or None))


@router.get("/api/variables/names")
async def list_variable_names(request: Request, context: SpaceContext) -> Response:
    """The names of the variables that a project has: a bare list."""
    return JsonAnswer(await read_names(context, request.query_params.get("project", "")))


@router.get("/api/variables/preview")
async def preview(request: Request, context: SpaceContext) -> Response:
    """Which value of each variable would hold there, and why."""
    query = request.query_params
    wanted = PreviewRequest(
        project=query.get("project", ""),
        environment=query.get("environment", ""),
        channel=query.get("channel", ""),
        tenant=query.get("tenant", ""),
        action=query.get("action", ""),
        machine=query.get("machine", ""),
        roles=many_of(query.getlist("role")),
        runbook=query.get("runbook", ""),
    )
    return JsonAnswer(await preview_variables(context, wanted))


@router.get("/api/variables/{set_id}")
async def get_variables(set_id: str, context: SpaceContext) -> Response:
    """A variable set, live or frozen."""
    return JsonAnswer(await read_variable_set(context, decoded_segment(set_id)))


@router.put("/api/variables/{set_id}")
async def put_variables(set_id: str, request: Request, context: SpaceContext) -> Response:
    """Replace the variables of a live set."""
    return JsonAnswer(await modify_variable_set(context, decoded_segment(set_id), await body_of(request)))


@router.get("/api/projectgroups/{key}/projects")
async def list_projects_of_group(key: str, request: Request, context: SpaceContext) -> Response:
    """The projects of a group, in pages."""
    group = await get_resource(context, PROJECT_GROUPS, decoded_segment(key))
    path = f"/api/{context.space_id}/projectgroups/{group['Id']}/projects"
    return await answer_page(request, context, PROJECTS, path=path, extra={"projectgroupid": [group["Id"]]})


@router.get("/api/lifecycles/{key}/projects")
async def list_projects_of_lifecycle(key: str, context: SpaceContext) -> Response:
    """The projects that use a lifecycle, as a bare list."""
    lifecycle = await get_resource(context, LIFECYCLES, decoded_segment(key))
    wanted = ListRequest(filters={"lifecycleid": [lifecycle["Id"]]})
    items, _ = await list_resources(context, PROJECTS, wanted)
    return JsonAnswer(items)


@router.get("/api/projects/{key}/summary")
async def get_summary(key: str, context: SpaceContext) -> Response:
    """What a page about the project shows first."""
    return JsonAnswer(await read_summary(context, await _project(context, key)))


@router.get("/api/projects/{key}/deploymentsettings")
async def get_deployment_settings(key: str, context: SpaceContext) -> Response:
    """The project's settings for deployments: the same data as on the project."""
    return JsonAnswer(read_settings(await _project(context, key)))


@router.put("/api/projects/{key}/deploymentsettings")
async def put_deployment_settings(key: str, request: Request, context: SpaceContext) -> Response:
    """Change the project's settings for deployments."""
    return JsonAnswer(await modify_settings(context, await _project(context, key), await body_of(request)))


@router.get("/api/projects/{key}/channels")
async def list_channels(key: str, request: Request, context: SpaceContext) -> Response:
    """The project's channels, in pages."""
    project = await _project(context, key)
    path = f"/api/{context.space_id}/projects/{project['Id']}/channels"
    return await answer_page(request, context, CHANNELS, path=path, extra={"projectid": [project["Id"]]})


@router.get("/api/projects/{key}/channels/{channel}")
async def get_channel(key: str, channel: str, context: SpaceContext) -> Response:
    """A channel of the project."""
    return JsonAnswer(await _of_project(context, key, await get_resource(context, CHANNELS, decoded_segment(channel))))


@router.get("/api/projects/{key}/deploymentprocesses")
async def get_deployment_process(key: str, context: SpaceContext) -> Response:
    """The project's live process."""
    project = await _project(context, key)
    return JsonAnswer(await read_process(context, project["DeploymentProcessId"]))


@router.put("/api/projects/{key}/deploymentprocesses")
async def put_deployment_process(key: str, request: Request, context: SpaceContext) -> Response:
    """Replace the project's live process."""
    project = await _project(context, key)
    return JsonAnswer(await modify_process(context, project["DeploymentProcessId"], await body_of(request)))


@router.get("/api/projects/{key}/deploymentprocesses/template")
async def get_release_template(key: str, request: Request, context: SpaceContext) -> Response:
    """What a new release needs: next version, packages."""
    project = await _project(context, key)
    return JsonAnswer(await read_release_template(context, project["Id"], request.query_params.get("channel")))


@router.get("/api/deploymentprocesses")
async def list_deployment_processes(request: Request, context: SpaceContext) -> Response:
    """The live processes of all projects."""
    return await _answer_processes(request, context, "deploymentprocesses", "DeploymentProcess", "deploymentprocess-")


@router.get("/api/deploymentprocesses/{process_id}")
async def get_process_by_id(process_id: str, context: SpaceContext) -> Response:
    """A process, live or frozen."""
    return JsonAnswer(await read_process(context, decoded_segment(process_id)))


@router.put("/api/deploymentprocesses/{process_id}")
async def put_process_by_id(process_id: str, request: Request, context: SpaceContext) -> Response:
    """Replace a live process."""
    return JsonAnswer(await modify_process(context, decoded_segment(process_id), await body_of(request)))


@router.get("/api/runbookProcesses")
async def list_runbook_processes(request: Request, context: SpaceContext) -> Response:
    """The live processes of all runbooks."""
    return await _answer_processes(request, context, "runbookProcesses", "RunbookProcess", "RunbookProcess-")


@router.get("/api/runbookProcesses/{process_id}")
async def get_runbook_process(process_id: str, context: SpaceContext) -> Response:
    """A runbook's process, live or frozen."""
    return JsonAnswer(await read_process(context, decoded_segment(process_id)))


@router.put("/api/runbookProcesses/{process_id}")
async def put_runbook_process(process_id: str, request: Request, context: SpaceContext) -> Response:
    """Replace a runbook's live process."""
    return JsonAnswer(await modify_process(context, decoded_segment(process_id), await body_of(request)))


@router.get("/api/projects/{key}/runbookProcesses/{process_id}")
async def get_runbook_process_of_project(key: str, process_id: str, context: SpaceContext) -> Response:
    """The same, below its project."""
    return JsonAnswer(await _of_project(context, key, await read_process(context, decoded_segment(process_id))))


@router.put("/api/projects/{key}/runbookProcesses/{process_id}")
async def put_runbook_process_of_project(
    key: str, process_id: str, request: Request, context: SpaceContext
) -> Response:
    """The same, below its project."""
    await _of_project(context, key, await read_process(context, decoded_segment(process_id)))
    return JsonAnswer(await modify_process(context, decoded_segment(process_id), await body_of(request)))


@router.get("/api/projects/{key}/runbooks")
async def list_runbooks(key: str, request: Request, context: SpaceContext) -> Response:
    """The project's runbooks, in pages."""
    project = await _project(context, key)
    path = f"/api/{context.space_id}/projects/{project['Id']}/runbooks"
    return await answer_page(request, context, RUNBOOKS, path=path, extra={"projectid": [project["Id"]]})


@router.post("/api/projects/{key}/runbooks")
async def create_runbook(key: str, request: Request, context: SpaceContext) -> Response:
    """Make a runbook of the project."""
    project, body = await _project(context, key), await body_of(request)
    data = {**body, "ProjectId": project["Id"]} if isinstance(body, dict) else body
    return JsonAnswer(await create_resource(context, RUNBOOKS, data), status_code=201)


@router.get("/api/projects/{key}/runbooks/{runbook}")
async def get_runbook(key: str, runbook: str, context: SpaceContext) -> Response:
    """A runbook of the project."""
    return JsonAnswer(await _runbook(context, key, runbook))


@router.put("/api/projects/{key}/runbooks/{runbook}")
async def put_runbook(key: str, runbook: str, request: Request, context: SpaceContext) -> Response:
    """Change a runbook of the project."""
    found = await _runbook(context, key, runbook)
    return JsonAnswer(await modify_resource(context, RUNBOOKS, found["Id"], await body_of(request)))


@router.delete("/api/projects/{key}/runbooks/{runbook}")
async def delete_runbook(key: str, runbook: str, context: SpaceContext) -> Response:
    """Delete a runbook of the project."""
    await delete_resource(context, RUNBOOKS, (await _runbook(context, key, runbook))["Id"])
    return nothing()


@router.get("/api/projects/{key}/runbooks/{runbook}/environments")
async def list_runbook_environments(key: str, runbook: str, context: SpaceContext) -> Response:
    """The environments in which a runbook may run, as a bare list."""
    found = await _runbook(context, key, runbook)
    ids = found["Environments"] if found["EnvironmentScope"] == "Specified" else None
    items, _ = await list_resources(context, ENVIRONMENTS, ListRequest(ids=ids))
    return JsonAnswer(items)


@router.get("/api/runbooks/{key}/runbookSnapshotTemplate")
async def get_snapshot_template(key: str, context: SpaceContext) -> Response:
    """What a new snapshot needs: a name, packages."""
    runbook = await get_resource(context, RUNBOOKS, decoded_segment(key))
    return JsonAnswer(await read_snapshot_template(context, runbook))


async def _project(context: OperationContext, key: str) -> Json:
    return await get_resource(context, PROJECTS, decoded_segment(key))


async def _runbook(context: OperationContext, project_key: str, key: str) -> Json:
    return await _of_project(context, project_key, await get_resource(context, RUNBOOKS, decoded_segment(key)))


async def _of_project(context: OperationContext, project_key: str, resource: Json) -> Json:
    """The resource, if it belongs to the project.

    Raises:
        NotFound: it belongs to another one.
    """
    project = await _project(context, project_key)
    if resource["ProjectId"] != project["Id"]:
        raise NotFound(f"{resource['Id']} does not belong to the project {project['Name']}.")
    return resource


async def _answer_processes(
    request: Request, context: OperationContext, path: str, item_type: str, prefix: str
) -> Response:
    window = window_of(request.query_params)
    ids = many_of(request.query_params.getlist("ids")) or None
    found = await read_processes(context, prefix, ids)
    items = found[window.skip :][: window.take] if window.take is not None else found[window.skip :]
    return JsonAnswer(page(item_type, items, len(found), window, path=f"/api/{context.space_id}/{path}"))
