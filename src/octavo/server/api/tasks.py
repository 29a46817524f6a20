"""Tasks: what the server does, did and will do, with their logs, live and whole.

Source: API endpoints, section 8; resources, section 12; docs/reference/tasks.md for `waiting` and `log/stream`.
"""

import json
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from octavo.base.errors import Invalid
from octavo.server.api.answers import JsonAnswer, members_of
from octavo.server.api.dependencies import SpaceContext, SystemContext
from octavo.server.api.paging import EVERYTHING, Window, many_of, page, window_of
from octavo.server.domain.tasks import FINAL_STATES, RUNNING_STATES, Task, TaskKind, TaskState
from octavo.server.operations import tasks
from octavo.server.operations.context import OperationContext
from octavo.server.operations.deployment_details import as_deployment_details
from octavo.server.operations.documents import Json
from octavo.server.operations.task_documents import (
    as_details_document,
    as_log_element,
    as_task_document,
    as_waiting_document,
    find_state,
)
from octavo.server.operations.task_logs import NumberedLine, follow_log, read_progress, read_raw_log
from octavo.server.store.tasks import TaskQuery

router = APIRouter(tags=["tasks"])

LINES_OF_DETAILS = 10_000  # of each machine, newest first; the raw log has all


@router.get("/api/tasks")
async def list_page(request: Request, context: SystemContext) -> Response:
    """A page of tasks, newest first. With `ids` every one of them, whatever `skip` says (conventions, section 6)."""
    query = request.query_params
    ids = many_of(query.getlist("ids"))
    window = Window(0, EVERYTHING) if ids else window_of(query)
    wanted = TaskQuery(
        space_id=context.space_id or None,
        ids=ids or None,
        states=_wanted_states(request),
        name=query.get("name"),
        partial_description=query.get("partialname"),
        project_id=query.get("project"),
        node=query.get("node"),
        environment_id=query.get("environment"),
        tenant_id=query.get("tenant"),
        runbook_id=query.get("runbook"),
        has_pending_interruptions=_flag(query.get("haspendinginterruptions")),
        has_warnings_or_errors=_flag(query.get("haswarningsorerrors")),
        skip=window.skip,
        take=window.take,
    )
    found, total = await tasks.read_tasks(context, wanted)
    now = context.clock.now()
    path = f"/api/{context.space_id}/tasks" if context.space_id else "/api/tasks"
    items = [as_task_document(task, now) for task in found]
    return JsonAnswer(page("Task", items, total, window, path=path, filters=query.multi_items()))


@router.post("/api/tasks")
async def queue(request: Request, context: SpaceContext) -> Response:
    """Queue a task."""
    draft = await members_of(request)
    name = str(draft.get("name") or "")
    kind = next((kind for kind in TaskKind if kind.value.lower() == name.lower()), None)
    if kind is None:
        known = ", ".join(TaskKind)
        raise Invalid(f"Tasks named '{name}' cannot be queued. Known names: {known}.")
    task = await tasks.queue_task(
        context.in_space(str(draft["spaceid"])) if draft.get("spaceid") else context,
        kind,
        _arguments(draft.get("arguments")),
        description=str(draft.get("description") or ""),
        not_before=draft.get("queuetime"),
        expires_at=draft.get("queuetimeexpiry"),
    )
    return _answer(context, task, status=201)


@router.get("/api/tasks/tasktypes")
async def list_types(_: SystemContext) -> Response:
    """The kinds of tasks there are."""
    return JsonAnswer([{"Id": kind.value, "Name": kind.value} for kind in TaskKind])


@router.post("/api/tasks/rerun/{task_id}")
async def rerun(task_id: str, context: SystemContext) -> Response:
    """Queue the same again."""
    return _answer(context, await tasks.rerun_task(context, task_id), status=201)


@router.get("/api/tasks/{task_id}")
async def get(task_id: str, context: SystemContext) -> Response:
    """One task."""
    return _answer(context, await tasks.read_task(context, task_id))


@router.get("/api/tasks/{task_id}/details")
async def get_details(task_id: str, request: Request, context: SystemContext) -> Response:
    """The task with its tree of steps and machines, and their lines."""
    query = request.query_params
    tail = query.get("tail", "")
    lines = min(int(tail), LINES_OF_DETAILS) if tail.isdecimal() and int(tail) > 0 else LINES_OF_DETAILS
    if query.get("lines", "").lower() == "false":  # ours: the tree alone; the lines come by the stream
        lines = 0
    progress = await read_progress(context, task_id, lines)
    is_execution = progress.task.kind in (TaskKind.DEPLOY, TaskKind.RUNBOOK_RUN)
    as_document = as_deployment_details if is_execution else as_details_document
    return JsonAnswer(as_document(progress, context.clock.now()))


@router.get("/api/tasks/{task_id}/raw")
async def get_raw(task_id: str, context: SystemContext) -> Response:
    """The whole log as text."""
    await tasks.read_task(context, task_id)
    pieces = (piece.encode("utf-8", "replace") async for piece in read_raw_log(context, task_id))
    return StreamingResponse(pieces, media_type="text/plain; charset=utf-8")


@router.get("/api/tasks/{task_id}/log/stream")
async def stream_log(task_id: str, request: Request, context: SystemContext) -> Response:
    """Lines as server-sent events while they come; `Last-Event-ID` resumes; a `state` event is the last."""
    task = await tasks.read_task(context, task_id)
    last = request.headers.get("last-event-id") or request.query_params.get("after") or "0"
    after = int(last) if last.isdecimal() else 0
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(context, task, after), media_type="text/event-stream", headers=headers)


@router.get("/api/tasks/{task_id}/waiting")
async def get_waiting(task_id: str, context: SystemContext) -> Response:
    """Why the task waits, worker by worker."""
    task = await tasks.read_task(context, task_id)
    return JsonAnswer(as_waiting_document(task, await tasks.find_waiting(context, task_id)))


@router.get("/api/tasks/{task_id}/queued-behind")
async def list_queued_behind(task_id: str, request: Request, context: SystemContext) -> Response:
    """The queued tasks ahead of this one."""
    window, now = window_of(request.query_params), context.clock.now()
    ahead = [as_task_document(task, now) for task in await tasks.list_queued_before(context, task_id)]
    part = ahead[window.skip : window.skip + window.take]
    return JsonAnswer(page("Task", part, len(ahead), window, path=f"/api/tasks/{task_id}/queued-behind"))


@router.post("/api/tasks/{task_id}/cancel")
async def cancel(task_id: str, context: SystemContext) -> Response:
    """Cancel it."""
    return _answer(context, await tasks.cancel_task(context, task_id))


@router.post("/api/tasks/{task_id}/state")
async def set_state(task_id: str, request: Request, context: SystemContext) -> Response:
    """Give it a final state by hand."""
    wanted = await members_of(request)
    state = find_state(str(wanted.get("state") or ""))
    if state is None:
        raise Invalid(f"'{wanted.get('state')}' is no state of a task.")
    return _answer(context, await tasks.set_state_by_hand(context, task_id, state, str(wanted.get("reason") or "")))


def _answer(context: OperationContext, task: Task, status: int = 200) -> Response:
    return JsonAnswer(as_task_document(task, context.clock.now()), status_code=status)


async def _events(context: OperationContext, task: Task, after: int) -> AsyncIterator[bytes]:
    async for news in follow_log(context, task, after):
        match news:
            case Task():
                yield _event("state", json.dumps(as_task_document(news, context.clock.now())))
            case []:
                yield b": nothing new\n\n"
            case _:
                yield b"".join(_line_event(numbered) for numbered in news)


def _line_event(numbered: NumberedLine) -> bytes:
    body = json.dumps({**as_log_element(numbered), "Unit": numbered.unit}, ensure_ascii=False, separators=(",", ":"))
    return f"id: {numbered.position}\nevent: line\ndata: {body}\n\n".encode("utf-8", "replace")


def _event(name: str, data: str) -> bytes:
    return f"event: {name}\ndata: {data}\n\n".encode()


def _arguments(arguments: object) -> Json:
    """The arguments with the spelling that plans read, whatever case the client used."""
    if not isinstance(arguments, dict):
        return {}
    return {_ARGUMENTS.get(str(name).lower(), str(name)): value for name, value in arguments.items()}


_ARGUMENTS = {
    name.lower(): name
    for name in (
        "ScriptBody",
        "Syntax",
        "TargetType",
        "MachineIds",
        "EnvironmentIds",
        "EnvironmentId",
        "TargetRoles",
        "WorkerIds",
        "WorkerPoolIds",
        "WorkerpoolId",
        "PackageReferences",
        "RestrictedTo",
        "Timeout",
        "MachineTimeout",
    )
}


def _wanted_states(request: Request) -> list[TaskState]:
    query = request.query_params
    named = [state for text in many_of(query.getlist("states")) if (state := find_state(text)) is not None]
    if named:
        return named
    if _flag(query.get("running")):
        return list(RUNNING_STATES)
    if _flag(query.get("active")):
        return [state for state in TaskState if state not in FINAL_STATES]
    return []


def _flag(text: str | None) -> bool | None:
    return None if text is None else text.lower() == "true"
