"""What no honest peer sends: each is refused within bounded memory, and none breaks us."""

import asyncio
import zlib
from collections.abc import Callable
from uuid import uuid4

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.halibut_conversations import (
    LIMITS,
    a_request,
    greeted,
    listening,
    rested,
    tell,
)
from octavo.halibut import Limits, RemoteProtocolError
from octavo.halibut.core.conversation import Conversation, Role
from octavo.halibut.core.events import (
    MessageEnd,
    ServerIdentity,
)
from octavo.halibut.core.framing import deflate
from octavo.halibut.core.messages import encode_message

CLIENT = b"MX-CLIENT 1.0\r\n\r\n"
SUBSCRIBER = b"MX-SUBSCRIBER 1.0 poll://sub-1/\r\n\r\n"


def test_more_data_streams_than_allowed_are_refused() -> None:
    _, service = listening()
    streams = [{"id": bson.Binary(uuid4().bytes_le, 4), "length": 1} for _ in range(LIMITS.data_streams + 1)]

    with pytest.raises(RemoteProtocolError):
        service.receive_data(deflate(encode_message(a_request(params=(streams,)))))


@pytest.mark.parametrize(
    "wire",
    [
        zlib.compress(encode_message(a_request())),
        b"\xff" * 50,
        deflate(b"no bson at all"),
        deflate(b""),
        deflate(b"\xff\xff\xff\x7f" + bytes(20)),
        deflate(bson.encode({"Message": {"$type": "System.IO.FileInfo, mscorlib"}})),
        deflate(bson.encode({"Message": {"service": "x", "method": "y"}})),
        deflate(bson.encode({"Message": [1]})),
    ],
    ids=("zlib header", "noise", "no bson", "empty", "huge length", "envelope", "no params", "array"),
)
def test_what_is_no_request_breaks_the_connection(wire: bytes) -> None:
    """halibut 16: zlib headers are refused; so is all that is no request."""
    _, service = listening()

    with pytest.raises(RemoteProtocolError):
        service.receive_data(wire)


@pytest.mark.parametrize("strategy", [zlib.Z_FIXED, zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY])
@pytest.mark.parametrize("level", [0, 1, 9])
def test_any_deflate_is_read(level: int, strategy: int) -> None:
    """halibut 16: stored and fixed-Huffman blocks too."""
    _, service = listening()
    compressor = zlib.compressobj(level, zlib.DEFLATED, -15, 9, strategy)
    wire = compressor.compress(encode_message(a_request())) + compressor.flush(zlib.Z_SYNC_FLUSH) + compressor.flush()

    assert service.receive_data(wire) == [a_request(), MessageEnd()]


def test_a_message_that_inflates_beyond_the_limit_is_refused_before_it_is_inflated() -> None:
    """halibut 16."""
    service = Conversation(Role.SERVING_LISTENER, Limits(message_bytes=100_000))
    service.receive_data(b"MX\n\n")
    service.receive_data(CLIENT)
    service.send(ServerIdentity())
    bomb = deflate(bytes(50_000_000))

    with pytest.raises(RemoteProtocolError, match="more than 100000 bytes"):
        service.receive_data(bomb)


@pytest.mark.parametrize("depth", [63, 5_000, 100_000])
def test_a_message_nested_too_deep_is_refused(depth: int) -> None:
    _, service = listening()
    nested = b"\x05\x00\x00\x00\x00"
    for _ in range(min(depth, 20_000)):
        nested = (len(nested) + 8).to_bytes(4, "little") + b"\x03a\x00" + nested + b"\x00"
    document = bson.encode({"Message": {"service": "x", "method": "y", "params": []}})
    at = document.index(b"\x04params\x00")
    deep = b"\x04params\x00" + (len(nested) + 8).to_bytes(4, "little") + b"\x030\x00" + nested + b"\x00"
    inner = document[document.index(b"\x03Message\x00") + 9 + 4 : at] + deep
    inner = (len(inner) + 5).to_bytes(4, "little") + inner + b"\x00"
    whole = b"\x03Message\x00" + inner
    whole = (len(whole) + 5).to_bytes(4, "little") + whole + b"\x00"

    with pytest.raises(RemoteProtocolError):
        service.receive_data(deflate(whole))


@given(noise=st.binary(max_size=300), phase=st.sampled_from(("opened", "greeted", "ready", "resting")))
def test_noise_is_refused_or_waited_on_but_never_breaks_us(noise: bytes, phase: str) -> None:
    builders: dict[str, Callable[[], Conversation]] = {
        "opened": lambda: Conversation(Role.SERVING_LISTENER, LIMITS),
        "greeted": greeted,
        "ready": lambda: listening()[1],
        "resting": lambda: rested()[1],
    }
    service = builders[phase]()

    try:
        service.receive_data(noise)
        service.receive_data(b"")
    except RemoteProtocolError:
        pass


@given(document=st.recursive(
    st.none() | st.booleans() | st.text(max_size=5) | st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(("Message", "$type", "id", "length", "service", "method", "params", "result", "error")),
        inner, max_size=5),
))  # fmt: skip
def test_any_document_is_a_message_or_refused(document: object) -> None:
    caller, service = listening()
    tell(caller, service)
    wire = deflate(bson.encode({"Message": document}))

    try:
        service.receive_data(wire)
    except RemoteProtocolError:
        pass


def test_the_core_needs_no_loop() -> None:
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()
    listening()
