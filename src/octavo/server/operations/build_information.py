"""What is known of the build behind a package version. It may come before or after the package.

Source: resources.md §14.
"""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.executor.versions import parse_version
from octavo.server.domain.permissions import Permission
from octavo.server.operations.audit import record_change
from octavo.server.operations.context import OperationContext, require
from octavo.server.operations.documents import Json
from octavo.server.operations.moments import moment
from octavo.server.operations.requests import Members
from octavo.server.store.ids import next_id
from octavo.server.store.project_schema import build_information
from octavo.server.store.resources import (
    Document,
    Query,
    delete_document,
    get_document,
    insert_document,
    list_documents,
    update_document,
)

FAIL, IGNORE, OVERWRITE = "failifexists", "ignoreifexists", "overwriteexisting"
_MEMBERS = (
    *("BuildEnvironment", "BuildNumber", "BuildUrl", "Branch"),
    *("VcsType", "VcsRoot", "VcsCommitNumber", "VcsCommitUrl", "IssueTrackerName"),
)


async def push_build_information(context: OperationContext, data: object, mode: str) -> tuple[Json, bool]:
    """Store it, or replace or keep what is there as `mode` says; it, and whether it is new.

    Raises:
        Invalid: it names no package and version, or is there already.
    """
    require(context, Permission.BUILD_INFORMATION_PUSH)
    command = Members(data)
    package_id, version = command.text("PackageId"), command.text("Version")
    if not package_id or not version:
        raise Invalid("Please provide a PackageId and a Version.")
    wanted = (mode or command.text("OverwriteMode") or FAIL).lower()
    try:
        key = parse_version(version).sort_key
    except ValueError as error:
        raise Invalid(str(error)) from None
    async with context.store.writing() as connection:
        known = await _find(connection, context.space_id, package_id, key)
        if known is not None and wanted == FAIL:
            raise Invalid("Metadata for the specified Package ID and version already exists.")
        if known is not None and wanted == IGNORE:
            return shown_build_information(known), False
        document = Document(
            id=known.id if known else await next_id(connection, "BuildInformation"),
            name=f"{package_id}.{version}",
            slug=known.slug if known else f"{package_id}-{key}".lower(),
            doc=_doc(package_id, version, Members(command.mapping("OctopusBuildInformation"))),
            last_modified_on=context.clock.now(),
            last_modified_by=context.caller.username,
            space_id=context.space_id,
            version=known.version if known else 1,
            columns={"package_key": package_id.casefold(), "version_key": key},
        )
        write = update_document if known else insert_document
        stored = await write(connection, build_information, document)
        shown = shown_build_information(stored)
        category = "Modified" if known else "Created"
        before = shown_build_information(known) | {"Name": document.name} if known else None
        after = {**shown, "Name": document.name}
        await record_change(context, connection, "build information", category, before=before, after=after)
    return shown, known is None


async def read_build_information(context: OperationContext, key: str) -> Json:
    """One of them.

    Raises:
        NotFound: there is none in this space.
    """
    require(context, Permission.FEED_VIEW)
    async with context.store.reading() as connection:
        return shown_build_information(await get_document(connection, build_information, key, context.space_id))


async def list_build_information(
    context: OperationContext, package_id: str, text: str, *, is_latest_only: bool
) -> list[Json]:
    """Those of the space, newest version of a package first."""
    require(context, Permission.FEED_VIEW)
    table = build_information
    conditions = [table.c.package_key == package_id.casefold()] if package_id else []
    order = (table.c.package_key, table.c.version_key.desc())
    async with context.store.reading() as connection:
        query = Query(context.space_id, None, text or None, conditions, order)
        found = (await list_documents(connection, table, query)).documents
    if is_latest_only:
        newest: dict[str, Document] = {}
        for document in found:
            newest.setdefault(document.columns["package_key"], document)
        found = list(newest.values())
    return [shown_build_information(document) for document in found]


async def delete_build_information(context: OperationContext, ids: Sequence[str]) -> None:
    """Remove them; ids that are not there are passed over."""
    require(context, Permission.BUILD_INFORMATION_PUSH)
    async with context.store.writing() as connection:
        found = (await list_documents(connection, build_information, Query(context.space_id, ids))).documents
        for document in found:
            await delete_document(connection, build_information, document.id)
            before = shown_build_information(document) | {"Name": document.name}
            await record_change(context, connection, "build information", "Deleted", before=before, after=None)


async def find_of_package(context: OperationContext, package_id: str, version: str) -> Json | None:
    """What is known of a package version."""
    async with context.store.reading() as connection:
        found = await _find(connection, context.space_id, package_id, parse_version(version).sort_key)
    return None if found is None else shown_build_information(found)


def shown_build_information(document: Document) -> Json:
    """As the API shows it."""
    return {
        **document.doc,
        "Id": document.id,
        "SpaceId": document.space_id,
        "Created": moment(document.last_modified_on),
        "Links": {"Self": f"/api/{document.space_id}/build-information/{document.id}"},
    }


async def _find(connection: AsyncConnection, space_id: str, package_id: str, key: str) -> Document | None:
    table = build_information
    mine = (table.c.package_key == package_id.casefold(), table.c.version_key == key)
    found = (await list_documents(connection, table, Query(space_id, conditions=mine, take=1))).documents
    return replace(found[0]) if found else None


def _doc(package_id: str, version: str, build: Members) -> Json:
    commits = [
        {"Id": str(each.get("Id") or ""), "LinkUrl": each.get("LinkUrl"), "Comment": each.get("Comment")}
        for each in build.value("Commits") or ()
        if isinstance(each, dict)
    ]
    return {
        "PackageId": package_id,
        "Version": version,
        **{name: build.value(name) for name in _MEMBERS},
        "WorkItems": build.value("WorkItems") or [],
        "Commits": commits,
        "IncompleteDataWarning": None,
    }
