"""Deployment and runbook processes: read, change, and what a release of them needs. Source: resources.md §9."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Conflict, Invalid
from octavo.server.domain.permissions import Permission, Scope
from octavo.server.domain.processes import RELEASES_FEED, all_actions, steps_of
from octavo.server.domain.version_rules import next_version
from octavo.server.operations.audit import record_change
from octavo.server.operations.context import OperationContext, guard, require, require_sight
from octavo.server.operations.documents import Json
from octavo.server.operations.process_documents import shown_process, stored_steps
from octavo.server.store.processes import (
    StoredProcess,
    deployment_process_id,
    get_process,
    list_processes,
    update_process,
)
from octavo.server.store.project_schema import channels, projects, releases, runbook_snapshots
from octavo.server.store.resources import Document, Query, get_document, list_documents
from octavo.server.store.schema import feeds


async def read_process(context: OperationContext, process_id: str) -> Json:
    """A live process or a frozen one.

    Raises:
        NotFound: there is none in this space.
    """
    async with context.store.reading() as connection:
        found = await get_process(connection, process_id, context.space_id)
    require_sight(context, Permission.PROCESS_VIEW, Scope(found.project_id))
    return shown_process(found)


async def read_processes(context: OperationContext, prefix: str, ids: Sequence[str] | None) -> list[Json]:
    """The live processes of the space whose ids begin so."""
    require(context, Permission.PROCESS_VIEW)
    async with context.store.reading() as connection:
        found = await list_processes(connection, context.space_id, prefix=prefix, ids=ids)
    rights = context.caller.rights
    return [
        shown_process(process)
        for process in found
        if rights.allow(Permission.PROCESS_VIEW, context.space_id, Scope(process.project_id))
    ]


async def modify_process(context: OperationContext, process_id: str, data: object) -> Json:
    """Replace a live process by `data` and return it with its next version.

    Raises:
        NotFound: there is none in this space.
        Conflict: `data` has the number of an older version.
        Invalid: it is frozen, or `data` cannot be a process.
    """
    if not isinstance(data, dict):
        raise Invalid("The body must be a JSON object that describes a process.")
    async with context.store.writing() as connection:
        before = await get_process(connection, process_id, context.space_id)
        guard(context, Permission.PROCESS_EDIT, Scope(before.project_id), sight=Permission.PROCESS_VIEW)
        if before.is_snapshot:
            raise Invalid(f"{before.id} is a frozen copy and never changes. Change the live process.")
        _check_version(before, data.get("Version"))
        doc = stored_steps(data, before.doc, context.vault)
        after = await update_process(connection, replace(before, doc=doc))
        await _record(context, connection, before, after)
    return shown_process(after)


async def read_release_template(context: OperationContext, project_id: str, channel_id: str | None) -> Json:
    """What a new release of the project needs: its next version and the packages to choose versions for.

    Raises:
        NotFound: there is no such project or channel in this space.
    """
    require_sight(context, Permission.PROCESS_VIEW, Scope(project_id))
    async with context.store.reading() as connection:
        project = await get_document(connection, projects, project_id, context.space_id)
        process = await get_process(connection, deployment_process_id(project.id))
        known = await list_versions(connection, project.id)
        channel = await get_document(connection, channels, channel_id, context.space_id) if channel_id else None
        template = await _template(connection, context.space_id, project, process)
    strategy = project.doc["VersioningStrategy"] or {}
    donor = strategy.get("DonorPackage") or {}
    return {
        "DeploymentProcessId": process.id,
        "LastReleaseVersion": known[0] if known else None,
        "NextVersionIncrement": next_version(
            strategy.get("Template") or "", known, channel.name if channel else "Default"
        ),
        "VersioningPackageStepName": donor.get("DeploymentAction"),
        "VersioningPackageReferenceName": donor.get("PackageReference"),
        **template,
        "Links": {"Self": f"/api/{context.space_id}/projects/{project.id}/deploymentprocesses/template"},
    }


async def read_snapshot_template(context: OperationContext, runbook: Json) -> Json:
    """What a new snapshot of a runbook needs: a name, and the packages to choose versions for."""
    require_sight(context, Permission.RUNBOOK_VIEW, Scope(str(runbook["ProjectId"])))
    async with context.store.reading() as connection:
        project = await get_document(connection, projects, runbook["ProjectId"], context.space_id)
        process = await get_process(connection, runbook["RunbookProcessId"])
        mine = Query(context.space_id, conditions=(runbook_snapshots.c.runbook_id == runbook["Id"],))
        names = {
            document.name.casefold()
            for document in (await list_documents(connection, runbook_snapshots, mine)).documents
        }
        template = await _template(connection, context.space_id, project, process)
    number = len(names) + 1
    while f"snapshot {number}" in names:
        number += 1
    return {
        "NextNameIncrement": f"Snapshot {number}",
        "RunbookId": runbook["Id"],
        "RunbookProcessId": process.id,
        **template,
        "Links": {"Self": f"/api/{context.space_id}/runbooks/{runbook['Id']}/runbookSnapshotTemplate"},
    }


async def list_versions(connection: AsyncConnection, project_id: str) -> list[str]:
    """The versions of a project's releases, newest first."""
    query = Query(conditions=(releases.c.project_id == project_id,), order_by=(releases.c.version_key.desc(),))
    return [document.name for document in (await list_documents(connection, releases, query)).documents]


async def _template(
    connection: AsyncConnection, space_id: str, project: Document, process: StoredProcess
) -> dict[str, Any]:
    names = {feed.id: feed.name for feed in (await list_documents(connection, feeds, Query(space_id))).documents}
    others = await _projects_deployed_by(connection, space_id, process)
    packages = [
        {
            "ActionName": action.name,
            "StepName": step.name,
            "PackageId": package.package_id,
            "PackageReferenceName": package.name,
            "FeedId": package.feed_id,
            "FeedName": names.get(package.feed_id),
            "ProjectName": others.get(package.package_id, project.name),
            "VersionSelectedLastRelease": None,
            "IsResolvable": "#{" not in package.package_id + package.feed_id,
            "FixedVersion": package.version or None,
            "NuGetPackageId": package.package_id,
            "NuGetFeedId": package.feed_id,
            "NuGetFeedName": names.get(package.feed_id),
        }
        for step in steps_of(process.doc)
        for action in step.actions
        if not action.is_disabled
        for package in action.packages
    ]
    return {"Packages": packages, "GitResources": []}


async def _projects_deployed_by(connection: AsyncConnection, space_id: str, process: StoredProcess) -> dict[str, str]:
    """The names, by id, of the projects whose releases this process deploys."""
    packages = [package for action in all_actions(steps_of(process.doc)) for package in action.packages]
    ids = [package.package_id for package in packages if package.feed_id == RELEASES_FEED]
    query = Query(space_id, ids)
    return {each.id: each.name for each in (await list_documents(connection, projects, query)).documents} if ids else {}


def _check_version(process: StoredProcess, sent: object) -> None:
    if sent is not None and sent != process.version:
        raise Conflict(
            f"The process {process.id} was changed meanwhile: it has version {process.version}, yours has {sent}. "
            "Read it again and repeat your change."
        )


async def _record(
    context: OperationContext, connection: AsyncConnection, before: StoredProcess, after: StoredProcess
) -> None:
    def subject(process: StoredProcess) -> Json:
        return {**shown_process(process), "Name": f"of {process.owner_id}"}

    noun = "runbook process" if after.owner_id != after.project_id else "deployment process"
    await record_change(context, connection, noun, "Modified", before=subject(before), after=subject(after))
