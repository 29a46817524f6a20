"""Feeds: where packages come from: each space's own, and those elsewhere."""

from typing import ClassVar, Literal

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.server.domain.permissions import Permission
from octavo.server.feeds.feed import FeedSettings
from octavo.server.feeds.opening import open_feed
from octavo.server.operations.context import OperationContext, require_everywhere
from octavo.server.operations.documents import Document, Json, SensitiveValue
from octavo.server.operations.external_feeds import BUILT_IN, SECRETS
from octavo.server.operations.resource_kinds import Change, ResourceKind, Rights
from octavo.server.store import schema
from octavo.server.store.fetched_packages import forget_feed
from octavo.server.store.resources import Query, count_documents

FeedType = Literal["BuiltIn", "NuGet", "Maven", "Npm", "GitHub", "S3", "Folder"]


class Feed(Document):
    """API: resources, section 14."""

    noun: ClassVar[str] = "feed"

    name: str
    slug: str = ""
    feed_type: FeedType = "BuiltIn"
    package_acquisition_location_options: list[str] = ["Server", "ExecutionTarget"]
    feed_uri: str | None = None  # for S3 the bucket, for Folder an absolute path on the server
    username: str | None = None
    password: SensitiveValue = SensitiveValue()
    region: str | None = None
    endpoint: str | None = None
    access_key: str | None = None
    secret_key: SensitiveValue = SensitiveValue()
    download_attempts: int = Field(default=5, ge=1, le=20)
    download_retry_backoff_seconds: int = Field(default=10, ge=0, le=300)
    is_built_in_repo_sync_enabled: bool = False
    delete_unreleased_packages_after_days: int | None = None
    delete_packages_associated_with_releases: bool = False


async def _before_save(change: Change) -> None:
    feed_type = change.new["FeedType"]
    if change.old and feed_type != change.old["FeedType"]:
        raise Invalid(f"A feed keeps its type. Add another feed of the type {feed_type}.")
    if feed_type == BUILT_IN:
        if change.is_new and await _has_built_in(change.connection, change.space_id):
            raise Invalid("Each space has exactly one built-in feed, and this space has it. Choose another FeedType.")
        return
    if feed_type == "Folder":
        require_everywhere(change.context, Permission.ADMINISTER_SYSTEM)  # it reads this machine's own files
    await open_feed(
        FeedSettings(feed_type, str(change.new.get("FeedUri") or ""))
    ).close()  # refuses what cannot be right


async def _has_built_in(connection: AsyncConnection, space_id: str) -> bool:
    feed_type = schema.feeds.c.doc["FeedType"].as_string()
    return bool(await count_documents(connection, schema.feeds, Query(space_id, conditions=(feed_type == BUILT_IN,))))


async def _before_delete(context: OperationContext, connection: AsyncConnection, feed: Json) -> None:
    if feed["FeedType"] == BUILT_IN:
        raise Invalid(f"{feed['Name']} is the built-in feed of its space and cannot be deleted.")
    for package in await forget_feed(connection, feed["Id"]):
        await context.blobs.delete(package.blob_name)


FEEDS = ResourceKind(
    item_type="Feed",
    path="feeds",
    id_prefix="Feeds",
    model=Feed,
    table=schema.feeds,
    rights=Rights(Permission.FEED_VIEW, Permission.FEED_EDIT, Permission.FEED_EDIT, Permission.FEED_EDIT),
    links={
        "Self": "{self}",
        "SearchPackageVersionsTemplate": "{self}/packages/versions{?packageId,take,skip,includePreRelease,"
        "versionRange,preReleaseTag,filter,includeReleaseNotes,versioningStrategy,versionTagRegex}",
        "SearchPackagesTemplate": "{self}/packages/search{?term,take,skip}",
    },
    list_parameters="skip,take,ids,partialName,feedType,name",
    filters={"feedtype": lambda values: schema.feeds.c.doc["FeedType"].as_string().in_(values)},
    secrets=SECRETS,
    before_save=_before_save,
    before_delete=_before_delete,
)
