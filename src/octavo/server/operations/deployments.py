"""Deployments: from a request to a queued task, in one transaction. Source: resources.md §11; endpoints.md §7."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.server.domain.executions import Execution, ExecutionKind, SelectedPackage
from octavo.server.domain.permissions import Permission, Scope
from octavo.server.domain.tasks import NewTask, Task, TaskId, TaskKind
from octavo.server.operations.audit import record
from octavo.server.operations.context import OperationContext, guard, require, require_sight
from octavo.server.operations.deployment_planning import plan_execution, preview
from octavo.server.operations.documents import Json
from octavo.server.operations.execution_documents import shown_execution
from octavo.server.operations.execution_requests import ExecutionRequest, read_request, read_tenants
from octavo.server.operations.named_resources import find_named, get_all_named, get_named
from octavo.server.operations.releases import progress_of, refresh_within
from octavo.server.operations.requests import Members
from octavo.server.operations.sight import place_sight, within_sight
from octavo.server.store.executions import ExecutionQuery, get_execution, insert_execution, list_executions
from octavo.server.store.ids import next_id
from octavo.server.store.project_schema import executions, projects, releases
from octavo.server.store.resources import Document, find_document, get_document
from octavo.server.store.schema import environments, tenants
from octavo.server.store.tasks import insert_task

_NO_PLAN: dict[str, object] = {"steps": []}  # made when the task starts


async def create_deployments(context: OperationContext, data: object, *, is_tenanted: bool) -> list[Execution]:
    """One deployment an environment, or a tenant, as the executions API asks for them.

    Raises:
        Invalid: something it names is not there, may not be deployed to now, or cannot be planned; nothing is queued.
    """
    require(context, Permission.DEPLOYMENT_CREATE)
    command = Members(data)
    async with context.store.writing() as connection:
        project = await get_named(connection, projects, context.space_id, command.value("ProjectName"))
        guard(context, Permission.DEPLOYMENT_CREATE, Scope(project.id), sight=Permission.PROJECT_VIEW)
        version = command.text("ReleaseVersion")
        mine = releases.c.project_id == project.id
        release = await find_named(connection, releases, context.space_id, version, mine)
        if release is None:
            raise Invalid(f"The project {project.name} has no release '{version}'. Create it first.")
        if command.flag("UpdateVariableSnapshot"):
            require(context, Permission.RELEASE_EDIT, Scope(project.id))
            release = await refresh_within(context, connection, release)
        names = [command.text("EnvironmentName")] if is_tenanted else command.texts("EnvironmentNames")
        places = await get_all_named(connection, environments, context.space_id, [name for name in names if name])
        if not places:
            raise Invalid("Please name at least one environment to deploy to.")
        whom: Sequence[Document | None] = [None]
        if is_tenanted:
            whom = await read_tenants(connection, context.space_id, command)
            if not whom:
                raise Invalid("Please name at least one tenant, or a tenant tag.")
        made = [
            await create_within(context, connection, release, place, tenant=tenant, command=command)
            for place in places
            for tenant in whom
        ]
    await announce(context, [each.task_id for each in made])
    return made


async def create_deployment(context: OperationContext, data: object) -> Execution:
    """One deployment, as the older resource asks for it.

    Raises:
        Invalid: as `create_deployments`.
    """
    require(context, Permission.DEPLOYMENT_CREATE)
    command = Members(data)
    async with context.store.writing() as connection:
        release = await get_named(connection, releases, context.space_id, command.value("ReleaseId"))
        place = await get_named(connection, environments, context.space_id, command.value("EnvironmentId"))
        tenant_id = command.text("TenantId")
        tenant = await get_named(connection, tenants, context.space_id, tenant_id) if tenant_id else None
        execution = await create_within(context, connection, release, place, tenant=tenant, command=command)
    await announce(context, [execution.task_id])
    return execution


async def redeploy(context: OperationContext, execution: Execution) -> Task:
    """The same again: the release and answers of a deployment or run that is at its end."""
    kind = TaskKind.RUNBOOK_RUN if execution.kind is ExecutionKind.RUNBOOK_RUN else TaskKind.DEPLOY
    is_run = kind is TaskKind.RUNBOOK_RUN
    deed = Permission.RUNBOOK_RUN_CREATE if is_run else Permission.DEPLOYMENT_CREATE
    seen = Permission.RUNBOOK_RUN_VIEW if is_run else Permission.DEPLOYMENT_VIEW
    guard(context, deed, scope_of(execution), sight=seen)
    async with context.store.writing() as connection:
        prefix = "RunbookRuns" if is_run else "Deployments"
        copy = replace(execution, id=await next_id(connection, prefix), created_at=context.clock.now())
        task = await queue_execution(
            context, connection, copy, kind=kind, description=str(execution.doc.get("TaskDescription")), request=None
        )
    await announce(context, [task.id])
    return task


async def announce(context: OperationContext, task_ids: Sequence[TaskId]) -> None:
    """Wake the engine for tasks that were queued."""
    for task_id in task_ids:
        await context.bus.publish("tasks", task_id.encode())


async def queue_execution(
    context: OperationContext,
    connection: AsyncConnection,
    execution: Execution,
    *,
    kind: TaskKind,
    description: str,
    request: ExecutionRequest | None,
) -> Task:
    """Store it with its task, if it can be planned.

    Raises:
        PlanProblem: it cannot.
    """
    await plan_execution(connection, execution)
    argument = "RunbookRunId" if kind is TaskKind.RUNBOOK_RUN else "DeploymentId"
    new = NewTask(
        kind=kind,
        space_id=execution.space_id,
        description=description,
        arguments={argument: execution.id},
        plan=_NO_PLAN,
        mutex_key=f"{execution.process_owner_id}/{execution.environment_id}/{execution.tenant_id or ''}",
        not_before=request.not_before if request else None,
        expires_at=request.expires_at if request else None,
        project_id=execution.project_id,
        environment_id=execution.environment_id,
        tenant_id=execution.tenant_id,
    )
    caller = context.caller
    task = await insert_task(connection, new, context.clock.now(), caller.username, caller.user_id)
    await insert_execution(connection, replace(execution, task_id=task.id))
    related = [execution.id, execution.project_id, execution.environment_id, task.id]
    queued = "RunbookRunQueued" if kind is TaskKind.RUNBOOK_RUN else "DeploymentQueued"
    await record(context, connection, queued, f"{description} was queued", related=related, space_id=execution.space_id)
    return task


async def read_deployment(context: OperationContext, execution_id: str) -> Json:
    """One deployment.

    Raises:
        NotFound: there is none in this space.
    """
    require_sight(context, Permission.DEPLOYMENT_VIEW)
    async with context.store.reading() as connection:
        found = await get_execution(connection, execution_id, context.space_id)
    require_sight(context, Permission.DEPLOYMENT_VIEW, scope_of(found))
    return shown_execution(found)


async def read_executions(context: OperationContext, query: ExecutionQuery) -> tuple[list[Json], int]:
    """The matching deployments or runs, newest first, and how many there are."""
    permission = Permission.RUNBOOK_RUN_VIEW if query.kind is ExecutionKind.RUNBOOK_RUN else Permission.DEPLOYMENT_VIEW
    require(context, permission)
    seen = within_sight(context, permission, place_sight(executions))
    if seen is not None:
        query = replace(query, conditions=[seen])
    async with context.store.reading() as connection:
        found, total = await list_executions(connection, query)
    return [shown_execution(execution) for execution in found], total


async def preview_deployment(
    context: OperationContext, release_id: str, environment_key: str, tenant_key: str | None = None
) -> Json:
    """What a deployment of the release would do.

    Raises:
        NotFound, Invalid: release, environment or tenant is not there, or the process cannot be planned.
    """
    require(context, Permission.DEPLOYMENT_VIEW)
    async with context.store.reading() as connection:
        release = await get_document(connection, releases, release_id, context.space_id)
        place = await get_named(connection, environments, context.space_id, environment_key)
        tenant = await get_named(connection, tenants, context.space_id, tenant_key) if tenant_key else None
        project = await get_document(connection, projects, release.columns["project_id"])
        require_sight(context, Permission.RELEASE_VIEW, Scope(project.id))
        draft = draft_deployment(context, release, place, tenant)
        guided = guided_failure(project.doc.get("DefaultGuidedFailureMode"), place, None)
        return await preview(connection, draft, use_guided_failure=guided)


def scope_of(execution: Execution) -> Scope:
    """What a deployment or run is about."""
    return Scope(execution.project_id, [execution.environment_id], execution.tenant_id or "")


def guided_failure(mode: object, environment: Document, asked: bool | None) -> bool:
    """Whether a failing step asks: as asked for, else as the project says, else as the environment says."""
    if asked is not None:
        return asked
    return mode == "On" or (mode != "Off" and bool(environment.doc.get("UseGuidedFailure")))


async def create_within(
    context: OperationContext,
    connection: AsyncConnection,
    release: Document,
    environment: Document,
    *,
    tenant: Document | None,
    command: Members,
    deployed_by: Sequence[str] = (),
) -> Execution:
    """A deployment and its queued task, inside the caller's transaction, without wake-up.

    `deployed_by`: the projects that deploy it as a step of theirs, the outermost first.

    Raises:
        Invalid: the release may not be deployed there now, or cannot be planned.
        Forbidden, NotFound: the caller may not deploy it there.
    """
    project = await get_document(connection, projects, release.columns["project_id"])
    scope = Scope(project.id, [environment.id], tenant.id if tenant else "")
    guard(context, Permission.DEPLOYMENT_CREATE, scope, sight=Permission.PROJECT_VIEW)
    if project.columns["is_disabled"]:
        raise Invalid(f"The project {project.name} is disabled. Enable it to deploy.")
    await _check_lifecycle(connection, release, environment)
    _check_tenant(project, environment, tenant)
    draft = draft_deployment(context, release, environment, tenant)
    request = await read_request(
        connection,
        context.space_id,
        command,
        process_id=draft.process_id,
        set_ids=draft.variable_set_ids,
        vault=context.vault,
    )
    whom = f" for {tenant.name}" if tenant else ""
    description = f"Deploy {project.name} release {release.name} to {environment.name}{whom}"
    guided = guided_failure(project.doc.get("DefaultGuidedFailureMode"), environment, request.use_guided_failure)
    doc = execution_doc(context, request, f"Deploy to {environment.name}", description, use_guided_failure=guided)
    if deployed_by:
        doc["DeployedByProjectIds"] = list(deployed_by)
    execution = replace(draft, id=await next_id(connection, "Deployments"), doc=doc)
    task = await queue_execution(
        context, connection, execution, kind=TaskKind.DEPLOY, description=description, request=request
    )
    return replace(execution, task_id=task.id)


def execution_doc(
    context: OperationContext, request: ExecutionRequest, name: str, description: str, *, use_guided_failure: bool
) -> Json:
    """What a deployment or run keeps besides its columns."""
    return {
        "Name": name,
        "TaskDescription": description,
        "Comments": request.comments,
        "QueueTime": request.not_before.isoformat() if request.not_before else None,
        "QueueTimeExpiry": request.expires_at.isoformat() if request.expires_at else None,
        "FormValues": dict(request.form_values),
        "SkipActions": list(request.skip_action_ids),
        "SpecificMachineIds": list(request.specific_machine_ids),
        "ExcludedMachineIds": list(request.excluded_machine_ids),
        "UseGuidedFailure": use_guided_failure,
        "ForcePackageDownload": request.force_package_download,
        "ForcePackageRedeployment": request.force_package_redeployment,
        "Priority": request.priority,
        "DeployedBy": context.caller.username,
        "DeployedById": context.caller.user_id,
    }


def draft_deployment(
    context: OperationContext, release: Document, environment: Document, tenant: Document | None
) -> Execution:
    """What would be stored if it were deployed now."""
    doc = release.doc
    return Execution(
        id="",
        kind=ExecutionKind.DEPLOYMENT,
        space_id=release.space_id,
        project_id=release.columns["project_id"],
        environment_id=environment.id,
        task_id=TaskId(""),
        process_id=doc["ProjectDeploymentProcessSnapshotId"],
        variable_set_ids=[doc["ProjectVariableSetSnapshotId"], *doc["LibraryVariableSetSnapshotIds"]],
        packages=[
            SelectedPackage(each["ActionName"], each["PackageReferenceName"], each["Version"])
            for each in doc["SelectedPackages"]
        ],
        created_at=context.clock.now(),
        tenant_id=tenant.id if tenant else None,
        release_id=release.id,
        channel_id=release.columns["channel_id"],
    )


async def _check_lifecycle(connection: AsyncConnection, release: Document, environment: Document) -> None:
    progress = await progress_of(connection, release)
    if environment.id in progress.allowed:
        return
    mine = next((each for each in progress.phases if environment.id in each.phase.environment_ids), None)
    if mine is None:
        reason = "its lifecycle does not contain this environment"
    elif mine.is_blocked:
        reason = "a defect was reported, which must be resolved first"
    else:
        missing = [each.phase.name for each in progress.phases if each.progress.value == "Current"]
        reason = f"the phase {' and '.join(missing) or 'before'} must be completed first"
    raise Invalid(f"Release {release.name} cannot be deployed to {environment.name} yet: {reason}.")


def _check_tenant(project: Document, environment: Document, tenant: Document | None) -> None:
    mode = project.doc.get("TenantedDeploymentMode", "Untenanted")
    if tenant is None and mode == "Tenanted":
        raise Invalid(f"The project {project.name} is deployed for tenants only. Name a tenant.")
    if tenant is None:
        return
    if mode == "Untenanted":
        raise Invalid(f"The project {project.name} is not deployed for tenants. Change its TenantedDeploymentMode.")
    if tenant.doc.get("IsDisabled"):
        raise Invalid(f"The tenant {tenant.name} is disabled.")
    connected = tenant.doc.get("ProjectEnvironments", {}).get(project.id, [])
    if environment.id not in connected:
        raise Invalid(f"The tenant {tenant.name} is not connected to {project.name} in {environment.name}.")


async def deploy_automatically(
    context: OperationContext, connection: AsyncConnection, execution: Execution
) -> list[Execution]:
    """After a success: deployments to the environments that opened by it and are deployed to by themselves.

    Inside the caller's transaction, the one that ends the deployment: so that none is lost. One that cannot be planned
    is left out, with an event that says why.
    """
    if execution.release_id is None:
        return []
    release = await find_document(connection, releases, execution.release_id)
    if release is None:
        return []
    progress = await progress_of(connection, release)
    automatic = {each for phase in progress.phases for each in phase.phase.automatic}
    query = ExecutionQuery(ExecutionKind.DEPLOYMENT, execution.space_id, release_ids=[release.id])
    known, _ = await list_executions(connection, query)
    done = {each.environment_id for each in known if each.tenant_id == execution.tenant_id}
    tenant = await find_document(connection, tenants, execution.tenant_id) if execution.tenant_id else None
    inside, made = context.in_space(execution.space_id), []
    for environment_id in progress.allowed:
        if environment_id not in automatic or environment_id in done:
            continue
        place = await get_document(connection, environments, environment_id)
        try:
            async with connection.begin_nested():
                made.append(await create_within(inside, connection, release, place, tenant=tenant, command=Members({})))
        except Invalid as error:
            message = f"{release.name} was not deployed to {place.name} by itself: {error}"
            related = [release.id, execution.project_id, place.id]
            await record(inside, connection, "AutomaticDeploymentFailed", message, related=related, space_id=execution.space_id)  # fmt: skip  # noqa: E501
    return made
