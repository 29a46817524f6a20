"""External package feeds: finding, listing and downloading what others publish."""

from octavo.server.feeds.cache import CachedFeed
from octavo.server.feeds.feed import (
    CHUNK_BYTES,
    FeedPackage,
    FeedRefused,
    FeedSettings,
    FeedUnavailable,
    FeedVersion,
    PackageFeed,
)
from octavo.server.feeds.opening import FEED_TYPES, open_feed

__all__ = [
    "CHUNK_BYTES",
    "FEED_TYPES",
    "CachedFeed",
    "FeedPackage",
    "FeedRefused",
    "FeedSettings",
    "FeedUnavailable",
    "FeedVersion",
    "PackageFeed",
    "open_feed",
]
