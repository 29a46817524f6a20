"""Routes of runbook snapshots, runs and interruptions. Source: endpoints.md §6, §11."""

from fastapi import APIRouter, Request, Response

from octavo.base.errors import Invalid
from octavo.server.api.answers import JsonAnswer, body_of
from octavo.server.api.dependencies import SpaceContext
from octavo.server.api.normalisation import decoded_segment
from octavo.server.api.paging import many_of, page, window_of
from octavo.server.api.releases import execution_query
from octavo.server.domain.executions import ExecutionKind
from octavo.server.operations.context import OperationContext
from octavo.server.operations.deployments import read_executions
from octavo.server.operations.interruptions import answer, read_interruption, read_interruptions, take_interruption
from octavo.server.operations.kinds.projects import PROJECTS
from octavo.server.operations.kinds.runbooks import RUNBOOKS
from octavo.server.operations.resources import get_resource
from octavo.server.operations.runbook_runs import (
    create_run,
    create_runs,
    create_snapshot,
    preview_run,
    read_run,
    read_snapshot,
    read_snapshots,
)
from octavo.server.operations.users import get_user_resource

router = APIRouter(tags=["runbooks"])


@router.post("/api/runbook-runs/create/v1")
async def run_by_command(request: Request, context: SpaceContext) -> Response:
    """Run a runbook in environments: a task each."""
    made = await create_runs(context, await body_of(request))
    tasks = [{"RunbookRunId": each.id, "ServerTaskId": each.task_id} for each in made]
    return JsonAnswer({"RunbookRunServerTasks": tasks}, status_code=201)


@router.get("/api/runbookRuns")
async def list_runs(request: Request, context: SpaceContext) -> Response:
    """A page of runs, newest first."""
    window = window_of(request.query_params)
    items, total = await read_executions(context, execution_query(request, context, ExecutionKind.RUNBOOK_RUN, []))
    path = f"/api/{context.space_id}/runbookRuns"
    return JsonAnswer(page("RunbookRun", items, total, window, path=path, filters=request.query_params.multi_items()))


@router.post("/api/runbookRuns")
async def post_run(request: Request, context: SpaceContext) -> Response:
    """Run a runbook, as a resource."""
    return JsonAnswer(await create_run(context, await body_of(request)), status_code=201)


@router.get("/api/runbookRuns/{key}")
async def get_run(key: str, context: SpaceContext) -> Response:
    """One run."""
    return JsonAnswer(await read_run(context, decoded_segment(key)))


@router.get("/api/runbookSnapshots")
async def list_snapshots(request: Request, context: SpaceContext) -> Response:
    """A page of snapshots, newest first."""
    return await _answer_snapshots(request, context, f"/api/{context.space_id}/runbookSnapshots")


@router.post("/api/runbookSnapshots")
async def post_snapshot(request: Request, context: SpaceContext) -> Response:
    """Freeze a runbook; `?publish=true` makes it what runs by default."""
    publish = (request.query_params.get("publish") or "").lower() == "true"
    return JsonAnswer(await create_snapshot(context, await body_of(request), publish=publish), status_code=201)


@router.get("/api/runbookSnapshots/{key}")
async def get_snapshot(key: str, context: SpaceContext) -> Response:
    """One snapshot."""
    return JsonAnswer(await read_snapshot(context, decoded_segment(key)))


@router.get("/api/runbookSnapshots/{key}/runbookRuns/preview/{environment}")
async def get_run_preview(key: str, environment: str, context: SpaceContext) -> Response:
    """What a run in this environment would do."""
    return JsonAnswer(await preview_run(context, decoded_segment(key), decoded_segment(environment)))


@router.get("/api/projects/{project}/runbookSnapshots")
async def list_snapshots_of_project(project: str, request: Request, context: SpaceContext) -> Response:
    """The snapshots of a project's runbooks."""
    found = await get_resource(context, PROJECTS, decoded_segment(project))
    path = f"/api/{context.space_id}/projects/{found['Id']}/runbookSnapshots"
    return await _answer_snapshots(request, context, path, project_id=found["Id"])


@router.post("/api/projects/{project}/runbookSnapshots")
async def post_snapshot_of_project(project: str, request: Request, context: SpaceContext) -> Response:
    """Freeze a runbook of the project."""
    await get_resource(context, PROJECTS, decoded_segment(project))
    return await post_snapshot(request, context)


@router.get("/api/projects/{project}/runbookSnapshots/{key}")
async def get_snapshot_of_project(project: str, key: str, context: SpaceContext) -> Response:
    """A snapshot by its id or name."""
    found = await get_resource(context, PROJECTS, decoded_segment(project))
    return JsonAnswer(await read_snapshot(context, decoded_segment(key), found["Id"]))


@router.get("/api/projects/{project}/runbooks/{runbook}/runbookSnapshots")
async def list_snapshots_of_runbook(project: str, runbook: str, request: Request, context: SpaceContext) -> Response:
    """The runbook's snapshots."""
    found = await get_resource(context, RUNBOOKS, decoded_segment(runbook))
    path = f"/api/{context.space_id}/projects/{project}/runbooks/{found['Id']}/runbookSnapshots"
    return await _answer_snapshots(request, context, path, runbook_id=found["Id"])


@router.get("/api/runbooks/{runbook}/runbookSnapshots")
async def list_snapshots_of_one(runbook: str, request: Request, context: SpaceContext) -> Response:
    """The runbook's snapshots."""
    found = await get_resource(context, RUNBOOKS, decoded_segment(runbook))
    path = f"/api/{context.space_id}/runbooks/{found['Id']}/runbookSnapshots"
    return await _answer_snapshots(request, context, path, runbook_id=found["Id"])


@router.get("/api/interruptions")
async def list_interruptions(request: Request, context: SpaceContext) -> Response:
    """A page of questions that tasks ask, newest first."""
    query, window = request.query_params, window_of(request.query_params)
    found = await read_interruptions(
        context,
        task_id=query.get("regarding"),
        ids=many_of(query.getlist("ids")) or None,
        is_pending_only=(query.get("pendingonly") or "").lower() == "true",
    )
    items = found[window.skip :][: window.take]
    path = f"/api/{context.space_id}/interruptions"
    return JsonAnswer(page("Interruption", items, len(found), window, path=path, filters=query.multi_items()))


@router.get("/api/interruptions/all")
async def list_all_interruptions(context: SpaceContext) -> Response:
    """Every question, as a bare list."""
    return JsonAnswer(await read_interruptions(context, task_id=None, ids=None, is_pending_only=False))


@router.get("/api/interruptions/{key}")
async def get_interruption(key: str, context: SpaceContext) -> Response:
    """One question."""
    return JsonAnswer(await read_interruption(context, decoded_segment(key)))


@router.post("/api/interruptions/{key}/submit")
async def submit_interruption(key: str, request: Request, context: SpaceContext) -> Response:
    """Answer a question."""
    return JsonAnswer(await answer(context, decoded_segment(key), await body_of(request)))


@router.get("/api/interruptions/{key}/responsible")
async def get_responsible(key: str, context: SpaceContext) -> Response:
    """Who has taken the question on."""
    found = await read_interruption(context, decoded_segment(key))
    if not found["ResponsibleUserId"]:
        raise Invalid("Nobody has taken this on yet.")
    return JsonAnswer(await get_user_resource(context, found["ResponsibleUserId"]))


@router.put("/api/interruptions/{key}/responsible")
async def put_responsible(key: str, context: SpaceContext) -> Response:
    """Take a question on."""
    return JsonAnswer(await get_user_resource(context, await take_interruption(context, decoded_segment(key))))


async def _answer_snapshots(
    request: Request,
    context: OperationContext,
    path: str,
    *,
    runbook_id: str | None = None,
    project_id: str | None = None,
) -> Response:
    query, window = request.query_params, window_of(request.query_params)
    items, total = await read_snapshots(
        context,
        runbook_id=runbook_id,
        project_id=project_id,
        ids=many_of(query.getlist("ids")) or None,
        search=query.get("searchbyname") or "",
        skip=window.skip,
        take=window.take,
    )
    return JsonAnswer(page("RunbookSnapshot", items, total, window, path=path, filters=query.multi_items()))
