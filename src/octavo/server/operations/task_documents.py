"""Tasks as the API shows them. Source: resources.md §12."""

from collections.abc import Sequence
from datetime import UTC, datetime

from octavo.server.domain.plans import Step, Unit, plan_from_json
from octavo.server.domain.script_runs import RunState, ScriptRun
from octavo.server.domain.tasks import Task, TaskState
from octavo.server.domain.waiting import Waiting
from octavo.server.operations.documents import Json
from octavo.server.operations.moments import moment
from octavo.server.operations.task_logs import NumberedLine, TaskProgress

#: The API's one spelling that is not ours.
API_STATES = {TaskState.CANCELLED: "Canceled"}
_STATES_BY_API = {API_STATES.get(state, state.value).lower(): state for state in TaskState}
_STATUS = {
    RunState.PENDING: "Pending",
    RunState.RUNNING: "Running",
    RunState.SUCCESS: "Success",
    RunState.FAILED: "Failed",
    RunState.LOST: "Failed",
    RunState.CANCELLED: "Canceled",
}
_TASK_STATUS = {
    TaskState.QUEUED: "Pending",
    TaskState.EXECUTING: "Running",
    TaskState.CANCELLING: "Running",
    TaskState.SUCCESS: "Success",
    TaskState.FAILED: "Failed",
    TaskState.TIMED_OUT: "Failed",
    TaskState.CANCELLED: "Canceled",
}


def find_state(text: str) -> TaskState | None:
    """The state that the API calls so, in any case."""
    return _STATES_BY_API.get(text.strip().lower())


def as_task_document(task: Task, now: datetime) -> Json:
    """The task's JSON."""
    prefix = f"/api/{task.space_id}/tasks" if task.space_id else "/api/tasks"
    state = API_STATES.get(task.state, task.state.value)
    return {
        "Id": task.id,
        "SpaceId": task.space_id,
        "Name": task.kind.value,
        "Description": task.description,
        "Arguments": dict(task.arguments),
        "State": state,
        "IsCompleted": task.is_final,
        "FinishedSuccessfully": task.state is TaskState.SUCCESS,
        "Completed": _as_words(task.completed_at) if task.completed_at else f"{state}…",
        "QueueTime": moment(task.not_before or task.queued_at),
        "QueueTimeExpiry": moment(task.expires_at),
        "StartTime": moment(task.started_at),
        "LastUpdatedTime": moment(task.updated_at or task.queued_at),
        "CompletedTime": moment(task.completed_at),
        "Duration": _duration(task, now),
        "ErrorMessage": task.error,
        "HasBeenPickedUpByProcessor": task.started_at is not None,
        "HasPendingInterruptions": task.has_pending_interruptions,
        "HasWarningsOrErrors": task.has_warnings or task.state in (TaskState.FAILED, TaskState.TIMED_OUT),
        "CanRerun": task.is_final,
        "ServerNode": task.node,
        "ProjectId": task.project_id,
        "EstimatedRemainingQueueDurationSeconds": 0,
        "QueuedBy": task.queued_by,
        "LogPosition": task.lines,
        "Links": {
            "Self": f"{prefix}/{task.id}",
            "Web": f"/app#/{task.space_id or 'Spaces-1'}/tasks/{task.id}",
            "Raw": f"{prefix}/{task.id}/raw",
            "Details": f"{prefix}/{task.id}/details{{?verbose,tail}}",
            "Cancel": f"/api/tasks/{task.id}/cancel",
            "Rerun": f"/api/tasks/rerun/{task.id}",
            "State": f"/api/tasks/{task.id}/state",
            "QueuedBehind": f"{prefix}/{task.id}/queued-behind{{?skip,take}}",
            "Artifacts": f"/api/{task.space_id or 'Spaces-1'}/artifacts?regarding={task.id}",
            "Interruptions": f"/api/{task.space_id or 'Spaces-1'}/interruptions?regarding={task.id}",
            "Waiting": f"{prefix}/{task.id}/waiting",
            "LogStream": f"{prefix}/{task.id}/log/stream",
        },
    }


def status_of_task(task: Task) -> str:
    """How the root of a task's tree stands."""
    return _TASK_STATUS[task.state]


def as_details_document(progress: TaskProgress, now: datetime) -> Json:
    """The task and its tree: root, steps, machines; log lines stand on the machines."""
    task = progress.task
    steps = [_step_node(progress, step) for step in plan_from_json(task.plan).steps]
    done = [node for step in steps for node in step["Children"] if node["Ended"]]
    count = sum(len(step["Children"]) for step in steps)
    percentage = 100 if task.is_final else (100 * len(done) // count if count else 0)
    root = node_of(f"{task.id}_0", task.description, _TASK_STATUS[task.state], steps)
    root |= {"Started": moment(task.started_at), "Ended": moment(task.completed_at), "ProgressPercentage": percentage}
    return {
        "Task": as_task_document(task, now),
        "ActivityLogs": [root],
        "PhysicalLogSize": task.log_bytes,
        "Progress": {"ProgressPercentage": percentage, "EstimatedTimeRemaining": ""},
        "Links": {"Self": f"/api/tasks/{task.id}/details"},
    }


def as_waiting_document(task: Task, waiting: Waiting | None) -> Json:
    """Why the task waits, worker by worker; `IsWaiting` false when it does not."""
    workers = [
        {"WorkerId": note.worker_id, "Name": note.name, "Reason": note.reason}
        for note in (waiting.workers if waiting else ())
    ]
    return {
        "TaskId": task.id,
        "IsWaiting": waiting is not None,
        "Kind": waiting.kind.value if waiting else None,
        "Reason": waiting.reason if waiting else "",
        "WaitsForTaskId": waiting.task_id if waiting else None,
        "Workers": workers,
    }


def as_log_element(numbered: NumberedLine) -> Json:
    """One line of the tree."""
    line = numbered.line
    return {
        "Category": line.category,
        "OccurredAt": line.occurred,
        "MessageText": line.text,
        "Detail": None,
        "Percentage": None,
        "Number": numbered.position,
    }


def _step_node(progress: TaskProgress, step: Step) -> Json:
    children = [_unit_node(progress, unit) for unit in step.units]
    status = _joined([child["Status"] for child in children])
    node = node_of(f"{progress.task.id}_0/{step.id}", f"Step {step.id}: {step.name}", status, children)
    started = [child["Started"] for child in children if child["Started"]]
    ended = [child["Ended"] for child in children if child["Ended"]]
    node["Started"] = min(started, default=None)
    node["Ended"] = max(ended) if len(ended) == len(children) and ended else None
    return node


def _unit_node(progress: TaskProgress, unit: Unit) -> Json:
    runs = [run for run in progress.runs if run.unit == unit.id]
    run: ScriptRun | None = runs[-1] if runs else None
    status = _STATUS[run.state] if run else ("Canceled" if progress.task.is_final else "Pending")
    node = node_of(f"{progress.task.id}_0/{unit.id}", run.machine_name if run else unit.name, status, [])
    node["Started"] = moment(run.started_at or run.created_at) if run else None
    node["Ended"] = moment(run.completed_at) if run else None
    node["ShowAtSummaryLevel"] = False
    node["LogElements"] = [as_log_element(numbered) for numbered in progress.lines.get(unit.id, ())]
    left_out = progress.left_out.get(unit.id, 0)
    if left_out:
        first: Json = dict(node["LogElements"][0])
        text = f"{left_out} older lines are left out here; the raw log has them."
        node["LogElements"].insert(0, {**first, "Category": "Gap", "MessageText": text, "Number": 0})
    if run is not None:
        node["MachineId"], node["Confinement"], node["ExitCode"] = run.machine_id, run.confinement, run.exit_code
        if status == "Running":
            node["ProgressPercentage"], node["ProgressMessage"] = run.progress_percentage, run.progress_message
    return node


def node_of(node_id: str, name: str, status: str, children: Sequence[Json]) -> Json:
    """A node of the tree, without times and lines."""
    return {
        "Id": node_id,
        "Name": name,
        "Status": status,
        "Started": None,
        "Ended": None,
        "ShowAtSummaryLevel": True,
        "ProgressPercentage": 0 if status in ("Pending", "Running") else 100,
        "ProgressMessage": "",
        "LogElements": [],
        "Children": list(children),
    }


def _joined(statuses: Sequence[str]) -> str:
    for status in ("Running", "Failed", "Canceled"):
        if status in statuses:
            return status
    if not statuses or "Pending" not in statuses:
        return "Success"
    return "Running" if "Success" in statuses else "Pending"


def _as_words(when: datetime) -> str:
    return f"{when.astimezone(UTC):%A, %d %B %Y %I:%M %p}"


def _duration(task: Task, now: datetime) -> str:
    if task.started_at is None:
        return ""
    seconds = int(((task.completed_at or now) - task.started_at).total_seconds())
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {name}{'s' if count != 1 else ''}"
    return f"{seconds} second{'s' if seconds != 1 else ''}"
