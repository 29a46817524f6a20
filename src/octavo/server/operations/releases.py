"""Releases: a project's process, variables and package versions, frozen under a version.

Source: resources.md §11; endpoints.md §7.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Conflict, Invalid, NotFound
from octavo.executor.versions import find_version
from octavo.server.domain.lifecycle_progress import LifecycleProgress, phases_of, progress_through
from octavo.server.domain.permissions import Permission, Scope
from octavo.server.domain.slugs import slug_of
from octavo.server.domain.version_rules import next_version, parse_package_choice, rules_of
from octavo.server.operations.audit import record_change
from octavo.server.operations.context import OperationContext, guard, require, require_sight
from octavo.server.operations.documents import Json
from octavo.server.operations.external_feeds import VersionsOfFeeds, with_versions
from octavo.server.operations.moments import moment
from octavo.server.operations.named_resources import find_named, get_named
from octavo.server.operations.processes import list_versions
from octavo.server.operations.requests import Members
from octavo.server.operations.sight import named_in, within_sight
from octavo.server.operations.snapshots import Wanted, freeze_steps, freeze_variables, select_packages
from octavo.server.store import defects
from octavo.server.store.executions import list_successes
from octavo.server.store.ids import next_id
from octavo.server.store.processes import deployment_process_id
from octavo.server.store.project_schema import channels, projects, releases
from octavo.server.store.resources import (
    Document,
    Query,
    delete_document,
    find_document,
    find_free_slug,
    get_document,
    insert_document,
    list_documents,
    update_document,
)
from octavo.server.store.schema import environments, lifecycles


async def create_release(context: OperationContext, data: object) -> tuple[Json, bool]:
    """Make a release as the executions API asks for it, and whether it is new.

    Raises:
        Invalid: something it names is not there, the version exists, or a package has no fitting version.
    """
    require(context, Permission.RELEASE_CREATE)
    return await with_versions(context, lambda external: _create_release(context, Members(data), external))


async def _create_release(context: OperationContext, command: Members, external: VersionsOfFeeds) -> tuple[Json, bool]:
    async with context.store.writing() as connection:
        project = await get_named(connection, projects, context.space_id, _project_of(command))
        guard(context, Permission.RELEASE_CREATE, Scope(project.id), sight=Permission.PROJECT_VIEW)
        if project.columns["is_disabled"]:
            raise Invalid(f"The project {project.name} is disabled. Enable it to make releases.")
        channel = await _channel(connection, context.space_id, project, _text(command, "ChannelName", "ChannelId"))
        version = await _version(connection, project, channel, _text(command, "ReleaseVersion", "Version"))
        known = await find_named(connection, releases, context.space_id, version, releases.c.project_id == project.id)
        if known is not None and known.name.lower() == version.lower():
            if command.flag("IgnoreIfAlreadyExists"):
                return shown_release(known), False
            raise Invalid(f"Release '{version}' already exists in the project {project.name}. Use another version.")
        wanted = _wanted(channel, command, external)
        release = await _insert(context, connection, project, channel, version=version, command=command, wanted=wanted)
        shown = shown_release(release)
        await record_change(context, connection, "release", "Created", before=None, after={**shown, "Name": version})
    return shown, True


async def read_release(context: OperationContext, release_id: str) -> Json:
    """One release.

    Raises:
        NotFound: there is none in this space.
    """
    async with context.store.reading() as connection:
        return shown_release(await _seen_release(context, connection, release_id))


async def read_release_of_project(context: OperationContext, project_id: str, key: str) -> Json:
    """A project's release by its version or id.

    Raises:
        NotFound: the project has none.
    """
    require_sight(context, Permission.RELEASE_VIEW, Scope(project_id))
    async with context.store.reading() as connection:
        mine = releases.c.project_id == project_id
        found = await find_named(connection, releases, context.space_id, key, mine)
    if found is None:
        raise NotFound(f"The project has no release {key}.")
    return shown_release(found)


async def read_releases(
    context: OperationContext,
    *,
    project_id: str | None = None,
    channel_id: str | None = None,
    ids: Sequence[str] | None = None,
    search: str = "",
    skip: int = 0,
    take: int | None = None,
) -> tuple[list[Json], int]:
    """Releases, the newest version of a project first, and how many there are."""
    require(context, Permission.RELEASE_VIEW)
    seen = within_sight(context, Permission.RELEASE_VIEW, {"project": named_in(releases.c.project_id)})
    conditions = [] if seen is None else [seen]
    if project_id:
        conditions.append(releases.c.project_id == project_id)
    if channel_id:
        conditions.append(releases.c.channel_id == channel_id)
    order = (releases.c.version_key.desc(),) if project_id or channel_id else (releases.c.assembled_at.desc(),)
    query = Query(context.space_id, ids, search or None, conditions, order, skip, take)
    async with context.store.reading() as connection:
        found = await list_documents(connection, releases, query)
    return [shown_release(document) for document in found.documents], found.total


async def modify_release(context: OperationContext, release_id: str, data: object) -> Json:
    """Change a release's notes, channel or version; what it froze stays.

    Raises:
        NotFound: there is none in this space.
        Invalid: the version is taken or none.
    """
    members = Members(data)
    async with context.store.writing() as connection:
        before = await _guarded_release(context, connection, release_id, Permission.RELEASE_EDIT)
        project = await get_document(connection, projects, before.columns["project_id"])
        channel = await _channel(
            connection, context.space_id, project, members.text("ChannelId") or before.columns["channel_id"]
        )
        version = members.text("Version") or before.name
        doc = {**before.doc, "ReleaseNotes": members.value("ReleaseNotes"), "ChannelId": channel.id}
        changed = _document(
            context,
            before.id,
            version,
            before.slug,
            doc=doc,
            columns={**before.columns, "channel_id": channel.id},
            revision=before.version,
        )
        try:
            after = await update_document(connection, releases, changed)
        except Conflict as error:
            raise Invalid(str(error)) from error
        shown = shown_release(after)
        await record_change(
            context,
            connection,
            "release",
            "Modified",
            before={**shown_release(before), "Name": before.name},
            after={**shown, "Name": version},
        )
    return shown


async def refresh_variables(context: OperationContext, release_id: str) -> Json:
    """Freeze the variables as they are now for a release that exists.

    Raises:
        NotFound: there is none in this space.
    """
    async with context.store.writing() as connection:
        before = await _guarded_release(context, connection, release_id, Permission.RELEASE_EDIT)
        return shown_release(await refresh_within(context, connection, before))


async def refresh_within(context: OperationContext, connection: AsyncConnection, release: Document) -> Document:
    """The same inside the caller's transaction."""
    project = await get_document(connection, projects, release.columns["project_id"])
    sets = await freeze_variables(connection, project)
    doc = {**release.doc, "ProjectVariableSetSnapshotId": sets[0], "LibraryVariableSetSnapshotIds": sets[1:]}
    changed = _document(
        context, release.id, release.name, release.slug, doc=doc, columns=release.columns, revision=release.version
    )
    return await update_document(connection, releases, changed)


async def delete_release(context: OperationContext, release_id: str) -> None:
    """Remove a release and its deployments' records.

    Raises:
        NotFound: there is none in this space.
    """
    async with context.store.writing() as connection:
        release = await _guarded_release(context, connection, release_id, Permission.RELEASE_DELETE)
        await delete_document(connection, releases, release.id)
        gone = {**shown_release(release), "Name": release.name}
        await record_change(context, connection, "release", "Deleted", before=gone, after=None)


async def read_defects(context: OperationContext, release_id: str) -> list[Json]:
    """What holds a release back, and what once did."""
    async with context.store.reading() as connection:
        release = await _seen_release(context, connection, release_id)
        return [_shown_defect(each) for each in await defects.list_defects(connection, release.id)]


async def report_defect(context: OperationContext, release_id: str, description: str) -> Json:
    """Hold a release back: it enters no new phase until the defect is resolved.

    Raises:
        Invalid: no description was given.
    """
    require(context, Permission.DEFECT_REPORT)
    if not description.strip():
        raise Invalid("Please describe what is wrong with the release.")
    async with context.store.writing() as connection:
        release = await _guarded_release(context, connection, release_id, Permission.DEFECT_REPORT)
        made = await defects.insert_defect(connection, release, description, context.clock.now())
        await record_change(
            context, connection, "defect", "Created", before=None, after={"Id": made.id, "SpaceId": release.space_id,
            "Name": f"of release {release.name}: {description}"}
        )  # fmt: skip
    return _shown_defect(made)


async def resolve_defects(context: OperationContext, release_id: str) -> Json:
    """Let the release go on.

    Raises:
        Invalid: nothing holds it back.
    """
    async with context.store.writing() as connection:
        release = await _guarded_release(context, connection, release_id, Permission.DEFECT_RESOLVE)
        resolved = await defects.resolve_defects(connection, release.id)
        if not resolved:
            raise Invalid(f"Nothing holds the release {release.name} back.")
        after = {
            "Id": resolved[-1].id,
            "SpaceId": release.space_id,
            "Name": f"of release {release.name}",
            "Status": "Resolved",
        }
        await record_change(context, connection, "defect", "Modified", before=None, after=after)
    return _shown_defect(resolved[-1])


async def _seen_release(context: OperationContext, connection: AsyncConnection, release_id: str) -> Document:
    require_sight(context, Permission.RELEASE_VIEW)
    release = await get_document(connection, releases, release_id, context.space_id)
    require_sight(context, Permission.RELEASE_VIEW, Scope(release.columns["project_id"]))
    return release


async def _guarded_release(
    context: OperationContext, connection: AsyncConnection, release_id: str, permission: Permission
) -> Document:
    release = await get_document(connection, releases, release_id, context.space_id)
    guard(context, permission, Scope(release.columns["project_id"]), sight=Permission.RELEASE_VIEW)
    return release


async def progress_of(connection: AsyncConnection, release: Document) -> LifecycleProgress:
    """How far a release has come, and where it may go."""
    project = await get_document(connection, projects, release.columns["project_id"])
    channel = await find_document(connection, channels, release.columns["channel_id"])
    lifecycle_id = (channel and channel.columns["lifecycle_id"]) or project.columns["lifecycle_id"]
    lifecycle = await get_document(connection, lifecycles, lifecycle_id)
    everywhere = (await list_documents(connection, environments, Query(release.space_id))).documents
    phases = phases_of(lifecycle.doc, [each.id for each in everywhere])
    deployed = frozenset(await list_successes(connection, release.id))
    open_defects = [each for each in await defects.list_defects(connection, release.id) if not each.is_resolved]
    return progress_through(phases, deployed, has_defect=bool(open_defects))


def shown_release(document: Document) -> Json:
    """The release as the API shows it."""
    own = f"/api/{document.space_id}/releases/{document.id}"
    return {
        **document.doc,
        "Id": document.id,
        "SpaceId": document.space_id,
        "Version": document.name,
        "ProjectId": document.columns["project_id"],
        "ChannelId": document.columns["channel_id"],
        "Assembled": moment(document.columns["assembled_at"]),
        "LastModifiedOn": moment(document.last_modified_on),
        "LastModifiedBy": document.last_modified_by,
        "Links": {
            "Self": own,
            "Progression": f"{own}/progression",
            "Deployments": f"{own}/deployments{{?skip,take}}",
            "DeploymentTemplate": f"{own}/deployments/template",
            "Defects": f"{own}/defects",
            "ReportDefect": f"{own}/defects",
            "ResolveDefect": f"{own}/defects/resolve",
            "SnapshotVariables": f"{own}/snapshot-variables",
            "Project": f"/api/{document.space_id}/projects/{document.columns['project_id']}",
        },
    }


def _wanted(channel: Document, command: Members, external: VersionsOfFeeds) -> Wanted:
    """Which package versions the command asks for."""
    wanted = Wanted(
        choices=[parse_package_choice(each) for each in command.texts("Packages")],
        default=command.text("PackageVersion"),
        rules=rules_of(channel.doc),
        ignores_rules=bool(command.flag("IgnoreChannelRules")),
        external=external,
    )
    return _with_selected(wanted, command)


async def _insert(
    context: OperationContext,
    connection: AsyncConnection,
    project: Document,
    channel: Document,
    *,
    version: str,
    command: Members,
    wanted: Wanted,
) -> Document:
    process_id = deployment_process_id(project.id)
    selected = await select_packages(connection, context.space_id, process_id, wanted)
    sets = await freeze_variables(connection, project)
    doc = {
        "ReleaseNotes": command.value("ReleaseNotes"),
        "IgnoreChannelRules": wanted.ignores_rules,
        "SelectedPackages": [
            {"ActionName": each.action_name, "PackageReferenceName": each.reference, "Version": each.version}
            for each in selected
        ],
        "SelectedGitResources": [],
        "ProjectDeploymentProcessSnapshotId": await freeze_steps(connection, process_id),
        "ProjectVariableSetSnapshotId": sets[0],
        "LibraryVariableSetSnapshotIds": sets[1:],
        "BuildInformation": [],
        "CustomFields": dict(command.mapping("CustomFields")),
        "VersionControlReference": None,
    }
    parsed = find_version(version)
    columns = {
        "project_id": project.id,
        "channel_id": channel.id,
        "version_key": parsed.sort_key if parsed else "",
        "assembled_at": context.clock.now(),
    }
    release_id = await next_id(connection, "Releases")
    slug = await find_free_slug(connection, releases, project.id, slug_of(version) or "release")
    return await insert_document(
        connection, releases, _document(context, release_id, version, slug, doc=doc, columns=columns)
    )


def _with_selected(wanted: Wanted, command: Members) -> Wanted:
    """The old spelling of the same: SelectedPackages of a release resource."""
    selected = [each for each in command.value("SelectedPackages") or () if isinstance(each, dict)]
    choices = [
        parse_package_choice(
            f"{_escaped(each.get('ActionName') or each.get('StepName') or '*')}:"
            f"{_escaped(each.get('PackageReferenceName') or '*')}:{each.get('Version')}"
        )
        for each in selected
    ]
    return replace(wanted, choices=[*wanted.choices, *choices])


def _escaped(name: str) -> str:
    return "".join(f"\\{character}" if character in ":/=\\" else character for character in name)


def _document(
    context: OperationContext,
    release_id: str,
    version: str,
    slug: str,
    *,
    doc: Json,
    columns: Mapping[str, Any],
    revision: int = 1,
) -> Document:
    if find_version(version) is None:
        raise Invalid(f"'{version}' is no version. A version looks like 1.2.3 or 1.2.3-beta.1.")
    return Document(
        id=release_id,
        name=version,
        slug=slug,
        doc={name: value for name, value in doc.items() if name != "ChannelId"},
        last_modified_on=context.clock.now(),
        last_modified_by=context.caller.username,
        space_id=context.space_id,
        version=revision,
        columns=columns,
    )


def _project_of(command: Members) -> str:
    return _text(command, "ProjectName", "ProjectIdOrName", "ProjectId")


def _text(command: Members, *names: str) -> str:
    return next((command.text(name) for name in names if command.text(name)), "")


async def _channel(connection: AsyncConnection, space_id: str, project: Document, key: str) -> Document:
    mine = channels.c.project_id == project.id
    if key:
        return await get_named(connection, channels, space_id, key, mine)
    default = Query(space_id, conditions=(mine, channels.c.is_default.is_(True)))
    return (await list_documents(connection, channels, default)).documents[0]


async def _version(connection: AsyncConnection, project: Document, channel: Document, asked: str) -> str:
    if asked:
        return asked
    strategy = project.doc["VersioningStrategy"] or {}
    return next_version(strategy.get("Template") or "", await list_versions(connection, project.id), channel.name)


def _shown_defect(defect: defects.Defect) -> Json:
    return {
        "Id": defect.id,
        "Description": defect.description,
        "Status": "Resolved" if defect.is_resolved else "Unresolved",
        "Links": {},
    }
