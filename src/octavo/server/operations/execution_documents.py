"""Deployments and runbook runs as the API shows them. Source: resources.md §10, §11."""

from octavo.server.domain.executions import Execution, ExecutionKind
from octavo.server.operations.documents import Json
from octavo.server.operations.moments import moment

_HIDDEN = frozenset({"FormValues"})


def shown_execution(execution: Execution) -> Json:
    """One of them; sensitive values that were given for it are not shown."""
    is_run = execution.kind is ExecutionKind.RUNBOOK_RUN
    root = f"/api/{execution.space_id}"
    own = f"{root}/{'runbookRuns' if is_run else 'deployments'}/{execution.id}"
    values = execution.doc.get("FormValues") or {}
    document: Json = {
        **{name: value for name, value in execution.doc.items() if name not in _HIDDEN},
        "Id": execution.id,
        "SpaceId": execution.space_id,
        "ProjectId": execution.project_id,
        "EnvironmentId": execution.environment_id,
        "TenantId": execution.tenant_id,
        "TaskId": execution.task_id,
        "Created": moment(execution.created_at),
        "FormValues": {name: None if isinstance(value, dict) else value for name, value in values.items()},
        "ManifestVariableSetId": execution.variable_set_ids[0] if execution.variable_set_ids else None,
        "DeployedToMachineIds": execution.doc.get("DeployedToMachineIds") or [],
        "FailureEncountered": False,
        "Links": {
            "Self": own,
            "Task": f"{root}/tasks/{execution.task_id}",
            "Environment": f"{root}/environments/{execution.environment_id}",
            "Project": f"{root}/projects/{execution.project_id}",
            "Artifacts": f"{root}/artifacts?regarding={execution.task_id}",
            "Interruptions": f"{root}/interruptions?regarding={execution.task_id}",
        },
    }
    if is_run:
        document |= {
            "RunbookId": execution.runbook_id,
            "RunbookSnapshotId": execution.runbook_snapshot_id,
            "FrozenRunbookProcessId": execution.process_id,
        }
    else:
        document |= {
            "ReleaseId": execution.release_id,
            "ChannelId": execution.channel_id,
            "DeploymentProcessId": execution.process_id,
            "Changes": [],
            "ChangesMarkdown": "",
        }
        document["Links"]["Release"] = f"{root}/releases/{execution.release_id}"
    return document
