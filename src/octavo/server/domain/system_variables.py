"""The variables that the server provides to every step, from plain facts. Pure. Source: script-execution.md §3.8."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Named:
    """Something with an id and a name."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ExecutionFacts:
    """What is the same for all steps of a deployment or runbook run."""

    space: Named
    project: Named
    project_group: Named
    environment: Named
    environment_sort_order: int
    task: Named
    queued_at: str
    execution: Named
    created_at: str
    comments: str
    created_by: Named
    server_url: str
    tenant: Named | None = None
    tenant_tags: Sequence[str] = ()
    release: Named | None = None  # name: its version
    release_notes: str = ""
    release_created_at: str = ""
    channel_name: str = ""
    runbook: Named | None = None
    runbook_snapshot: Named | None = None
    machine_ids: Sequence[str] = ()
    machines_in_role: Mapping[str, Sequence[str]] = field(default_factory=dict)
    specific_machine_ids: Sequence[str] = ()
    excluded_machine_ids: Sequence[str] = ()
    error: str = ""  # of a step that failed before


@dataclass(frozen=True, slots=True)
class UnitFacts:
    """What belongs to one action in one place."""

    step: Named
    step_number: str
    action: Named
    action_number: str
    target_roles: Sequence[str] = ()
    machine: Named | None = None
    machine_roles: Sequence[str] = ()
    machine_host: str = ""
    pool: Named | None = None


def system_variables(facts: ExecutionFacts) -> dict[str, str]:
    """The variables of a deployment or runbook run."""
    values = {
        **_both("Octopus.Space", facts.space),
        **_both("Octopus.Project", facts.project),
        **_both("Octopus.ProjectGroup", facts.project_group),
        **_both("Octopus.Environment", facts.environment),
        "Octopus.Environment.SortOrder": str(facts.environment_sort_order),
        **_both("Octopus.Task", facts.task),
        "Octopus.Task.QueueTime": facts.queued_at,
        "Octopus.Web.ServerUri": facts.server_url,
        "Octopus.Web.BaseUrl": facts.server_url,
        "Octopus.Web.ProjectLink": f"/app#/{facts.space.id}/projects/{facts.project.id}",
    }
    for role, machine_ids in facts.machines_in_role.items():
        values[f"Octopus.Environment.MachinesInRole[{role}]"] = ",".join(machine_ids)
    if facts.tenant is not None:
        values |= _both("Octopus.Deployment.Tenant", facts.tenant)
        values["Octopus.Deployment.Tenant.Tags"] = ",".join(facts.tenant_tags)
    return values | (_of_runbook(facts) if facts.runbook is not None else _of_deployment(facts))


def unit_variables(facts: UnitFacts) -> dict[str, str]:
    """The variables of one action in one place."""
    values = {
        **_both("Octopus.Step", facts.step),
        "Octopus.Step.Number": facts.step_number,
        **_both("Octopus.Action", facts.action),
        "Octopus.Action.Number": facts.action_number,
        "Octopus.Action.TargetRoles": ",".join(facts.target_roles),
        "Octopus.Action.IsSkipped": "False",
    }
    if facts.machine is not None:
        values |= _both("Octopus.Machine", facts.machine)
        values["Octopus.Machine.Roles"] = ",".join(facts.machine_roles)
        if facts.machine_host:
            values["Octopus.Machine.Hostname"] = facts.machine_host
    if facts.pool is not None:
        values |= _both("Octopus.WorkerPool", facts.pool)
    return values


def _of_deployment(facts: ExecutionFacts) -> dict[str, str]:
    values = {
        **_both("Octopus.Deployment", facts.execution),
        "Octopus.Deployment.Created": facts.created_at,
        "Octopus.Deployment.Comments": facts.comments,
        "Octopus.Deployment.CreatedBy.Id": facts.created_by.id,
        "Octopus.Deployment.CreatedBy.Username": facts.created_by.name,
        "Octopus.Deployment.CreatedBy.DisplayName": facts.created_by.name,
        "Octopus.Deployment.Machines": ",".join(facts.machine_ids),
        "Octopus.Deployment.SpecificMachines": ",".join(facts.specific_machine_ids),
        "Octopus.Deployment.ExcludedMachines": ",".join(facts.excluded_machine_ids),
        "Octopus.Web.DeploymentLink": f"/app#/{facts.space.id}/deployments/{facts.execution.id}",
    }
    if facts.release is not None:
        values |= {
            "Octopus.Release.Id": facts.release.id,
            "Octopus.Release.Number": facts.release.name,
            "Octopus.Release.Notes": facts.release_notes,
            "Octopus.Release.Created": facts.release_created_at,
            "Octopus.Release.Channel.Name": facts.channel_name,
            "Octopus.Web.ReleaseLink": f"/app#/{facts.space.id}/releases/{facts.release.id}",
        }
    if facts.error:
        values |= {"Octopus.Deployment.Error": facts.error, "Octopus.Deployment.ErrorDetail": facts.error}
    return values


def _of_runbook(facts: ExecutionFacts) -> dict[str, str]:
    values = {
        **_both("Octopus.RunbookRun", facts.execution),
        "Octopus.RunbookRun.Created": facts.created_at,
        "Octopus.Web.RunbookRunLink": f"/app#/{facts.space.id}/runbookRuns/{facts.execution.id}",
    }
    if facts.runbook is not None:
        values |= _both("Octopus.Runbook", facts.runbook)
    if facts.runbook_snapshot is not None:
        values |= _both("Octopus.RunbookSnapshot", facts.runbook_snapshot)
    return values


def _both(prefix: str, named: Named) -> dict[str, str]:
    return {f"{prefix}.Id": named.id, f"{prefix}.Name": named.name}
