"""Packages of external feeds: found there, and fetched by the server, so that credentials never leave it.

What was fetched once is kept under its digest and reaches workers like any package: by range, from their cache, by
delta. Nobody's transaction waits for a feed: who needs its versions says so by `VersionsNeeded`, and begins anew.
Source: resources.md §14; docs/decisions/0086-external-feeds.md.
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from octavo.base.errors import Invalid, NotFound
from octavo.base.sensitive import Sensitive
from octavo.server.domain.vault import place
from octavo.server.feeds.cache import CachedFeed
from octavo.server.feeds.feed import FeedSettings, FeedVersion
from octavo.server.operations.context import OperationContext
from octavo.server.packages.delivery import PackageToDeliver, as_package_to_deliver
from octavo.server.packages.reception import receive
from octavo.server.store import schema
from octavo.server.store.fetched_packages import (
    FetchedPackage,
    find_fetched,
    forget_unused,
    insert_fetched,
    list_fetched,
    note_use,
)
from octavo.server.store.resources import Document, find_document

UNUSED_DAYS = 30
MOST_BASES = 8
BUILT_IN = "BuiltIn"
SECRETS = ("Password", "SecretKey")

T = TypeVar("T")
#: The versions, newest first, of packages of external feeds: by the feed's id and the package's id in small letters.
VersionsOfFeeds = Mapping[tuple[str, str], Sequence[str]]


class VersionsNeeded(Exception):
    """The versions of a package must be known before this can go on."""

    def __init__(self, feed_id: str, package_id: str) -> None:
        super().__init__(f"The versions of {package_id} in {feed_id} are not known yet.")
        self.feed_id = feed_id
        self.package_id = package_id


async def with_versions(context: OperationContext, work: Callable[[VersionsOfFeeds], Awaitable[T]]) -> T:
    """Do the work, which is begun anew whenever it turns out which versions it needs.

    Raises:
        FeedUnavailable, FeedRefused, Invalid: a feed does not say its versions; and whatever the work raises.
    """
    known: dict[tuple[str, str], Sequence[str]] = {}
    while True:
        try:
            return await work(known)
        except VersionsNeeded as needed:
            if (needed.feed_id, needed.package_id.casefold()) in known:
                raise RuntimeError(f"{needed} They were handed over, and not looked at.") from needed
            found = await list_feed_versions(context, needed.feed_id, needed.package_id)
            known[needed.feed_id, needed.package_id.casefold()] = [each.version for each in found]


def is_external(feed: Document | None) -> bool:
    """Whether its packages are elsewhere."""
    return feed is not None and feed.doc.get("FeedType", BUILT_IN) != BUILT_IN


async def find_external_feed(context: OperationContext, feed_id: str) -> Document | None:
    """The feed, if it is an external one of this space."""
    async with context.store.reading() as connection:
        feed = await find_document(connection, schema.feeds, feed_id, context.space_id) if feed_id else None
    return feed if is_external(feed) else None


async def client_of(context: OperationContext, feed: Document) -> CachedFeed:
    """The client of an external feed."""
    return await context.parts.feeds.get(feed.id, _settings(context, feed))


async def list_feed_versions(context: OperationContext, feed_id: str, package_id: str) -> Sequence[FeedVersion]:
    """The versions of a package, newest first; none when the feed does not have it."""
    feed = await find_external_feed(context, feed_id)
    if feed is None:
        raise NotFound(f"The feed {feed_id} is not in this space. Was it deleted?")
    try:
        return await (await client_of(context, feed)).list_versions(package_id)
    except NotFound:
        return ()


async def newest_version(context: OperationContext, feed: Document, package_id: str) -> str:
    """The newest version of a package.

    Raises:
        Invalid: the feed has none.
        FeedUnavailable, FeedRefused: it does not say.
    """
    versions = await list_feed_versions(context, feed.id, package_id)
    if not versions:
        raise Invalid(f"The feed {feed.name} has no package {package_id}. Publish it there, or name another one.")
    return versions[0].version


async def fetch_package(
    context: OperationContext, feed: Document, package_id: str, version: str, spool: Path
) -> PackageToDeliver:
    """A package of an external feed, ready for workers; it is fetched unless it is here. "" is the newest version.

    Raises:
        FeedUnavailable, FeedRefused, NotFound: it cannot be had.
    """
    version = version or await newest_version(context, feed, package_id)
    async with context.parts.feeds.alone(feed.id, package_id, version):
        async with context.store.reading() as connection:
            found = await find_fetched(connection, feed.id, package_id, version)
        if found is None:
            found = await _fetch(context, feed, package_id, version, spool)
    async with context.store.writing() as connection:
        await note_use(connection, found, context.clock.now())
        others = await list_fetched(connection, feed.id, package_id)
    bases = [as_package_to_deliver(each) for each in others if each.sha256 != found.sha256][:MOST_BASES]
    return as_package_to_deliver(found, bases)


async def _fetch(
    context: OperationContext, feed: Document, package_id: str, version: str, spool: Path
) -> FetchedPackage:
    client = await client_of(context, feed)
    known = next((each for each in await client.list_versions(package_id) if each.version == version), None)
    async with receive(client.download(package_id, version), spool) as received:
        package = FetchedPackage(
            space_id=context.space_id,
            feed_id=feed.id,
            package_id=package_id,
            version=version,
            extension=known.extension if known is not None else ".zip",
            size_bytes=received.size_bytes,
            sha1=received.sha1,
            sha256=received.sha256,
            blob_name=f"packages/{received.sha256}-{secrets.token_hex(8)}",
            used_at=context.clock.now(),
        )
        await context.blobs.put_file(package.blob_name, received.path)
    async with context.store.writing() as connection:
        is_mine = await insert_fetched(connection, package)
        stale = await forget_unused(connection, context.clock.now() - timedelta(days=UNUSED_DAYS))
        stored = package if is_mine else await find_fetched(connection, feed.id, package_id, version)
    for name in [each.blob_name for each in stale] + ([] if is_mine else [package.blob_name]):
        await context.blobs.delete(name)
    return stored or package


def _settings(context: OperationContext, feed: Document) -> FeedSettings:
    doc = feed.doc
    opened: dict[str, Sensitive] = {
        member: context.vault.open(str(doc[member]), place(schema.feeds.name, feed.id, member))
        for member in SECRETS
        if doc.get(member)
    }
    options = {"region": doc.get("Region"), "endpoint": doc.get("Endpoint"), "access_key_id": doc.get("AccessKey")}
    return FeedSettings(
        feed_type=str(doc["FeedType"]),
        uri=str(doc.get("FeedUri") or ""),
        username=str(doc.get("Username") or ""),
        password=opened.get("SecretKey") or opened.get("Password"),
        attempts=int(doc.get("DownloadAttempts") or 1),
        backoff_seconds=float(doc.get("DownloadRetryBackoffSeconds") or 0),
        options={name: str(value) for name, value in options.items() if value},
    )
