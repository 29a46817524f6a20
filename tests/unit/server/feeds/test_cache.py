"""What a cached feed asks, and what it remembers."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from octavo.server.feeds import CachedFeed, FeedPackage, FeedUnavailable, FeedVersion


class TurnedClock:
    """Stands until it is turned."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def turn(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class CountedFeed:
    """Answers each question with its number; waits at a gate when there is one."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.failures = 0
        self.gate: asyncio.Event | None = None
        self.is_closed = False

    async def search(self, term: str, skip: int, take: int) -> Sequence[FeedPackage]:
        self.asked.append(f"{term} {skip} {take}")
        return [FeedPackage(term, str(len(self.asked)))]

    async def list_versions(self, package_id: str) -> Sequence[FeedVersion]:
        self.asked.append(package_id)
        if self.gate is not None:
            await self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise FeedUnavailable("not now")
        return [FeedVersion(package_id, str(len(self.asked)), ".zip")]

    async def download(self, package_id: str, version: str) -> AsyncIterator[bytes]:
        self.asked.append(f"{package_id} {version}")
        yield b"bytes"

    async def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def counted() -> CountedFeed:
    return CountedFeed()


async def test_the_same_question_is_asked_once_until_its_answer_is_old(
    clock: TurnedClock, counted: CountedFeed
) -> None:
    feed = CachedFeed(counted, clock, seconds=180)

    first = await feed.list_versions("A")
    clock.turn(179)
    second = await feed.list_versions("A")
    clock.turn(1)
    third = await feed.list_versions("A")

    assert first == second != third
    assert counted.asked == ["A", "A"]


async def test_other_questions_have_other_answers(clock: TurnedClock, counted: CountedFeed) -> None:
    feed = CachedFeed(counted, clock)

    for _ in range(2):
        await feed.search("A", 0, 10)
        await feed.search("A", 10, 10)
        await feed.list_versions("A")

    assert counted.asked == ["A 0 10", "A 10 10", "A"]


async def test_those_who_ask_the_same_at_once_share_one_answer(clock: TurnedClock, counted: CountedFeed) -> None:
    feed, counted.gate = CachedFeed(counted, clock), asyncio.Event()

    async with asyncio.TaskGroup() as group:
        people = [group.create_task(feed.list_versions("A")) for _ in range(5)]
        other = group.create_task(feed.list_versions("B"))
        await asyncio.sleep(0)
        counted.gate.set()

    assert len({tuple(each.result()) for each in people}) == 1
    assert other.result()[0].package_id == "B"
    assert sorted(counted.asked) == ["A", "B"]


async def test_one_who_gives_up_leaves_the_question_to_the_next(clock: TurnedClock, counted: CountedFeed) -> None:
    feed, counted.gate = CachedFeed(counted, clock), asyncio.Event()
    first, second = (asyncio.ensure_future(feed.list_versions("A")) for _ in range(2))
    await asyncio.sleep(0)

    first.cancel()
    counted.gate.set()

    assert (await second)[0].package_id == "A"
    assert first.cancelled() or first.cancelling()


async def test_a_failure_is_not_kept(clock: TurnedClock, counted: CountedFeed) -> None:
    feed, counted.failures = CachedFeed(counted, clock), 1

    with pytest.raises(FeedUnavailable):
        await feed.list_versions("A")

    assert await feed.list_versions("A")


async def test_the_answers_that_were_not_wanted_for_longest_are_forgotten(
    clock: TurnedClock, counted: CountedFeed
) -> None:
    feed = CachedFeed(counted, clock, most=2)

    for package_id in ("A", "B", "A", "C", "A", "B"):
        await feed.list_versions(package_id)

    assert counted.asked == ["A", "B", "C", "B"]


async def test_downloads_pass_through_and_closing_closes(clock: TurnedClock, counted: CountedFeed) -> None:
    feed = CachedFeed(counted, clock)

    assert [chunk async for chunk in feed.download("A", "1")] == [b"bytes"]
    await feed.close()

    assert counted.is_closed
