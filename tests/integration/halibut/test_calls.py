"""Calls in both modes between two of our runtimes: results, errors, data streams, concurrency, cancellation."""

import asyncio
import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from fakes.halibut_peers import ECHO, Note, Pair, Ticket, listening_pair, polling_pair, sha256_of
from octavo.halibut import (
    Contract,
    DataStream,
    Limits,
    Long,
    NotDelivered,
    ResponseLost,
    ServiceFailed,
    ServiceNotFound,
    UntrustedPeer,
)
from octavo.halibut.endpoints import Endpoint

Mode = Callable[..., AbstractAsyncContextManager[Pair]]
MODES = pytest.mark.parametrize("mode", [listening_pair, polling_pair])
MEGABYTE = 1_000_000
LONG = 20.0


@MODES
async def test_a_call_brings_its_result(mode: Mode, tmp_path: Path) -> None:
    note = Note("text", Ticket("T-1"), large=Long(2**40), tags=("a", "b"), names={"Bash": "echo"})

    async with mode(tmp_path) as pair:
        assert await pair.stub.say_hello("Alice") == "Hello Alice"
        assert await pair.stub.add(Long(2), Long(2**40)) == 2**40 + 2
        assert await pair.stub.echo(note) == note


@MODES
async def test_a_thousand_calls_use_one_connection(mode: Mode, tmp_path: Path) -> None:
    """halibut 25 and 29."""
    async with mode(tmp_path) as pair:
        for number in range(1000):
            await pair.stub.say_hello(str(number))

        assert pair.listener.connections == (1 if mode is listening_pair else 2)
        assert pair.echo.said == [str(number) for number in range(1000)]


@MODES
async def test_calls_run_at_the_same_time(mode: Mode, tmp_path: Path) -> None:
    """halibut 27 and 31: and a polling service opens connections while all are busy."""
    async with mode(tmp_path) as pair, asyncio.timeout(LONG):
        calls = [asyncio.create_task(pair.stub.wait(str(number))) for number in range(6)]
        names = {await pair.echo.started.get() for _ in calls}
        answer = await pair.stub.say_hello("Bob")
        pair.echo.gate.set()
        await asyncio.gather(*calls)

    assert names == {str(number) for number in range(6)}
    assert answer == "Hello Bob"


@MODES
async def test_a_failing_method_is_told_from_an_unknown_one(mode: Mode, tmp_path: Path) -> None:
    """halibut 32: the connection goes on."""
    async with mode(tmp_path) as pair:
        with pytest.raises(ServiceFailed, match="bad luck") as failed:
            await pair.stub.fail("bad luck")
        with pytest.raises(ServiceNotFound, match="Service not found: IUnknown") as unknown:
            await pair.caller.call(Contract("IUnknown", ECHO.protocol), pair.endpoint).say_hello("x")

        assert type(failed.value) is ServiceFailed
        assert failed.value.details.startswith(
            "System.Reflection.TargetInvocationException: Exception has been thrown by the target of an invocation.\n"
            " ---> builtins.ValueError: bad luck"
        )
        assert unknown.value.error_type == "Halibut.Exceptions.ServiceNotFoundHalibutClientException"
        assert unknown.value.details.startswith(f"{unknown.value.error_type}: ")
        assert await pair.stub.say_hello("x") == "Hello x"


@MODES
async def test_data_streams_travel_both_ways_and_leave_nothing_behind(mode: Mode, tmp_path: Path) -> None:
    """halibut 22: spooled before the method runs, deleted after it."""
    source = tmp_path / "source"
    source.write_bytes(os.urandom(3 * MEGABYTE + 17))

    async with mode(tmp_path) as pair:
        for stream in (DataStream.from_file(source), DataStream.from_bytes(source.read_bytes())):
            assert await pair.stub.measure(stream) == sha256_of(source)
        empty = await pair.stub.measure(DataStream.from_bytes(b""))
        received = await pair.stub.download(Long(2 * MEGABYTE))

        assert empty == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        assert isinstance(received.source, Path)
        assert received.source.read_bytes() == bytes(2 * MEGABYTE)
        assert not any(path.exists() for path in pair.echo.received)


@MODES
async def test_a_huge_stream_does_not_pass_through_memory(mode: Mode, tmp_path: Path) -> None:
    """halibut 22: 300 MB from a sparse file; the process grows by less than 64 MB, both ends being in it."""
    source = tmp_path / "huge"
    with source.open("wb") as file:
        file.truncate(300 * MEGABYTE)

    async with mode(tmp_path) as pair:
        await pair.stub.measure(DataStream.from_bytes(bytes(MEGABYTE)))
        reset_peak_memory()
        before = peak_memory_bytes()
        assert await pair.stub.measure(DataStream.from_file(source)) == await asyncio.to_thread(sha256_of, source)

        assert peak_memory_bytes() - before < 64 * MEGABYTE


@MODES
async def test_a_stream_whose_file_shrank_is_never_passed_off_as_whole(mode: Mode, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes(1000))
    stream = DataStream.from_file(source)
    source.write_bytes(bytes(10))

    async with mode(tmp_path) as pair:
        with pytest.raises(ResponseLost):
            await pair.stub.measure(stream)

        assert await pair.stub.say_hello("x") == "Hello x"


@MODES
async def test_a_stream_without_a_file_breaks_its_call_only(mode: Mode, tmp_path: Path) -> None:
    async with mode(tmp_path, Limits(reconnect_after_loss_seconds=0.05)) as pair, asyncio.timeout(LONG):
        with pytest.raises(ResponseLost):
            await pair.stub.download_missing()
        with pytest.raises(ResponseLost):
            await pair.stub.measure(DataStream(tmp_path / "missing", 5))

        assert await pair.stub.say_hello("x") == "Hello x"


async def test_a_server_that_cannot_be_dialled_is_refused_at_once(tmp_path: Path) -> None:
    async with polling_pair(tmp_path) as pair:
        nonsense = Endpoint("poll://x/", pair.endpoint.thumbprint)

        with pytest.raises(ValueError, match="cannot be dialled"):
            await pair.service.poll(nonsense, "poll://y/")


@MODES
async def test_a_call_that_takes_too_long_may_have_been_executed(mode: Mode, tmp_path: Path) -> None:
    async with mode(tmp_path) as pair:
        stub = pair.caller.call(ECHO, pair.endpoint, timeout_seconds=0.3)

        with pytest.raises(ResponseLost, match=r"did not answer within 0\.3 s"):
            await stub.wait("x")

        assert await pair.echo.started.get() == "x"


@MODES
async def test_a_response_that_does_not_begin_in_time_is_lost(mode: Mode, tmp_path: Path) -> None:
    """halibut 36: five minutes by default."""
    assert Limits().response_seconds == 300

    async with mode(tmp_path, Limits(response_seconds=0.2)) as pair:
        with pytest.raises(ResponseLost):
            await pair.stub.wait("x")


@MODES
async def test_cancelling_a_call_leaves_the_others_alone(mode: Mode, tmp_path: Path) -> None:
    """halibut 39: its connection is closed, only that one."""
    async with mode(tmp_path) as pair, asyncio.timeout(LONG):
        doomed = asyncio.create_task(pair.stub.wait("doomed"))
        assert await pair.echo.started.get() == "doomed"
        other = asyncio.create_task(pair.stub.wait("other"))
        assert await pair.echo.started.get() == "other"

        doomed.cancel()
        await asyncio.wait([doomed])

        assert doomed.cancelled()
        assert await pair.stub.say_hello("x") == "Hello x"
        pair.echo.gate.set()
        await other


async def test_another_certificate_is_not_talked_to(tmp_path: Path) -> None:
    """halibut 9: both thumbprints are named."""
    async with listening_pair(tmp_path) as pair:
        wrong = pair.caller.identity.thumbprint

        with pytest.raises(UntrustedPeer, match=f"{wrong}.*{pair.endpoint.thumbprint}"):
            await pair.caller.call(ECHO, Endpoint(pair.endpoint.uri, wrong)).say_hello("x")


async def test_a_polling_request_waits_for_its_service(tmp_path: Path) -> None:
    """halibut 38: what was queued before the service came is delivered then."""
    async with polling_pair(tmp_path) as pair:
        early = Endpoint("poll://AGENT-2", pair.service.identity.thumbprint)
        call = asyncio.create_task(pair.caller.call(ECHO, early).say_hello("early"))
        await pair.stub.say_hello("x")
        assert not call.done()

        pair.caller.trust.allow(pair.service.identity.thumbprint, "poll://agent-2/")
        server = Endpoint(f"https://127.0.0.1:{pair.listener.port}/", pair.caller.identity.thumbprint)
        poller = asyncio.create_task(pair.service.poll(server, "poll://Agent-2"))

        async with asyncio.timeout(LONG):
            assert await call == "Hello early"
        poller.cancel()
        await asyncio.wait([poller])


async def test_a_polling_request_that_nobody_collects_is_not_delivered(tmp_path: Path) -> None:
    """halibut 38."""
    async with polling_pair(tmp_path, Limits(collect_seconds=0.1)) as pair:
        nobody = Endpoint("poll://nobody/", pair.endpoint.thumbprint)

        with pytest.raises(NotDelivered, match="did not collect"):
            await pair.caller.call(ECHO, nobody).say_hello("x")
        with pytest.raises(NotDelivered):
            await pair.caller.call(ECHO, nobody, timeout_seconds=0.01).say_hello("x")


async def test_an_idle_polling_connection_is_kept_alive_by_null_messages(tmp_path: Path) -> None:
    """halibut 29, 30 and 37: silence is shorter than the service's patience."""
    assert Limits().queue_wait_seconds < Limits().next_message_seconds == 60
    limits = Limits(queue_wait_seconds=0.05, next_message_seconds=1)

    async with polling_pair(tmp_path, limits) as pair:
        await pair.stub.say_hello("x")
        nobody = Endpoint("poll://nobody/", pair.endpoint.thumbprint)
        with pytest.raises(NotDelivered):  # long enough for twenty null messages
            await pair.caller.call(ECHO, nobody, timeout_seconds=1.2).say_hello("x")

        assert await pair.stub.say_hello("y") == "Hello y"


async def test_a_lost_server_is_polled_again_soon(tmp_path: Path) -> None:
    """halibut 30: half a second after a connection that stood; 5 s to 120 s while dialling fails."""
    async with polling_pair(tmp_path, Limits(reconnect_after_loss_seconds=0.05)) as pair, asyncio.timeout(LONG):
        await pair.stub.say_hello("x")

        pair.listener.close_connections_of(pair.service.identity.thumbprint)

        assert await pair.stub.say_hello("y") == "Hello y"


async def test_surplus_polling_connections_end_when_idle(tmp_path: Path) -> None:
    limits = Limits(queue_wait_seconds=0.05)
    async with polling_pair(tmp_path, limits, connections=2) as pair, asyncio.timeout(LONG):
        calls = [asyncio.create_task(pair.stub.wait(str(number))) for number in range(5)]
        for _ in calls:
            await pair.echo.started.get()
        assert pair.listener.connections >= 5

        pair.echo.gate.set()
        await asyncio.gather(*calls)

        while pair.listener.connections > 2:
            await pair.stub.say_hello("x")


def peak_memory_bytes() -> int:
    """The most memory this process has had resident since the last reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def reset_peak_memory() -> None:
    """Make the peak the present size."""
    Path("/proc/self/clear_refs").write_text("5")
