"""Our peers against hand-made ones that read record by record, misbehave, or vanish."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import UUID

import bson
import pytest

from fakes.halibut_peers import ECHO, SUBSCRIPTION, Echo, RawListener, RawPeer, identity, listening_pair
from octavo.halibut import (
    DataStream,
    Endpoint,
    Limits,
    Listener,
    NotDelivered,
    Proxy,
    ResponseLost,
    Runtime,
)
from octavo.halibut.core.framing import deflate
from octavo.halibut.core.messages import Response, ServerError, decode_document, decode_response, encode_message

PREAMBLE, CLIENT, SERVER = b"MX\r\n\r\n", b"MX-CLIENT 1.0\r\n\r\n", b"MX-SERVER 1.0\r\n\r\n"
SUBSCRIBER = b"MX-SUBSCRIBER 1.0 poll://agent-1/\r\n\r\n"
NULL = bytes.fromhex("e3636060e0f24d2d2e4e4c4f65600000")
NEXT, PROCEED, END = b"NEXT\r\n", b"PROCEED\r\n", b"END\r\n"
LONG = 20.0
DEFAULTS = Limits()


# --- our listening service, a raw caller ------------------------------------------------------------------------------


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Listener]:
    """A service with a short patience for NEXT."""
    async with Runtime(identity("agent"), spool=tmp_path, limits=Limits(control_seconds=0.3)) as runtime:
        runtime.trust.allow(identity("server").thumbprint)
        runtime.offer(ECHO, Echo())
        yield await runtime.listen("127.0.0.1", 0, accept="client")


@asynccontextmanager
async def raw_caller(port: int) -> AsyncIterator[RawPeer]:
    with await RawPeer.dial(port, identity("server")) as peer:
        await peer.write(PREAMBLE)
        await peer.write(CLIENT)
        assert await peer.read() == SERVER
        yield peer


async def test_a_bare_request_is_served_again_and_again(service: Listener) -> None:
    """halibut 28: no id, no activity, no endpoint; numbers of any width."""
    async with raw_caller(service.port) as peer:
        for number in range(3):
            await peer.write(bare_request("add", [number, bson.Int64(2)]))
            assert read_response(await peer.read()).result == number + 2
            await peer.write(NEXT)
            assert await peer.read() == PROCEED
        await peer.write(END)
        assert await peer.read_all() == b""


@pytest.mark.parametrize(
    ("called", "params", "error_type", "text"),
    [
        (("INothing", "SayHello"), ["x"], "ServiceNotFound", "Service not found: INothing"),
        (
            ("IEchoService", "SayNothing"),
            ["x"],
            "MethodNotFound",
            "Method fakes.halibut_peers.Echo::SayNothingAsync not",
        ),
        (("IEchoService", "SayHello"), [], "AmbiguousMethodMatch", "Could not decide which candidate to call out of"),
        (("IEchoService", "SayHello"), [5], "AmbiguousMethodMatch", "SayHelloAsync(System.String)"),
        (("IEchoService", "SayHello"), [None], "AmbiguousMethodMatch", "<null>"),
        (("IEchoService", "Echo"), [{"$type": "System.IO.FileInfo, mscorlib"}], "AmbiguousMethodMatch", "IO.FileInfo"),
        (("IEchoService", "Echo"), [{"Text": "x"}], "AmbiguousMethodMatch", "Newtonsoft.Json.Linq.JObject"),
    ],
)
async def test_what_cannot_be_called_is_answered_with_an_error_and_the_connection_goes_on(
    service: Listener, called: tuple[str, str], params: list[object], error_type: str, text: str
) -> None:
    """halibut 21 and 32."""
    service_name, method = called
    async with raw_caller(service.port) as peer:
        await peer.write(bare_request(method, params, service_name))
        error = read_response(await peer.read()).error
        await peer.write(NEXT)

        assert error is not None
        assert error.error_type == f"Halibut.Exceptions.{error_type}HalibutClientException"
        assert error.details.startswith(f"{error.error_type}: ")
        assert text in error.message
        assert await peer.read() == PROCEED


async def test_names_of_services_and_methods_are_found_in_any_case(service: Listener) -> None:
    async with raw_caller(service.port) as peer:
        await peer.write(bare_request("SAYHELLO", ["x"], "iechoservice"))

        assert read_response(await peer.read()).result == "Hello x"


async def test_a_caller_that_forgets_us_is_closed_quietly(service: Listener) -> None:
    """halibut 26: after 60 s without NEXT by default."""
    assert Limits().control_seconds == 60

    async with raw_caller(service.port) as peer:
        await peer.write(bare_request("add", [1, 2]))
        await peer.read()

        assert await peer.read_all() == b""


@pytest.mark.parametrize("noise", [b"\xff" * 100, zlib.compress(b"x"), deflate(b"x" * 100), NULL, b"END\r\nNEXT\r\n"])
async def test_what_is_no_request_closes_the_connection(service: Listener, noise: bytes) -> None:
    async with raw_caller(service.port) as peer:
        await peer.write(noise)

        assert await peer.read_all() == b""


async def test_everything_a_service_says_is_a_record_of_its_own(tmp_path: Path) -> None:
    """halibut 15: identity, PROCEED, message, and each part of a data stream."""
    async with listening_pair(tmp_path) as pair, raw_caller(pair.listener.port) as peer:
        await peer.write(bare_request("download", [5]))

        message = read_response(await peer.read())
        stream_id = UUID(bytes_le=await peer.read())
        parts = [await peer.read() for _ in range(3)]

        assert UUID(bytes_le=bytes(message.result["id"])) == stream_id
        assert parts == [b"\x05" + bytes(7), bytes(5), b"\x05" + bytes(7)]


# --- our caller, a raw listening service ------------------------------------------------------------------------------


@asynccontextmanager
async def raw_service(
    tmp_path: Path, limits: Limits = DEFAULTS
) -> AsyncIterator[tuple[RawListener, Runtime, Endpoint]]:
    with RawListener(identity("agent")) as listener:
        async with Runtime(identity("server"), spool=tmp_path, limits=limits) as caller:
            yield listener, caller, Endpoint(f"https://localhost:{listener.port}/", identity("agent").thumbprint)


async def greet(peer: RawPeer) -> None:
    assert await peer.read() == PREAMBLE
    assert await peer.read() == CLIENT
    await peer.write(SERVER)


async def answer(peer: RawPeer, result: object) -> None:
    """Take one request and answer it."""
    request = await peer.read()
    await peer.write(deflate(encode_message(Response(read_request_id(request), result))))


async def test_everything_a_caller_says_is_a_record_of_its_own(tmp_path: Path) -> None:
    """halibut 10, 11, 12 and 15: SNI is the host; NEXT before the second call; END when it closes."""
    async with raw_service(tmp_path) as (listener, caller, endpoint), asyncio.timeout(LONG):
        stub = caller.call(ECHO, endpoint)
        call = asyncio.create_task(stub.measure(DataStream.from_bytes(bytes(20_000))))
        peer = await listener.accept()
        await greet(peer)
        request = decode_document(zlib.decompress(await peer.read(), -15))["Message"]
        head = [await peer.read() for _ in range(2)]
        body = await peer.read() + await peer.read()
        tail = await peer.read()
        await peer.write(deflate(encode_message(Response(request["id"], "done"))))
        assert await call == "done"
        second = asyncio.create_task(stub.say_hello("x"))
        assert await peer.read() == NEXT
        await peer.write(PROCEED)
        await answer(peer, "Hello")
        await second
        assert head == [bytes(request["params"][0]["id"]), (20_000).to_bytes(8, "little")]
        assert (body, tail) == (bytes(20_000), (20_000).to_bytes(8, "little"))
        assert listener.server_names == ["localhost"]
    assert await peer.read() == END
    assert await peer.read() == b""
    peer.close()


async def test_nothing_is_said_to_another_certificate(tmp_path: Path) -> None:
    """halibut 9: nor is it tried again."""
    async with raw_service(tmp_path) as (listener, caller, endpoint), asyncio.timeout(LONG):
        stub = caller.call(ECHO, Endpoint(endpoint.uri, identity("other").thumbprint))
        call = asyncio.create_task(stub.say_hello("x"))
        peer = await listener.accept()

        assert await peer.read() == b""
        with pytest.raises(NotDelivered, match=identity("other").thumbprint):
            await call
        peer.close()


async def test_no_server_name_is_announced_for_an_address(tmp_path: Path) -> None:
    """halibut 10."""
    async with raw_service(tmp_path) as (listener, caller, endpoint), asyncio.timeout(LONG):
        by_address = Endpoint(f"https://127.0.0.1:{listener.port}/", endpoint.thumbprint)
        call = asyncio.create_task(caller.call(ECHO, by_address).say_hello("x"))
        peer = await listener.accept()
        await greet(peer)
        await answer(peer, "Hello")

        assert await call == "Hello"
        assert listener.server_names == [None]
        peer.close()


@pytest.mark.parametrize("death", ["closed while resting", "silent when tested", "wrong word"])
async def test_a_dead_resting_connection_is_replaced_unnoticed(tmp_path: Path, death: str) -> None:
    """halibut 33."""
    limits = Limits(control_seconds=0.2)
    async with raw_service(tmp_path, limits) as (listener, caller, endpoint), asyncio.timeout(LONG):
        stub = caller.call(ECHO, endpoint)
        first = asyncio.create_task(stub.say_hello("1"))
        old = await listener.accept()
        await greet(old)
        await answer(old, "one")
        assert await first == "one"
        if death == "closed while resting":
            old.close()
        if death == "wrong word":
            await old.write(b"WHAT\r\n")

        second = asyncio.create_task(stub.say_hello("2"))
        new = await listener.accept()
        await greet(new)
        await answer(new, "two")

        assert await second == "two"
        old.close()
        new.close()


async def test_at_most_five_connections_rest_and_not_for_long(tmp_path: Path) -> None:
    """halibut 34: shorter than the minute after which a Tentacle closes."""
    assert Limits().pooled_connections == 5
    assert Limits().pooled_connection_seconds < 60

    async with listening_pair(tmp_path, Limits(pooled_connection_seconds=0.3)) as pair, asyncio.timeout(LONG):
        calls = [asyncio.create_task(pair.stub.wait(str(number))) for number in range(8)]
        for _ in calls:
            await pair.echo.started.get()
        assert pair.listener.connections == 8
        pair.echo.gate.set()
        await asyncio.gather(*calls)

        await until(lambda: pair.listener.connections <= 5)
        await until(lambda: pair.listener.connections == 0)


async def test_a_call_is_dialled_again_until_it_can_be_sent(tmp_path: Path) -> None:
    """halibut 35: five attempts, a second apart by default."""
    assert (Limits().connect_attempts, Limits().connect_pause_seconds) == (5, 1)

    limits = Limits(connect_pause_seconds=0.01)
    async with raw_service(tmp_path, limits) as (listener, caller, endpoint), asyncio.timeout(LONG):
        call = asyncio.create_task(caller.call(ECHO, endpoint).say_hello("x"))
        for _ in range(4):
            peer = await listener.accept()
            peer.close()
        peer = await listener.accept()
        await greet(peer)
        await answer(peer, "at last")

        assert await call == "at last"
        peer.close()


async def test_a_call_that_cannot_be_sent_was_surely_not_executed(tmp_path: Path) -> None:
    """halibut 35: state Connecting."""
    limits = Limits(connect_attempts=2, connect_pause_seconds=0.01)
    async with raw_service(tmp_path, limits) as (listener, caller, endpoint), asyncio.timeout(LONG):
        call = asyncio.create_task(caller.call(ECHO, endpoint).say_hello("x"))
        for _ in range(2):
            peer = await listener.accept()
            await peer.read()
            peer.close()

        with pytest.raises(NotDelivered, match="before the request could begin"):
            await call
        with pytest.raises(NotDelivered, match="cannot be reached"):
            await caller.call(ECHO, Endpoint("https://localhost:1/", endpoint.thumbprint)).say_hello("x")


@pytest.mark.parametrize("reaction", [b"", b"\xff" * 20, END, deflate(b"x" * 50)])
async def test_a_call_that_was_sent_is_not_sent_again(tmp_path: Path, reaction: bytes) -> None:
    """halibut 35: it may have been executed."""
    async with raw_service(tmp_path) as (listener, caller, endpoint), asyncio.timeout(LONG):
        call = asyncio.create_task(caller.call(ECHO, endpoint).say_hello("x"))
        peer = await listener.accept()
        await greet(peer)
        await peer.read()
        if reaction:
            await peer.write(reaction)
        peer.close()

        with pytest.raises(ResponseLost, match="after the request began"):
            await call


async def test_a_proxy_opens_the_tunnel(tmp_path: Path) -> None:
    """halibut 10: TLS then goes to the target host."""
    asked: list[bytes] = []

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        if b"refuse" in asked[-1]:
            writer.write(b"HTTP/1.0 407 Proxy Authentication Required\r\n\r\n")
            writer.close()
            return
        onward_reader, onward = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.0 200 Connection established\r\nVia: us\r\n\r\n")
        with suppress(ConnectionError):
            await asyncio.gather(copy(reader, onward), copy(onward_reader, writer))

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            target.write(data)
        target.close()

    limits = Limits(connect_attempts=1)
    async with listening_pair(tmp_path, limits) as pair, await asyncio.start_server(tunnel, "127.0.0.1", 0) as server:
        port = pair.listener.port
        proxy = Proxy("127.0.0.1", server.sockets[0].getsockname()[1], "user", "secret")
        thumbprint = pair.endpoint.thumbprint

        hello = await pair.caller.call(ECHO, Endpoint("https://far:10933/", thumbprint, proxy)).say_hello("x")
        with pytest.raises(NotDelivered, match="407"):
            await pair.caller.call(ECHO, Endpoint("https://refuse:1/", thumbprint, proxy)).say_hello("x")

        assert hello == "Hello x"
        assert asked[0].startswith(b"CONNECT far:10933 HTTP/1.0\r\nHost: far:10933\r\nProxy-Authorization: Basic ")


# --- our polling server, a raw agent ----------------------------------------------------------------------------------


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[tuple[Runtime, Listener]]:
    """A server that feeds the agent "agent" at `poll://agent-1/`."""
    async with Runtime(identity("server"), spool=tmp_path, limits=Limits(queue_wait_seconds=0.1)) as runtime:
        runtime.trust.allow(identity("agent").thumbprint, SUBSCRIPTION)
        runtime.trust.allow(identity("thief").thumbprint, "poll://thief/")
        yield runtime, await runtime.listen("127.0.0.1", 0, accept="subscriber")


@asynccontextmanager
async def raw_agent(port: int) -> AsyncIterator[RawPeer]:
    with await RawPeer.dial(port, identity("agent")) as peer:
        await peer.write(b"MX\n\n")
        await peer.write(SUBSCRIBER)
        assert await peer.read() == SERVER
        yield peer


def echo_of(runtime: Runtime) -> "asyncio.Task[str]":
    endpoint = Endpoint(SUBSCRIPTION, identity("agent").thumbprint)
    return asyncio.create_task(runtime.call(ECHO, endpoint).say_hello("x"))


async def test_idle_agents_get_null_messages(server: tuple[Runtime, Listener]) -> None:
    """halibut 37, services 44: each a record of its own, the captured bytes."""
    async with raw_agent(server[1].port) as peer, asyncio.timeout(LONG):
        for _ in range(3):
            assert await peer.read() == NULL
            await peer.write(NEXT)
            assert await peer.read() == PROCEED


async def test_a_stolen_subscription_is_refused(server: tuple[Runtime, Listener]) -> None:
    """halibut 42: trusted, but another's id."""
    with await RawPeer.dial(server[1].port, identity("thief")) as peer:
        await peer.write(PREAMBLE + SUBSCRIBER)

        assert await peer.read_all() == b""


async def test_a_client_has_no_business_at_a_polling_port(server: tuple[Runtime, Listener]) -> None:
    """halibut 6."""
    with await RawPeer.dial(server[1].port, identity("agent")) as peer:
        await peer.write(PREAMBLE + CLIENT)

        assert await peer.read_all() == b""


async def test_a_lost_connection_loses_its_call_and_no_other(server: tuple[Runtime, Listener]) -> None:
    """halibut 40: no redelivery."""
    runtime, listener = server
    async with raw_agent(listener.port) as first, raw_agent(listener.port) as second, asyncio.timeout(LONG):
        lost, kept = echo_of(runtime), echo_of(runtime)
        await take_request(first)
        request = await take_request(second)

        first.close()
        await second.write(deflate(encode_message(Response(request, "Hello"))))

        done, _ = await asyncio.wait([lost, kept])
        outcomes = {type(task.exception()) for task in done}
        assert outcomes == {ResponseLost, type(None)}


async def test_a_response_with_a_foreign_id_completes_no_call(server: tuple[Runtime, Listener]) -> None:
    """halibut 41."""
    runtime, listener = server
    async with raw_agent(listener.port) as peer, asyncio.timeout(LONG):
        call = echo_of(runtime)
        await take_request(peer)

        await peer.write(deflate(encode_message(Response("of another", "stolen"))))

        with pytest.raises(ResponseLost, match="another request"):
            await call


async def test_end_instead_of_a_response_is_a_lost_response(server: tuple[Runtime, Listener]) -> None:
    """halibut 24."""
    runtime, listener = server
    async with raw_agent(listener.port) as peer, asyncio.timeout(LONG):
        call = echo_of(runtime)
        await take_request(peer)

        await peer.write(END)

        with pytest.raises(ResponseLost, match="ended the connection"):
            await call


async def test_an_error_of_an_old_agent_is_understood(server: tuple[Runtime, Listener]) -> None:
    runtime, listener = server
    async with raw_agent(listener.port) as peer, asyncio.timeout(LONG):
        call = echo_of(runtime)
        request = await take_request(peer)

        await peer.write(deflate(encode_message(Response(request, None, ServerError("Service not found: X", "")))))

        with pytest.raises(Exception, match="Service not found: X") as found:
            await call
        assert type(found.value).__name__ == "ServiceNotFound"


# --- small tools ------------------------------------------------------------------------------------------------------


def bare_request(method: str, params: list[object], service: str = "IEchoService") -> bytes:
    """Only what a request must have."""
    name = "".join(part.capitalize() for part in method.split("_")) if method.islower() else method
    return deflate(bson.encode({"Message": {"service": service, "method": name, "params": params}}))


def read_response(wire: bytes) -> Response:
    return decode_response(zlib.decompress(wire, -15), 64)


def read_request_id(wire: bytes) -> str:
    return str(decode_document(zlib.decompress(wire, -15))["Message"]["id"])


async def take_request(peer: RawPeer) -> str:
    """The id of the next request; null messages are answered as they should be."""
    while (record := await peer.read()) == NULL:
        await peer.write(NEXT)
        assert await peer.read() == PROCEED
    return read_request_id(record)


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition that no event announces."""
    async with asyncio.timeout(LONG):
        while not holds():
            await asyncio.sleep(0.01)
