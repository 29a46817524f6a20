"""The tree of a deployment or runbook run: steps, machines, actions, each with what became of it.

Source: resources.md §12.
"""

from collections.abc import Sequence
from datetime import datetime

from octavo.server.domain.deployment_plans import PlannedStep, deployment_plan_from_json
from octavo.server.domain.script_runs import RunState
from octavo.server.operations.documents import Json
from octavo.server.operations.moments import moment
from octavo.server.operations.task_documents import as_log_element, as_task_document, node_of, status_of_task
from octavo.server.operations.task_logs import NumberedLine, TaskProgress

_RUN_STATUSES = {
    RunState.PENDING: "Pending",
    RunState.RUNNING: "Running",
    RunState.SUCCESS: "Success",
    RunState.FAILED: "Failed",
    RunState.LOST: "Failed",
    RunState.CANCELLED: "Canceled",
}
_ENDED = frozenset({"Success", "SuccessWithWarning", "Failed", "Skipped", "Canceled"})


def as_deployment_details(progress: TaskProgress, now: datetime) -> Json:
    """The task and its tree. Lines stand on the machines, and of steps with several actions below them too."""
    task = progress.task
    stored = task.plan.get("deployment")
    steps = deployment_plan_from_json(stored).steps if isinstance(stored, dict) else ()
    nodes = [_step_node(progress, step) for step in steps]
    ended = sum(node["Status"] in _ENDED for node in nodes)
    percentage = 100 if task.is_final else (100 * ended // len(nodes) if nodes else 0)
    root = node_of(f"{task.id}_0", task.description, status_of_task(task), nodes)
    root |= {"Started": moment(task.started_at), "Ended": moment(task.completed_at), "ProgressPercentage": percentage}
    return {
        "Task": as_task_document(task, now),
        "ActivityLogs": [root],
        "PhysicalLogSize": task.log_bytes,
        "Progress": {"ProgressPercentage": percentage, "EstimatedTimeRemaining": ""},
        "Links": {"Self": f"/api/tasks/{task.id}/details"},
    }


def _step_node(progress: TaskProgress, step: PlannedStep) -> Json:
    path = str(step.number)
    known = progress.units.get(path)
    status = known.status.value if known else ("Canceled" if progress.task.is_final else "Pending")
    count = max(1, len(step.machines))
    children = [_machine_node(progress, step, number, status) for number in range(count)] if known else []
    if status in ("Skipped", "Pending"):
        children = []
    node = node_of(f"{progress.task.id}_0/{path}", f"Step {path}: {step.name}", status, children)
    node["Started"] = moment(known.started_at) if known else None
    node["Ended"] = moment(known.ended_at) if known else None
    node["LogElements"] = _lines(progress, [path])
    return node


def _machine_node(progress: TaskProgress, step: PlannedStep, number: int, step_status: str) -> Json:
    paths = [step.unit_path(number, place) for place in range(len(step.actions))]
    runs = [run for run in progress.runs if run.unit.partition("~")[0] in paths]
    machine = step.machines[number].name if step.machines else ""
    name = machine or (runs[-1].machine_name if runs else step.name)
    actions = [_action_status(progress, path) for path in paths]
    status = _joined(actions, step_status)
    children = []
    if len(step.actions) > 1:
        children = [
            node_of(f"{progress.task.id}_0/{path}", action.name, each, [])
            for path, action, each in zip(paths, step.actions, actions, strict=True)
        ]
    node = node_of(f"{progress.task.id}_0/{step.number}/{number + 1}", name, status, children)
    node["ShowAtSummaryLevel"] = False
    node["LogElements"] = _lines(progress, paths)
    started = [run.started_at or run.created_at for run in runs if run.started_at or run.created_at]
    ended = [run.completed_at for run in runs if run.completed_at]
    node["Started"] = moment(min(each for each in started if each)) if started else None
    node["Ended"] = moment(max(ended)) if ended and status in _ENDED else None
    if runs:
        node["MachineId"], node["ExitCode"] = runs[-1].machine_id, runs[-1].exit_code
        if status == "Running":
            node["ProgressPercentage"] = runs[-1].progress_percentage
            node["ProgressMessage"] = runs[-1].progress_message
    return node


def _action_status(progress: TaskProgress, path: str) -> str:
    known = progress.units.get(path)
    if known is not None and known.status.value != "Running":
        return known.status.value
    runs = [run for run in progress.runs if run.unit.partition("~")[0] == path]
    if runs:
        return _RUN_STATUSES[runs[-1].state]
    return "Running" if known is not None else ("Canceled" if progress.task.is_final else "Pending")


def _joined(statuses: Sequence[str], step_status: str) -> str:
    for status in ("Running", "Failed", "Canceled", "SuccessWithWarning"):
        if status in statuses:
            return status
    if all(status == "Skipped" for status in statuses):
        return "Skipped"
    if "Pending" in statuses:
        return "Pending" if step_status == "Running" else "Skipped"
    return "Success"


def _lines(progress: TaskProgress, paths: Sequence[str]) -> list[Json]:
    found: list[NumberedLine] = []
    for unit, lines in progress.lines.items():
        if unit.partition("~")[0] in paths:
            found += lines
    return [as_log_element(numbered) for numbered in sorted(found, key=lambda numbered: numbered.position)]
