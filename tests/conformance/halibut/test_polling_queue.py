"""What every `PollingQueue` must do. A new implementation joins by a line in `QUEUES`. Source: halibut.md §9.2."""

import asyncio
from collections.abc import Callable

import pytest

from octavo.halibut import MemoryQueue, NotDelivered, Parcel, PollingQueue, ResponseLost
from octavo.halibut.core.messages import Request, Response

QUEUES: dict[str, Callable[[], PollingQueue]] = {"memory": MemoryQueue}
ID = "poll://agent-1/"
LONG = 20.0


@pytest.fixture(params=list(QUEUES))
def queue(request: pytest.FixtureRequest) -> PollingQueue:
    """One of the implementations, empty."""
    return QUEUES[request.param]()


def a_request(number: int) -> Parcel:
    return Parcel(Request(str(number), "IEcho", "Say", (number,)))


def an_answer(number: int) -> Parcel:
    return Parcel(Response(str(number), number))


async def submit(queue: PollingQueue, number: int, collect_seconds: float = LONG) -> "asyncio.Task[Parcel]":
    """A caller's task that has reached the queue."""
    task = asyncio.create_task(queue.submit(ID, a_request(number), collect_seconds))
    await asyncio.sleep(0)
    return task


async def test_requests_are_collected_oldest_first(queue: PollingQueue) -> None:
    """halibut 38: also those that were queued before anybody polled."""
    callers = [await submit(queue, number) for number in range(3)]

    for number in range(3):
        call = await queue.collect(ID, LONG)
        assert call is not None
        assert call.parcel == a_request(number)
        call.settle(an_answer(number))

    assert await asyncio.gather(*callers) == [an_answer(number) for number in range(3)]


async def test_a_waiting_collector_gets_what_comes(queue: PollingQueue) -> None:
    collector = asyncio.create_task(queue.collect(ID, LONG))
    await asyncio.sleep(0)

    caller = await submit(queue, 1)

    call = await collector
    assert call is not None
    call.settle(an_answer(1))
    assert await caller == an_answer(1)


async def test_a_collector_that_waits_in_vain_gets_nothing(queue: PollingQueue) -> None:
    assert await queue.collect(ID, 0.01) is None


async def test_the_queues_of_two_subscriptions_are_apart(queue: PollingQueue) -> None:
    caller = await submit(queue, 1)

    assert await queue.collect("poll://agent-2/", 0.01) is None
    caller.cancel()


async def test_an_uncollected_request_is_given_up_and_withdrawn(queue: PollingQueue) -> None:
    """halibut 38: state Connecting, so it is safe to try again."""
    with pytest.raises(NotDelivered, match="did not collect the request"):
        await queue.submit(ID, a_request(1), 0.01)

    assert await queue.collect(ID, 0.01) is None


async def test_a_collected_request_may_take_as_long_as_it_likes(queue: PollingQueue) -> None:
    caller = await submit(queue, 1, collect_seconds=0.05)
    call = await queue.collect(ID, LONG)
    assert call is not None

    assert await queue.collect(ID, 0.1) is None  # longer than the caller would have waited

    call.settle(an_answer(1))
    assert await caller == an_answer(1)


async def test_a_cancelled_request_is_withdrawn(queue: PollingQueue) -> None:
    """halibut 39."""
    caller = await submit(queue, 1)
    caller.cancel()
    await asyncio.wait([caller])

    assert await queue.collect(ID, 0.01) is None


@pytest.mark.parametrize("is_late", [False, True])
async def test_cancelling_a_collected_request_tells_its_collector(queue: PollingQueue, is_late: bool) -> None:
    """halibut 39."""
    caller = await submit(queue, 1)
    call = await queue.collect(ID, LONG)
    assert call is not None
    abandoned = asyncio.Event()
    if not is_late:
        call.when_abandoned(abandoned.set)

    caller.cancel()
    await asyncio.wait([caller])
    if is_late:
        call.when_abandoned(abandoned.set)

    async with asyncio.timeout(LONG):
        await abandoned.wait()
    call.settle(an_answer(1))


async def test_a_failure_reaches_the_caller_and_is_not_queued_again(queue: PollingQueue) -> None:
    """halibut 40."""
    caller = await submit(queue, 1)
    call = await queue.collect(ID, LONG)
    assert call is not None

    call.settle(ResponseLost("the connection broke"))

    with pytest.raises(ResponseLost):
        await caller
    assert await queue.collect(ID, 0.01) is None


async def test_a_call_that_is_given_back_goes_to_the_next_collector(queue: PollingQueue) -> None:
    """Its connection had gone before anything was sent. The caller's patience is as it was."""
    first = await submit(queue, 1)
    call = await queue.collect(ID, LONG)
    assert call is not None

    call.give_back()

    call = await queue.collect(ID, LONG)
    assert call is not None
    assert call.parcel == a_request(1)
    call.settle(an_answer(1))
    assert await first == an_answer(1)
    second = await submit(queue, 2, collect_seconds=0.05)
    call = await queue.collect(ID, LONG)
    assert call is not None
    call.give_back()
    with pytest.raises(NotDelivered):
        await second


async def test_a_cancelled_collector_takes_nothing(queue: PollingQueue) -> None:
    collector = asyncio.create_task(queue.collect(ID, LONG))
    await asyncio.sleep(0)
    caller = asyncio.create_task(queue.submit(ID, a_request(1), LONG))
    await asyncio.sleep(0)  # the request has been handed to the collector, which has not run yet
    collector.cancel()
    await asyncio.wait([collector])

    call = collector.result() if not collector.cancelled() else await queue.collect(ID, LONG)
    assert call is not None
    call.settle(an_answer(1))
    assert await caller == an_answer(1)


async def test_many_collectors_share_one_queue(queue: PollingQueue) -> None:
    collectors = [asyncio.create_task(queue.collect(ID, LONG)) for _ in range(5)]
    await asyncio.sleep(0)

    callers = [await submit(queue, number) for number in range(5)]

    calls = [call for call in await asyncio.gather(*collectors) if call is not None]
    assert sorted(call.parcel.message.id for call in calls if isinstance(call.parcel.message, Request)) == [
        "0", "1", "2", "3", "4",
    ]  # fmt: skip
    for call in calls:
        assert isinstance(call.parcel.message, Request)
        call.settle(an_answer(int(call.parcel.message.id)))
    await asyncio.gather(*callers)
