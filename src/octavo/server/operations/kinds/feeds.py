"""Feeds: where packages come from. Today each space has its built-in feed and no other."""

from typing import ClassVar, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.server.domain.permissions import Permission
from octavo.server.operations.context import OperationContext
from octavo.server.operations.documents import Document, Json
from octavo.server.operations.resource_kinds import Change, ResourceKind, Rights
from octavo.server.store import schema
from octavo.server.store.resources import Query, count_documents

BUILT_IN = "BuiltIn"


class Feed(Document):
    """API: resources, section 14."""

    noun: ClassVar[str] = "feed"

    name: str
    slug: str = ""
    feed_type: Literal["BuiltIn"] = "BuiltIn"
    package_acquisition_location_options: list[str] = ["Server", "ExecutionTarget"]
    is_built_in_repo_sync_enabled: bool = False
    delete_unreleased_packages_after_days: int | None = None
    delete_packages_associated_with_releases: bool = False


async def _before_save(change: Change) -> None:
    if change.is_new and await count_documents(change.connection, schema.feeds, Query(change.space_id)):
        raise Invalid("Each space has exactly one built-in feed, and this space has it. External feeds come later.")


async def _before_delete(_: OperationContext, __: AsyncConnection, feed: Json) -> None:
    raise Invalid(f"{feed['Name']} is the built-in feed of its space and cannot be deleted.")


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
    before_save=_before_save,
    before_delete=_before_delete,
)
