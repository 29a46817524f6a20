"""From settings to a feed: the one table of what types there are."""

from collections.abc import Callable, Mapping

from octavo.base.errors import Invalid
from octavo.server.feeds.feed import FeedSettings, PackageFeed
from octavo.server.feeds.folder import FolderFeed
from octavo.server.feeds.github import GitHubFeed
from octavo.server.feeds.http import FeedHttp
from octavo.server.feeds.maven import MavenFeed
from octavo.server.feeds.npm import NpmFeed
from octavo.server.feeds.nuget import NuGetFeed
from octavo.server.feeds.s3 import S3Feed

_OPENERS: Mapping[str, Callable[[FeedSettings], PackageFeed]] = {
    "Folder": FolderFeed,
    "GitHub": lambda settings: GitHubFeed(FeedHttp(settings)),
    "Maven": lambda settings: MavenFeed(FeedHttp(settings)),
    "Npm": lambda settings: NpmFeed(FeedHttp(settings)),
    "NuGet": lambda settings: NuGetFeed(FeedHttp(settings)),
    "S3": S3Feed,
}

#: What a feed can be, spelled as the API does.
FEED_TYPES = tuple(_OPENERS)


def open_feed(settings: FeedSettings) -> PackageFeed:
    """A client of the feed; nothing is called yet. Whoever opens it closes it.

    Raises:
        Invalid: there is no such type of feed, or its settings cannot be right.
    """
    if settings.feed_type not in _OPENERS:
        raise Invalid(f"There is no type of feed '{settings.feed_type}'. There are: {', '.join(FEED_TYPES)}.")
    return _OPENERS[settings.feed_type](settings)
