"""Use cases of the built-in feed: push, look up, delete; and what a step's package references mean.

Each push stores its bytes under a blob name of its own, so that deleting one package can never take another's bytes.
Source: resources.md §14; endpoints.md §9; docs/decisions/0072-package-blobs.md.
"""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid, NotFound
from octavo.executor.versions import VersionRange, find_version, parse_range, parse_version
from octavo.server.domain.permissions import Permission
from octavo.server.feeds.feed import FeedPackage, FeedVersion
from octavo.server.operations.audit import record
from octavo.server.operations.context import OperationContext, require
from octavo.server.operations.external_feeds import (
    BUILT_IN,
    client_of,
    fetch_package,
    find_external_feed,
    list_feed_versions,
    newest_version,
)
from octavo.server.packages.delivery import PackageToDeliver, as_package_to_deliver
from octavo.server.packages.identity import identify
from octavo.server.packages.reception import ReceivedFile, receive
from octavo.server.store import Store, schema
from octavo.server.store import packages as store
from octavo.server.store.fetched_packages import FetchedPackage, find_fetched_content
from octavo.server.store.packages import PackageQuery, StoredPackage
from octavo.server.store.resources import Document, Query, list_documents

#: How many other versions a worker may make a package of.
MOST_BASES = 8
#: What clients of long ago call the built-in feed.
BUILT_IN_FEED = "feeds-builtin"


class OverwriteMode(StrEnum):
    """What a push does when the version is there already."""

    FAIL_IF_EXISTS = "FailIfExists"
    OVERWRITE_EXISTING = "OverwriteExisting"
    IGNORE_IF_EXISTS = "IgnoreIfExists"


@dataclass(frozen=True, slots=True)
class Pushed:
    """The package that is in the feed now; `is_stored` is false when an existing one was left alone."""

    package: StoredPackage
    is_stored: bool


@dataclass(frozen=True, slots=True)
class PackageReference:
    """A package that a step wants, as a task's arguments name it. `version` "" means the newest."""

    package_id: str
    version: str = ""
    name: str = ""
    extract: bool = True
    feed_id: str = ""  # "": the built-in feed
    is_staged_only: bool = False


@dataclass(frozen=True, slots=True)
class VersionFilter:
    """Which versions of a package a search wants."""

    text: str = ""
    pre_release_tag: str = ""
    version_range: str = ""
    include_pre_release: bool = True


def parse_overwrite_mode(mode: str | None, replace: str | None) -> OverwriteMode:
    """The mode that a push's query asks for; `replace=true` is the old spelling of overwriting.

    Raises:
        Invalid: there is no such mode.
    """
    if not mode:
        return OverwriteMode.OVERWRITE_EXISTING if (replace or "").lower() == "true" else OverwriteMode.FAIL_IF_EXISTS
    for known in OverwriteMode:
        if known.value.lower() == mode.lower():
            return known
    raise Invalid(f"'{mode}' is not an overwrite mode. Use one of: {', '.join(OverwriteMode)}.")


async def push_package(
    context: OperationContext, file_name: str, chunks: AsyncIterator[bytes], mode: OverwriteMode, spool: Path
) -> Pushed:
    """Put a package into the space's feed. Nothing is left behind when it is refused.

    Raises:
        Invalid: the name, the archive or its size is not acceptable.
        Conflict: the version is there already, and the mode says to fail then.
    """
    require(context, Permission.BUILT_IN_FEED_PUSH)
    if mode is OverwriteMode.OVERWRITE_EXISTING:
        require(context, Permission.BUILT_IN_FEED_ADMINISTER)
    async with receive(chunks, spool) as received:
        package = await _identified(context, file_name, received)
        await context.blobs.put_file(package.blob_name, received.path)
    try:
        pushed, replaced = await _store(context, package, mode)
    except BaseException:
        await context.blobs.delete(package.blob_name)
        raise
    if not pushed.is_stored:
        await context.blobs.delete(package.blob_name)
    if replaced is not None:
        await context.blobs.delete(replaced.blob_name)
    return pushed


async def get_package(context: OperationContext, id_: str) -> StoredPackage:
    """The package with this `packages-…` id.

    Raises:
        NotFound: the space has none.
    """
    require(context, Permission.FEED_VIEW)
    async with context.store.reading() as connection:
        package = await store.find_package(connection, context.space_id, id_)
    if package is None:
        raise NotFound(f"The package {id_} is not found in this space. Was it deleted, or is it in another space?")
    return package


async def list_packages(context: OperationContext, query: PackageQuery) -> tuple[Sequence[StoredPackage], int]:
    """The packages that a query matches, and how many it matches in all."""
    require(context, Permission.FEED_VIEW)
    async with context.store.reading() as connection:
        return await store.list_packages(connection, query)


async def list_versions(context: OperationContext, package_id: str, wanted: VersionFilter) -> list[StoredPackage]:
    """All versions of one package that pass the filter, newest first.

    Raises:
        Invalid: the filter's range or tag cannot be read.
    """
    version_range = _range(wanted.version_range)
    tag = _tag(wanted.pre_release_tag)
    found, _ = await list_packages(context, PackageQuery(context.space_id, (package_id,), take=None))
    return [package for package in found if _passes(package.version, wanted, version_range, tag)]


async def list_external_versions(
    context: OperationContext, feed: Document, package_id: str, wanted: VersionFilter
) -> list[FeedVersion]:
    """The versions of a package of an external feed that pass the filter, newest first.

    Raises:
        Invalid: the filter's range or tag cannot be read.
        FeedUnavailable, FeedRefused: the feed does not say.
    """
    require(context, Permission.FEED_VIEW)
    version_range, tag = _range(wanted.version_range), _tag(wanted.pre_release_tag)
    found = await list_feed_versions(context, feed.id, package_id)
    return [each for each in found if _passes(each.version, wanted, version_range, tag)]


async def search_external(
    context: OperationContext, feed: Document, term: str, skip: int, take: int
) -> Sequence[FeedPackage]:
    """A page of the packages of an external feed that fit a term.

    Raises:
        FeedUnavailable, FeedRefused: the feed does not say.
    """
    require(context, Permission.FEED_VIEW)
    return await (await client_of(context, feed)).search(term, skip, take)


async def delete_packages(context: OperationContext, ids: Sequence[str]) -> None:
    """Delete packages by their ids; ids that are not there are passed over."""
    require(context, Permission.BUILT_IN_FEED_ADMINISTER)
    deleted = []
    async with context.store.writing() as connection:
        for id_ in ids:
            package = await store.find_package(connection, context.space_id, id_)
            if package is not None:
                await store.delete_package(connection, package)
                await _record(context, connection, package, "Deleted")
                deleted.append(package)
    for package in deleted:
        await context.blobs.delete(package.blob_name)


async def resolve_references(
    context: OperationContext, references: Sequence[PackageReference], spool: Path
) -> list[PackageToDeliver]:
    """The stored packages that a step's references mean; those of external feeds are fetched unless they are here.

    Raises:
        Invalid: a package or version is not in the feed, or two references have one name.
        FeedUnavailable, FeedRefused, NotFound: an external feed does not give it.
    """
    _refuse_equal_names(references)
    return [await _resolve_anywhere(context, reference, spool) for reference in references]


async def get_feed_id(context: OperationContext) -> str:
    """The id of the space's built-in feed; its old fixed name where a space has lost it."""
    built_in = schema.feeds.c.doc["FeedType"].as_string() == BUILT_IN
    async with context.store.reading() as connection:
        query = Query(context.space_id, conditions=(built_in,), take=1)
        feeds = (await list_documents(connection, schema.feeds, query)).documents
    return feeds[0].id if feeds else BUILT_IN_FEED


async def count_packages(context: OperationContext) -> int:
    """How many packages there are in all spaces."""
    require(context, Permission.FEED_VIEW)
    async with context.store.reading() as connection:
        return await store.count_packages(connection)


async def find_content(database: Store, sha256: str) -> StoredPackage | FetchedPackage | None:
    """A package with these bytes, for workers that hold a fetch token."""
    async with database.reading() as connection:
        return await store.find_content(connection, sha256) or await find_fetched_content(connection, sha256)


async def _identified(context: OperationContext, file_name: str, received: ReceivedFile) -> StoredPackage:
    identity = await asyncio.to_thread(identify, file_name, received.path)
    name = identity.name
    return StoredPackage(
        id=f"packages-{name.package_id}.{name.version.text}",
        space_id=context.space_id,
        package_id=name.package_id,
        version=name.version.text,
        version_key=name.version.sort_key,
        extension=name.extension,
        size_bytes=received.size_bytes,
        sha1=received.sha1,
        sha256=received.sha256,
        blob_name=f"packages/{received.sha256}.{secrets.token_hex(4)}",
        published_at=context.clock.now(),
        published_by=context.caller.username,
        title=identity.title,
        description=identity.description,
        release_notes=identity.release_notes,
    )


async def _store(
    context: OperationContext, package: StoredPackage, mode: OverwriteMode
) -> tuple[Pushed, StoredPackage | None]:
    """Write the row as the mode says; also the package that it took the place of."""
    async with context.store.writing() as connection:
        old = await store.find_version(connection, package.space_id, package.package_id, package.version_key)
        if old is not None:
            if mode is OverwriteMode.IGNORE_IF_EXISTS:
                return Pushed(old, is_stored=False), None
            if mode is OverwriteMode.FAIL_IF_EXISTS:
                raise store.version_exists(old)
            await store.delete_package(connection, old)
        await store.insert_package(connection, package)
        await _record(context, connection, package, "Created" if old is None else "Modified")
    return Pushed(package, is_stored=True), old


async def _record(context: OperationContext, connection: AsyncConnection, package: StoredPackage, deed: str) -> None:
    await record(
        context,
        connection,
        deed,
        f"Package {package.package_id} {package.version} was {'pushed' if deed == 'Created' else deed.lower()}",
        related=[package.id],
        space_id=package.space_id,
    )


async def freeze_versions(context: OperationContext, references: Sequence[PackageReference]) -> list[str]:
    """The versions that references mean now; nothing is fetched.

    Raises:
        Invalid, FeedUnavailable, FeedRefused, NotFound: as `resolve_references`.
    """
    _refuse_equal_names(references)
    versions = []
    for reference in references:
        feed = await find_external_feed(context, reference.feed_id)
        if feed is None:
            async with context.store.reading() as connection:
                versions.append((await _resolve(context, connection, reference)).version)
        else:
            versions.append(reference.version or await newest_version(context, feed, reference.package_id))
    return versions


def _refuse_equal_names(references: Sequence[PackageReference]) -> None:
    names = [reference.name.casefold() for reference in references]
    if len(set(names)) < len(names):
        raise Invalid("Two package references have the same name. Give each one a name of its own.")


async def _resolve_anywhere(context: OperationContext, reference: PackageReference, spool: Path) -> PackageToDeliver:
    feed = await find_external_feed(context, reference.feed_id)
    if feed is None:
        async with context.store.reading() as connection:
            return await _resolve(context, connection, reference)
    package = await fetch_package(context, feed, reference.package_id, reference.version, spool)
    return replace(
        package, reference=reference.name, extract=reference.extract, is_staged_only=reference.is_staged_only
    )


async def _resolve(
    context: OperationContext, connection: AsyncConnection, reference: PackageReference
) -> PackageToDeliver:
    if reference.version:
        key = _version_key(reference)
        package = await store.find_version(connection, context.space_id, reference.package_id, key)
    else:
        package = await store.find_latest(connection, context.space_id, reference.package_id)
    if package is None:
        raise Invalid(
            f"The built-in feed of this space has no package {reference.package_id} {reference.version}".rstrip()
            + ". Push it first, or name another version."
        )
    others = await store.list_other_versions(connection, package, MOST_BASES)
    return replace(
        as_package_to_deliver(package, [as_package_to_deliver(other) for other in others]),
        reference=reference.name,
        extract=reference.extract,
        is_staged_only=reference.is_staged_only,
    )


def _version_key(reference: PackageReference) -> str:
    try:
        return parse_version(reference.version).sort_key
    except ValueError as error:
        raise Invalid(f"Package reference {reference.package_id}: {error}") from error


def _range(text: str) -> VersionRange | None:
    try:
        return parse_range(text) if text else None
    except ValueError as error:
        raise Invalid(str(error)) from error


def _tag(pattern: str) -> re.Pattern[str] | None:
    """The user's expression for pre-release tags; kept so small that it cannot run long."""
    if not pattern:
        return None
    if len(pattern) > 100 or len(re.findall(r"[*+?{]", pattern)) > 3 or re.search(r"\)[*+?{]", pattern):
        raise Invalid(f"The pre-release tag expression '{pattern[:100]}' is too complicated. Use a simpler one.")
    try:
        return re.compile(pattern)
    except re.error as error:
        raise Invalid(f"The pre-release tag '{pattern}' is not a regular expression: {error}.") from error


def _passes(text: str, wanted: VersionFilter, version_range: VersionRange | None, tag: re.Pattern[str] | None) -> bool:
    version = find_version(text)
    if version is None:  # of a feed that has other versions than ours
        return wanted.text.lower() in text.lower() and version_range is None and tag is None
    return (
        wanted.text.lower() in text.lower()
        and (wanted.include_pre_release or not version.is_pre_release)
        and (version_range is None or version in version_range)
        and (tag is None or tag.search(".".join(version.labels)) is not None)
    )
