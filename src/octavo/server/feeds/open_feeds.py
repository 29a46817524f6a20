"""The clients of this node: one a feed, opened when it is first asked, closed when its settings change."""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from octavo.base.clock import Clock
from octavo.server.feeds.cache import CachedFeed
from octavo.server.feeds.feed import FeedSettings
from octavo.server.feeds.opening import open_feed

MOST_OPEN = 50


class OpenFeeds:
    """Hands out clients, which remember answers for a few minutes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: OrderedDict[str, tuple[FeedSettings, CachedFeed]] = OrderedDict()
        self._fetching: defaultdict[tuple[str, str, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def get(self, feed_id: str, settings: FeedSettings) -> CachedFeed:
        """The client of a feed with these settings.

        Raises:
            Invalid: the settings cannot be right.
        """
        known = self._open.pop(feed_id, None)
        if known is not None and known[0] != settings:
            await known[1].close()
            known = None
        client = known[1] if known is not None else CachedFeed(open_feed(settings), self._clock)
        self._open[feed_id] = (settings, client)
        while len(self._open) > MOST_OPEN:
            _, (_, oldest) = self._open.popitem(last=False)
            await oldest.close()
        return client

    @asynccontextmanager
    async def alone(self, feed_id: str, package_id: str, version: str) -> AsyncIterator[None]:
        """Of those who want to fetch the same package, one at a time."""
        key = (feed_id, package_id.casefold(), version)
        lock = self._fetching[key]
        try:
            async with lock:
                yield
        finally:
            if not lock.locked():
                self._fetching.pop(key, None)

    async def close(self) -> None:
        """Close every client."""
        while self._open:
            await self._open.popitem()[1][1].close()
