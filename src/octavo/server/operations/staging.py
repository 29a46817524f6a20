"""Brings a release's packages to the machines before it is deployed there, so that the deployment need not wait.

A task like that of the script console, whose packages end in the machines' caches. Machines that are not there yet, and
packages whose names are known only when a deployment runs, are left to the deployment.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.server.domain.deployment_plans import DeploymentPlan, PlannedAction, PlannedStep, RunsOn
from octavo.server.domain.executions import Execution
from octavo.server.domain.permissions import Permission, Scope
from octavo.server.domain.processes import RELEASES_FEED, all_actions, steps_of
from octavo.server.domain.tasks import Task, TaskKind
from octavo.server.operations.context import OperationContext, guard
from octavo.server.operations.deployment_planning import plan_execution
from octavo.server.operations.deployments import draft_deployment
from octavo.server.operations.named_resources import get_named
from octavo.server.operations.tasks import queue_permitted_task
from octavo.server.store.processes import get_process
from octavo.server.store.project_schema import projects, releases
from octavo.server.store.resources import get_document
from octavo.server.store.schema import environments
from octavo.server.store.worker_pools import list_workers_of_pools


async def stage_release(context: OperationContext, release_id: str, environment_key: str) -> Task:
    """Queue the task that brings the packages of a release to where a deployment to the environment would use them.

    Raises:
        NotFound: there is no such release or environment.
        Invalid: the process cannot be planned, or there is nothing to bring, or nowhere to bring it to.
    """
    async with context.store.reading() as connection:
        release = await get_document(connection, releases, release_id, context.space_id)
        place = await get_named(connection, environments, context.space_id, environment_key)
        project = await get_document(connection, projects, release.columns["project_id"])
        scope = Scope(project.id, place.id)
        guard(context, Permission.DEPLOYMENT_CREATE, scope, sight=Permission.RELEASE_VIEW)
        draft = draft_deployment(context, release, place, None)
        plan = await plan_execution(connection, draft)
        machine_ids, worker_ids = await _places(connection, plan)
        packages = await _packages(connection, draft, plan)
    if not packages:
        raise Invalid(f"A deployment of {release.name} to {place.name} uses no package that is known before it runs.")
    if not machine_ids and not worker_ids:
        raise Invalid(f"A deployment of {release.name} to {place.name} uses no machine that is there yet.")
    arguments = {
        "ScriptBody": "echo The packages are here.",
        "Syntax": "Bash",
        "MachineIds": machine_ids,
        "WorkerIds": worker_ids,
        "PackageReferences": packages,
    }
    description = f"Stage the packages of {project.name} {release.name} for {place.name}"
    return await queue_permitted_task(context, TaskKind.AD_HOC_SCRIPT, arguments, description=description)


def _with_work(plan: DeploymentPlan) -> list[tuple[PlannedStep, PlannedAction]]:
    return [(step, action) for step in plan.steps for action in step.actions if not action.skip_reason]


async def _places(connection: AsyncConnection, plan: DeploymentPlan) -> tuple[list[str], list[str]]:
    """The targets and workers that would do something."""
    machine_ids: dict[str, None] = {}
    pool_ids: dict[str, None] = {}
    for step, action in _with_work(plan):
        if action.runs_on is RunsOn.TARGET:
            machine_ids |= dict.fromkeys(machine.id for machine in step.machines)
        elif action.pool_id:
            pool_ids[action.pool_id] = None
    return list(machine_ids), await list_workers_of_pools(connection, list(pool_ids))


async def _packages(connection: AsyncConnection, draft: Execution, plan: DeploymentPlan) -> Sequence[Mapping[str, Any]]:
    """References to the frozen packages, each once."""
    process = await get_process(connection, draft.process_id)
    wanted = {action.id for _, action in _with_work(plan)}
    versions = {(each.action_name, each.reference): each.version for each in draft.packages}
    found: dict[tuple[str, str, str], None] = {}
    for action in all_actions(steps_of(process.doc)):
        for package in action.packages if action.id in wanted else ():
            version = versions.get((action.name, package.name), "")
            is_known = "#{" not in package.package_id + package.feed_id and package.feed_id != RELEASES_FEED
            if version and is_known and package.acquisition_location.lower() != "notacquired":
                found[package.package_id, version, package.feed_id] = None
    return [
        {"PackageId": package_id, "Version": version, "FeedId": feed_id, "Name": f"package-{number}", "StageOnly": True}
        for number, (package_id, version, feed_id) in enumerate(found, 1)
    ]
