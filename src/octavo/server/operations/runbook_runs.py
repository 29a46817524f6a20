"""Runbook snapshots and runs. Source: resources.md §10, §11; endpoints.md §6."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Conflict, Invalid, NotFound
from octavo.server.domain.executions import Execution, ExecutionKind, SelectedPackage
from octavo.server.domain.permissions import Permission, Scope
from octavo.server.domain.slugs import slug_of
from octavo.server.domain.tasks import TaskId, TaskKind
from octavo.server.domain.version_rules import parse_package_choice
from octavo.server.operations.audit import record_change
from octavo.server.operations.context import OperationContext, guard, require, require_sight
from octavo.server.operations.deployment_planning import preview
from octavo.server.operations.deployments import announce, execution_doc, guided_failure, queue_execution, scope_of
from octavo.server.operations.documents import Json
from octavo.server.operations.execution_documents import shown_execution
from octavo.server.operations.execution_requests import read_request, read_tenants
from octavo.server.operations.external_feeds import VersionsOfFeeds, with_versions
from octavo.server.operations.moments import moment
from octavo.server.operations.named_resources import find_named, get_all_named, get_named
from octavo.server.operations.requests import Members
from octavo.server.operations.sight import named_in, within_sight
from octavo.server.operations.snapshots import Wanted, freeze_steps, freeze_variables, select_packages
from octavo.server.store.executions import get_execution
from octavo.server.store.ids import next_id
from octavo.server.store.processes import runbook_process_id
from octavo.server.store.project_schema import projects, runbook_snapshots, runbooks
from octavo.server.store.resources import (
    Document,
    Query,
    find_free_slug,
    get_document,
    insert_document,
    list_documents,
    update_document,
)
from octavo.server.store.schema import environments


async def create_snapshot(context: OperationContext, data: object, *, publish: bool) -> Json:
    """Freeze a runbook's process, variables and package versions; publishing makes it what runs by default.

    Raises:
        Invalid: there is no such runbook, the name is taken, or a package has no version.
    """
    require(context, Permission.RUNBOOK_EDIT)

    async def create(external: VersionsOfFeeds) -> Json:
        return await _create_snapshot(context, Members(data), external, publish=publish)

    return await with_versions(context, create)


async def _create_snapshot(
    context: OperationContext, command: Members, external: VersionsOfFeeds, *, publish: bool
) -> Json:
    async with context.store.writing() as connection:
        runbook = await get_named(connection, runbooks, context.space_id, command.value("RunbookId"))
        scope = Scope(runbook.columns["project_id"])
        guard(context, Permission.RUNBOOK_EDIT, scope, sight=Permission.RUNBOOK_VIEW)
        project = await get_document(connection, projects, runbook.columns["project_id"])
        name = command.text("Name")
        if not name:
            raise Invalid("Please provide a name for the runbook snapshot.")
        process_id = runbook_process_id(runbook.id)
        wanted = Wanted([parse_package_choice(each) for each in command.texts("Packages")], external=external)
        selected = await select_packages(connection, context.space_id, process_id, wanted)
        sets = await freeze_variables(connection, project)
        doc = {
            "Notes": command.value("Notes"),
            "SelectedPackages": [
                {"ActionName": each.action_name, "PackageReferenceName": each.reference, "Version": each.version}
                for each in selected
            ],
            "SelectedGitResources": [],
            "FrozenRunbookProcessId": await freeze_steps(connection, process_id),
            "FrozenProjectVariableSetId": sets[0],
            "ProjectVariableSetSnapshotId": sets[0],
            "LibraryVariableSetSnapshotIds": sets[1:],
        }
        snapshot = await _insert(context, connection, runbook, name, doc)
        if publish:
            changed = {**runbook.doc, "PublishedRunbookSnapshotId": snapshot.id}
            await update_document(connection, runbooks, replace(runbook, doc=changed))
        shown = shown_snapshot(snapshot)
        await record_change(context, connection, "runbook snapshot", "Created", before=None, after=shown)
    return shown


async def read_snapshot(context: OperationContext, key: str, project_id: str | None = None) -> Json:
    """A snapshot by its id, or within a project by its name.

    Raises:
        NotFound: there is none.
    """
    require(context, Permission.RUNBOOK_VIEW)
    table = runbook_snapshots
    async with context.store.reading() as connection:
        conditions = [table.c.project_id == project_id] if project_id else []
        found = await find_named(connection, table, context.space_id, key, *conditions)
    if found is None:
        raise NotFound(f"There is no runbook snapshot {key} here.")
    require_sight(context, Permission.RUNBOOK_VIEW, Scope(found.columns["project_id"]))
    return shown_snapshot(found)


async def read_snapshots(
    context: OperationContext,
    *,
    runbook_id: str | None = None,
    project_id: str | None = None,
    ids: Sequence[str] | None = None,
    search: str = "",
    skip: int = 0,
    take: int | None = None,
) -> tuple[list[Json], int]:
    """Snapshots, newest first, and how many there are."""
    require(context, Permission.RUNBOOK_VIEW)
    table = runbook_snapshots
    seen = within_sight(context, Permission.RUNBOOK_VIEW, {"project": named_in(table.c.project_id)})
    conditions = [] if seen is None else [seen]
    if runbook_id:
        conditions.append(table.c.runbook_id == runbook_id)
    if project_id:
        conditions.append(table.c.project_id == project_id)
    query = Query(context.space_id, ids, search or None, conditions, (table.c.assembled_at.desc(),), skip, take)
    async with context.store.reading() as connection:
        found = await list_documents(connection, table, query)
    return [shown_snapshot(document) for document in found.documents], found.total


async def create_runs(context: OperationContext, data: object) -> list[Execution]:
    """One run an environment (and tenant), as the executions API asks for them.

    Raises:
        Invalid: something it names is not there, no snapshot is published, or it cannot be planned.
    """
    require(context, Permission.RUNBOOK_RUN_CREATE)
    command = Members(data)
    async with context.store.writing() as connection:
        project = await get_named(connection, projects, context.space_id, command.value("ProjectName"))
        mine = runbooks.c.project_id == project.id
        runbook = await get_named(connection, runbooks, context.space_id, command.value("RunbookName"), mine)
        snapshot = await _snapshot(connection, context.space_id, runbook, command.text("Snapshot"))
        names = command.texts("EnvironmentNames")
        places = await get_all_named(connection, environments, context.space_id, names)
        if not places:
            raise Invalid("Please name at least one environment to run in.")
        whom: Sequence[Document | None] = await read_tenants(connection, context.space_id, command) or [None]
        made = [
            await _create_run(context, connection, runbook, snapshot, place=place, tenant=tenant, command=command)
            for place in places
            for tenant in whom
        ]
    await announce(context, [each.task_id for each in made])
    return made


async def create_run(context: OperationContext, data: object) -> Json:
    """One run, as the older resource asks for it.

    Raises:
        Invalid: as `create_runs`.
    """
    require(context, Permission.RUNBOOK_RUN_CREATE)
    command = Members(data)
    async with context.store.writing() as connection:
        runbook = await get_named(connection, runbooks, context.space_id, command.value("RunbookId"))
        snapshot = await _snapshot(connection, context.space_id, runbook, command.text("RunbookSnapshotId"))
        place = await get_named(connection, environments, context.space_id, command.value("EnvironmentId"))
        execution = await _create_run(context, connection, runbook, snapshot, place=place, tenant=None, command=command)
    await announce(context, [execution.task_id])
    return shown_execution(execution)


async def read_run(context: OperationContext, execution_id: str) -> Json:
    """One run.

    Raises:
        NotFound: there is none in this space.
    """
    require(context, Permission.RUNBOOK_RUN_VIEW)
    async with context.store.reading() as connection:
        found = await get_execution(connection, execution_id, context.space_id)
    require_sight(context, Permission.RUNBOOK_RUN_VIEW, scope_of(found))
    return shown_execution(found)


async def preview_run(context: OperationContext, snapshot_id: str, environment_key: str) -> Json:
    """What a run of the snapshot would do."""
    require(context, Permission.RUNBOOK_RUN_VIEW)
    async with context.store.reading() as connection:
        snapshot = await get_document(connection, runbook_snapshots, snapshot_id, context.space_id)
        runbook = await get_document(connection, runbooks, snapshot.columns["runbook_id"])
        require_sight(context, Permission.RUNBOOK_RUN_VIEW, Scope(runbook.columns["project_id"]))
        place = await get_named(connection, environments, context.space_id, environment_key)
        draft = _draft(context, runbook, snapshot, place, None)
        guided = guided_failure(runbook.doc.get("DefaultGuidedFailureMode"), place, None)
        return await preview(connection, draft, use_guided_failure=guided)


def shown_snapshot(document: Document) -> Json:
    """The snapshot as the API shows it."""
    own = f"/api/{document.space_id}/runbookSnapshots/{document.id}"
    return {
        **document.doc,
        "Id": document.id,
        "SpaceId": document.space_id,
        "Name": document.name,
        "RunbookId": document.columns["runbook_id"],
        "ProjectId": document.columns["project_id"],
        "Assembled": moment(document.columns["assembled_at"]),
        "LastModifiedOn": moment(document.last_modified_on),
        "LastModifiedBy": document.last_modified_by,
        "Links": {
            "Self": own,
            "Runbook": f"/api/{document.space_id}/runbooks/{document.columns['runbook_id']}",
            "Project": f"/api/{document.space_id}/projects/{document.columns['project_id']}",
        },
    }


async def _insert(
    context: OperationContext, connection: AsyncConnection, runbook: Document, name: str, doc: Json
) -> Document:
    slug = await find_free_slug(connection, runbook_snapshots, runbook.id, slug_of(name) or "snapshot")
    now = context.clock.now()
    document = Document(
        id=await next_id(connection, "RunbookSnapshots"),
        name=name,
        slug=slug,
        doc=doc,
        last_modified_on=now,
        last_modified_by=context.caller.username,
        space_id=context.space_id,
        columns={"runbook_id": runbook.id, "project_id": runbook.columns["project_id"], "assembled_at": now},
    )
    try:
        return await insert_document(connection, runbook_snapshots, document)
    except Conflict as error:
        raise Invalid(str(error)) from error


async def _snapshot(connection: AsyncConnection, space_id: str, runbook: Document, key: str) -> Document:
    table = runbook_snapshots
    if key:
        return await get_named(connection, table, space_id, key, table.c.runbook_id == runbook.id)
    published = runbook.doc.get("PublishedRunbookSnapshotId")
    if not published:
        raise Invalid(f"The runbook {runbook.name} has no published snapshot. Publish one, or name a snapshot.")
    return await get_document(connection, table, published)


async def _create_run(
    context: OperationContext,
    connection: AsyncConnection,
    runbook: Document,
    snapshot: Document,
    *,
    place: Document,
    tenant: Document | None,
    command: Members,
) -> Execution:
    scope = Scope(runbook.columns["project_id"], [place.id], tenant.id if tenant else "")
    guard(context, Permission.RUNBOOK_RUN_CREATE, scope, sight=Permission.RUNBOOK_VIEW)
    allowed = runbook.doc.get("Environments") if runbook.doc.get("EnvironmentScope") == "Specified" else None
    if allowed is not None and place.id not in allowed:
        raise Invalid(f"The runbook {runbook.name} does not run in {place.name}.")
    draft = _draft(context, runbook, snapshot, place, tenant)
    request = await read_request(
        connection,
        context.space_id,
        command,
        process_id=draft.process_id,
        set_ids=draft.variable_set_ids,
        vault=context.vault,
    )
    whom = f" for {tenant.name}" if tenant else ""
    description = f"Run runbook {runbook.name} snapshot {snapshot.name} on {place.name}{whom}"
    guided = guided_failure(runbook.doc.get("DefaultGuidedFailureMode"), place, request.use_guided_failure)
    doc = execution_doc(context, request, f"Run on {place.name}", description, use_guided_failure=guided)
    execution = replace(draft, id=await next_id(connection, "RunbookRuns"), doc=doc)
    task = await queue_execution(
        context, connection, execution, kind=TaskKind.RUNBOOK_RUN, description=description, request=request
    )
    return replace(execution, task_id=task.id)


def _draft(
    context: OperationContext, runbook: Document, snapshot: Document, place: Document, tenant: Document | None
) -> Execution:
    return Execution(
        id="",
        kind=ExecutionKind.RUNBOOK_RUN,
        space_id=runbook.space_id,
        project_id=runbook.columns["project_id"],
        environment_id=place.id,
        task_id=TaskId(""),
        process_id=snapshot.doc["FrozenRunbookProcessId"],
        variable_set_ids=[
            snapshot.doc["FrozenProjectVariableSetId"],
            *snapshot.doc["LibraryVariableSetSnapshotIds"],
        ],
        packages=[
            SelectedPackage(each["ActionName"], each["PackageReferenceName"], each["Version"])
            for each in snapshot.doc["SelectedPackages"]
        ],
        created_at=context.clock.now(),
        tenant_id=tenant.id if tenant else None,
        runbook_id=runbook.id,
        runbook_snapshot_id=snapshot.id,
    )
