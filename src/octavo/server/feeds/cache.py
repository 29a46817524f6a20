"""A feed whose answers are kept for a few minutes: pages of the portal ask the same again and again."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar, cast

from octavo.base.clock import Clock
from octavo.server.feeds.feed import FeedPackage, FeedVersion, PackageFeed

T = TypeVar("T")
_Key = tuple[str | int, ...]


@dataclass(slots=True)
class _Asking:
    """Those who want one answer now; one of them asks."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    people: int = 0


class CachedFeed:
    """A feed with memory. Failures are not kept; downloads pass through.

    Of those who want the same at once one asks the feed and the others get its answer.
    """

    def __init__(self, feed: PackageFeed, clock: Clock, seconds: float = 180, most: int = 500) -> None:
        self._feed = feed
        self._clock = clock
        self._life = timedelta(seconds=seconds)
        self._most = most
        self._kept: OrderedDict[_Key, tuple[datetime, object]] = OrderedDict()
        self._asking: dict[_Key, _Asking] = {}

    async def search(self, term: str, skip: int, take: int) -> Sequence[FeedPackage]:
        """As the feed's, or as it was a short while ago."""
        return await self._answer(("search", term, skip, take), lambda: self._feed.search(term, skip, take))

    async def list_versions(self, package_id: str) -> Sequence[FeedVersion]:
        """As the feed's, or as it was a short while ago."""
        return await self._answer(("versions", package_id), lambda: self._feed.list_versions(package_id))

    def download(self, package_id: str, version: str) -> AsyncIterator[bytes]:
        """The feed's own."""
        return self._feed.download(package_id, version)

    async def close(self) -> None:
        """Forget everything and close the feed."""
        self._kept.clear()
        await self._feed.close()

    async def _answer(self, key: _Key, ask: Callable[[], Awaitable[Sequence[T]]]) -> Sequence[T]:
        async with self._alone(key):
            moment, kept = self._kept.get(key, (None, None))
            if moment is not None and self._clock.now() < moment + self._life:
                self._kept.move_to_end(key)
                return cast("Sequence[T]", kept)
            found = tuple(await ask())
            self._kept[key] = (self._clock.now(), found)
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return found

    @asynccontextmanager
    async def _alone(self, key: _Key) -> AsyncIterator[None]:
        asking = self._asking.setdefault(key, _Asking())
        asking.people += 1
        try:
            async with asking.lock:
                yield
        finally:
            asking.people -= 1
            if not asking.people:
                del self._asking[key]
