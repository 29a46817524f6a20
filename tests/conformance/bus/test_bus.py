"""The bus's seam over both implementations: in process, and a real NATS server with a connection a node."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from octavo.server.bus import Bus, MemoryBus, NobodyAnswers
from octavo.server.bus.nats_bus import NatsBus

SECONDS = 10.0  # bounds a wait that should take milliseconds


@pytest.fixture(params=["memory", "nats"])
async def nodes(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Bus, Bus]]:
    """The bus as two nodes of the server see it; in process both are one."""
    if request.param == "memory":
        only = MemoryBus()
        yield only, only
        await only.close()
        return
    url = request.getfixturevalue("nats").url
    one, other = await NatsBus.open(url), await NatsBus.open(url)
    yield one, other
    await one.close()
    await other.close()


async def first(messages: AsyncIterator[bytes]) -> bytes:
    async with asyncio.timeout(SECONDS):
        return await anext(messages)


async def upper(payload: bytes) -> bytes:
    return payload.upper()


async def test_a_message_reaches_every_subscriber_in_order(nodes: tuple[Bus, Bus]) -> None:
    one, other = nodes

    async with one.subscribe("task.ServerTasks-1") as here, other.subscribe("task.ServerTasks-1") as there:
        for number in range(3):
            await one.publish("task.ServerTasks-1", str(number).encode())

        assert [await first(here) for _ in range(3)] == [b"0", b"1", b"2"]
        assert [await first(there) for _ in range(3)] == [b"0", b"1", b"2"]


async def test_a_subscriber_hears_only_its_subject(nodes: tuple[Bus, Bus]) -> None:
    one, other = nodes

    async with other.subscribe("cancel.ServerTasks-1") as messages:
        await one.publish("cancel.ServerTasks-2", b"not for us")
        await one.publish("cancel.ServerTasks-1", b"for us")

        assert await first(messages) == b"for us"


async def test_a_star_stands_for_one_word(nodes: tuple[Bus, Bus]) -> None:
    one, other = nodes

    async with other.subscribe("task.*") as messages:
        await one.publish("task.a.b", b"two words")
        await one.publish("tasks", b"another word")
        await one.publish("task.a", b"one word")

        assert await first(messages) == b"one word"


async def test_publishing_to_nobody_is_no_error(nodes: tuple[Bus, Bus]) -> None:
    one, _ = nodes

    await one.publish("tasks")


async def test_a_subscription_ends_with_its_block(nodes: tuple[Bus, Bus]) -> None:
    one, _ = nodes
    async with one.subscribe("tasks") as messages:
        await one.publish("tasks", b"before")
        assert await first(messages) == b"before"

    assert [message async for message in messages] == []


async def test_a_request_is_answered_by_another_node(nodes: tuple[Bus, Bus]) -> None:
    one, other = nodes

    async with other.answer("agent.A", upper):
        assert await one.request("agent.A", b"hello", SECONDS) == b"HELLO"


async def test_requests_at_once_do_not_wait_for_each_other(nodes: tuple[Bus, Bus]) -> None:
    one, other = nodes
    everybody_is_here = asyncio.Barrier(5)

    async def meet(payload: bytes) -> bytes:
        await everybody_is_here.wait()
        return payload

    async with other.answer("agent.A", meet):
        answers = await asyncio.gather(*(one.request("agent.A", bytes([number]), SECONDS) for number in range(5)))

    assert answers == [bytes([number]) for number in range(5)]


async def test_of_two_that_answer_one_gets_each_request(nodes: tuple[Bus, Bus]) -> None:
    one, other = nodes
    asked: list[bytes] = []

    async def note(payload: bytes) -> bytes:
        asked.append(payload)
        return payload

    async with one.answer("agent.A", note), other.answer("agent.A", note):
        for number in range(20):
            await one.request("agent.A", bytes([number]), SECONDS)

    assert sorted(asked) == [bytes([number]) for number in range(20)]


async def test_a_request_that_nobody_answers_fails_at_once(nodes: tuple[Bus, Bus]) -> None:
    one, other = nodes
    async with other.answer("agent.A", upper):
        pass

    async with asyncio.timeout(SECONDS):
        with pytest.raises(NobodyAnswers):
            await one.request("agent.A", b"", timeout_seconds=600)


async def test_an_answer_that_is_too_late_is_none(nodes: tuple[Bus, Bus]) -> None:
    one, other = nodes

    async def never(_: bytes) -> bytes:
        await asyncio.Event().wait()
        return b""

    async with other.answer("agent.A", never):
        with pytest.raises(NobodyAnswers):
            await one.request("agent.A", b"", timeout_seconds=0.05)


async def test_a_handler_that_fails_leaves_the_others_working(nodes: tuple[Bus, Bus]) -> None:
    one, other = nodes

    async def picky(payload: bytes) -> bytes:
        if payload == b"bad":
            raise LookupError(payload)
        return payload

    async with other.answer("agent.A", picky):
        with pytest.raises(NobodyAnswers):
            await one.request("agent.A", b"bad", timeout_seconds=0.2)
        assert await one.request("agent.A", b"good", SECONDS) == b"good"


async def test_a_reader_far_behind_loses_the_oldest_and_hurts_nobody(nodes: tuple[Bus, Bus]) -> None:
    one, _ = nodes

    async with one.subscribe("flood") as slow, one.subscribe("end") as end:
        for number in range(3_000):
            await one.publish("flood", str(number).encode())
        await one.publish("end")
        await first(end)

        assert int(await first(slow)) >= 3_000 - 1_024


async def test_half_a_mebibyte_passes(nodes: tuple[Bus, Bus]) -> None:
    one, other = nodes

    async with other.answer("agent.A", upper):
        assert await one.request("agent.A", b"a" * 524_288, SECONDS) == b"A" * 524_288


async def test_closing_the_bus_ends_the_readers(nodes: tuple[Bus, Bus]) -> None:
    one, _ = nodes

    async with one.subscribe("tasks") as messages:
        await one.close()

        async with asyncio.timeout(SECONDS):
            assert [message async for message in messages] == []
