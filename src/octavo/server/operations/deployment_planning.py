"""The plan of a deployment or runbook run: facts read, then the pure planner. Preview, queueing and start use it.

Source: resources.md §9, §11; docs/decisions/0080-projects-and-deployments.md.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.server.domain.deployment_plans import DeploymentPlan
from octavo.server.domain.executions import Execution
from octavo.server.domain.planning import PlanningFacts, TargetFacts, plan_deployment
from octavo.server.domain.processes import steps_of
from octavo.server.operations.documents import Json
from octavo.server.operations.variable_sets import variables_of
from octavo.server.store.processes import get_process
from octavo.server.store.project_schema import projects, runbooks
from octavo.server.store.resources import Document, Query, find_document, get_document, list_documents, list_links
from octavo.server.store.schema import machine_environments, machines, tenants, worker_pools
from octavo.server.store.variable_sets import get_variable_set
from octavo.server.store.worker_pools import list_pools_without_containers


async def plan_execution(connection: AsyncConnection, execution: Execution) -> DeploymentPlan:
    """What would happen if it started now.

    Raises:
        PlanProblem: a step cannot be carried out; the message says which, why and what to do.
    """
    process = await get_process(connection, execution.process_id)
    return plan_deployment(steps_of(process.doc), await _facts(connection, execution))


async def preview(connection: AsyncConnection, execution: Execution, *, use_guided_failure: bool) -> Json:
    """The plan as the API shows it before it runs, and the values to ask for."""
    plan = await plan_execution(connection, execution)
    found = await list_documents(connection, machines, Query(execution.space_id))
    health = {document.id: document.columns["health_status"] for document in found.documents}
    process = await get_process(connection, execution.process_id)
    roles = {step.id: ",".join(step.roles) for step in steps_of(process.doc)}
    steps = [
        {
            "ActionId": action.id,
            "ActionName": action.name,
            "ActionNumber": action.number,
            "Roles": [role for role in roles[step.id].split(",") if role],
            "Machines": [
                {"Id": each.id, "Name": each.name, "HealthStatus": health.get(each.id), "HasLatestCalamari": True}
                for each in step.machines
            ],
            "MachineNames": [each.name for each in step.machines],
            "CanBeSkipped": not action.is_required,
            "IsDisabled": False,
            "HasNoApplicableMachines": step.is_bound_to_targets and not step.machines,
            "UnavailableMachines": [],
            "ExcludedMachines": [
                {"Id": machine_id, "Reason": reason} for machine_id, reason in plan.left_out
            ] if step.is_bound_to_targets else [],
        }
        for step in plan.steps
        for action in step.actions
        if not action.skip_reason
    ]  # fmt: skip
    return {
        "Form": await prompt_form(connection, execution),
        "StepsToExecute": steps,
        "UseGuidedFailureModeByDefault": use_guided_failure,
        "Links": {},
    }


async def prompt_form(connection: AsyncConnection, execution: Execution) -> Json:
    """The prompted variables, as a form."""
    values: dict[str, str] = {}
    elements = []
    for set_id in execution.variable_set_ids:
        for variable in variables_of(await get_variable_set(connection, set_id)):
            if variable.prompt is None:
                continue
            values[variable.id] = "" if variable.is_sensitive else variable.value or ""
            control = {
                "Type": "VariableValue",
                "Name": variable.name,
                "Label": variable.prompt.get("Label") or variable.name,
                "Description": variable.prompt.get("Description") or "",
                "Required": bool(variable.prompt.get("Required")),
                "DisplaySettings": variable.prompt.get("DisplaySettings") or {},
            }
            is_required = bool(variable.prompt.get("Required"))
            elements.append({"Name": variable.id, "Control": control, "IsValueRequired": is_required})
    return {"Values": values, "Elements": elements}


async def _facts(connection: AsyncConnection, execution: Execution) -> PlanningFacts:
    space_id = execution.space_id
    tenant = await find_document(connection, tenants, execution.tenant_id, space_id) if execution.tenant_id else None
    pools = (await list_documents(connection, worker_pools, Query(space_id))).documents
    policy = await _connectivity_policy(connection, execution)
    doc = execution.doc
    return PlanningFacts(
        environment_id=execution.environment_id,
        channel_id=execution.channel_id or "",
        tenant_id=execution.tenant_id or "",
        tenant_tags=frozenset(tenant.doc.get("TenantTags", ())) if tenant else frozenset(),
        targets=await _targets(connection, space_id),
        pool_ids=frozenset(pool.id for pool in pools),
        pool_ids_without_containers=await list_pools_without_containers(connection, space_id),
        default_pool_id=next((pool.id for pool in pools if pool.columns["is_default"]), ""),
        skipped_action_ids=frozenset(doc.get("SkipActions", ())),
        specific_machine_ids=frozenset(doc.get("SpecificMachineIds", ())),
        excluded_machine_ids=frozenset(doc.get("ExcludedMachineIds", ())),
        skips_unavailable=policy.get("SkipMachineBehavior") == "SkipUnavailableMachines",
        own_project_ids=frozenset((execution.project_id, *doc.get("DeployedByProjectIds", ()))),
        excludes_unhealthy=bool(policy.get("ExcludeUnhealthyTargets")),
        allows_no_targets=bool(policy.get("AllowDeploymentsToNoTargets")),
    )


async def _targets(connection: AsyncConnection, space_id: str) -> list[TargetFacts]:
    found = (await list_documents(connection, machines, Query(space_id))).documents
    places = await list_links(connection, machine_environments, [document.id for document in found])
    return [_target(document, places[document.id]) for document in found]


def _target(document: Document, environment_ids: list[str]) -> TargetFacts:
    return TargetFacts(
        document.id,
        document.name,
        frozenset(document.doc.get("Roles", ())),
        frozenset(environment_ids),
        document.columns["health_status"],
        bool(document.columns["is_disabled"]),
        frozenset(document.doc.get("TenantIds", ())),
        frozenset(document.doc.get("TenantTags", ())),
        document.doc.get("TenantedDeploymentParticipation", "Untenanted"),
    )


async def _connectivity_policy(connection: AsyncConnection, execution: Execution) -> Mapping[str, Any]:
    if execution.runbook_id:
        runbook = await find_document(connection, runbooks, execution.runbook_id)
        return runbook.doc.get("ConnectivityPolicy") or {} if runbook else {"AllowDeploymentsToNoTargets": True}
    project = await get_document(connection, projects, execution.project_id)
    return project.doc.get("ProjectConnectivityPolicy") or {}
