"""The table, the bytes of each event, and what is refused."""

import itertools
from uuid import uuid4

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.halibut_conversations import (
    LIMITS,
    STREAM,
    a_request,
    a_request_with_a_stream,
    listening,
    polling,
    rested,
    tell,
)
from octavo.halibut import LocalProtocolError, RemoteProtocolError
from octavo.halibut.core.conversation import TRANSITIONS, TURNS, Conversation, Phase, Role
from octavo.halibut.core.events import (
    End,
    Event,
    Identity,
    Kind,
    MessageEnd,
    Next,
    Preamble,
    Proceed,
    ServerIdentity,
    Stray,
    StreamData,
    StreamEnd,
    StreamStart,
)
from octavo.halibut.core.framing import deflate
from octavo.halibut.core.messages import NullRequest, Request, Response, encode_message

CLIENT = b"MX-CLIENT 1.0\r\n\r\n"
SUBSCRIBER = b"MX-SUBSCRIBER 1.0 poll://sub-1/\r\n\r\n"


def test_every_phase_but_closed_is_somebodys_turn_and_leads_on() -> None:
    assert set(TURNS) == set(Phase) - {Phase.CLOSED}
    assert {phase for phase, _ in TRANSITIONS} == set(TURNS)


def test_a_listening_connection_serves_a_thousand_requests() -> None:
    caller, service = listening()

    for number in range(1000):
        request = a_request(id=str(number))
        assert tell(caller, service, request, MessageEnd()) == [request, MessageEnd()]
        assert tell(service, caller, Response(str(number), "y"), MessageEnd()) == [
            Response(str(number), "y"),
            MessageEnd(),
        ]
        assert tell(caller, service, Next()) == [Next()]
        assert tell(service, caller, Proceed()) == [Proceed()]

    assert caller.phase is service.phase is Phase.READY


def test_a_null_message_keeps_a_polling_connection_alive() -> None:
    caller, service = polling()

    assert tell(caller, service, NullRequest()) == [NullRequest()]
    assert tell(service, caller, Next()) == [Next()]
    assert tell(caller, service, Proceed()) == [Proceed()]


def test_a_null_message_has_no_place_on_a_listening_connection() -> None:
    caller, service = listening()

    with pytest.raises(LocalProtocolError):
        caller.send(NullRequest())
    with pytest.raises(RemoteProtocolError):
        service.receive_data(deflate(encode_message(NullRequest())))


@pytest.mark.parametrize("preamble", [b"MX\r\n\r\n", b"MX\n\n", b"MX and more\r\nlines\r\n\r\n"])
@pytest.mark.parametrize("together", [True, False])
def test_a_preamble_ends_at_its_blank_line(preamble: bytes, together: bool) -> None:
    """halibut 1: both newlines, the identity in the same or in a later record."""
    service = Conversation(Role.SERVING_LISTENER, LIMITS)

    if together:
        heard = service.receive_data(preamble + CLIENT)
    else:
        heard = service.receive_data(preamble) + service.receive_data(CLIENT[:5])

    assert heard == [Preamble()]
    assert service.receive_data(b"" if together else CLIENT[5:]) == [Identity(Kind.CLIENT)]


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"HELLO\r\n\r\n", b"\n\n", b"x" * 20_000])
def test_another_first_word_is_a_stray(said: bytes) -> None:
    service = Conversation(Role.SERVING_LISTENER, LIMITS)

    assert service.receive_data(said) == [Stray()]
    assert service.phase is Phase.CLOSED


def test_an_endless_preamble_is_cut_off() -> None:
    service = Conversation(Role.SERVING_LISTENER, LIMITS)

    heard = [event for _ in range(200) for event in service.receive_data(b"MX" * 50)]

    assert heard == [Preamble()]
    with pytest.raises(RemoteProtocolError):
        service.receive_data(b"MX" * 5_000)


def test_a_preamble_that_ends_with_the_stream_is_heard() -> None:
    service = Conversation(Role.SERVING_LISTENER, LIMITS)

    assert service.receive_data(b"GET /\r\n") == []
    assert service.receive_eof() == [Stray()]


@pytest.mark.parametrize("line", [b"MX-CLIENT 1.0", b"MX-CLIENT 2.7 extra words", b"  MX-CLIENT", b"MX-CLIENT"])
def test_the_version_of_an_identity_is_ignored(line: bytes) -> None:
    """halibut 7."""
    service = Conversation(Role.SERVING_LISTENER, LIMITS)
    service.receive_data(b"MX\n\n")

    assert service.receive_data(line + b"\r\n\r\n") == [Identity(Kind.CLIENT)]
    assert service.send(ServerIdentity()) == (b"MX-SERVER 1.0\r\n\r\n",)


@pytest.mark.parametrize(
    "line",
    [
        b"\r\n\r\n",
        b" \r\n\r\n",
        b"MX-CLIENT 1.0\r\nmore\r\n",
        b"MX-OTHER 1.0\r\n\r\n",
        b"MX-SERVER 1.0\r\n\r\n",
        b"MX-SUBSCRIBER 1.0\r\n\r\n",
        b"MX-SUBSCRIBER 1.0 nonsense\r\n\r\n",
        b"MX-SUBSCRIBER 1.0 poll://\r\n\r\n",
        b"MX-SUBSCRIBER 1.0 poll://[::1/\r\n\r\n",
        b"MX-CLIENT\rx",
        b"MX-CLIENT \xff\r\n\r\n",
        b"M" * 5_000,
    ],
)
def test_a_bad_identity_is_refused(line: bytes) -> None:
    """halibut 6."""
    service = Conversation(Role.SERVING_LISTENER, LIMITS)
    service.receive_data(b"MX\n\n")

    with pytest.raises(RemoteProtocolError):
        service.receive_data(line)


def test_a_subscription_is_announced_and_read_in_its_canonical_form() -> None:
    caller = Conversation(Role.CALLING_LISTENER, LIMITS)
    caller.receive_data(b"MX\n\n")

    assert caller.receive_data(b"MX-SUBSCRIBER 1.0 POLL://Sub-1\r\n\r\n") == [
        Identity(Kind.SUBSCRIBER, "poll://sub-1/")
    ]


def test_an_identity_and_its_blank_line_are_one_item_and_only_a_server_may_answer() -> None:
    """halibut 11."""
    caller = Conversation(Role.CALLING_DIALLER, LIMITS)

    assert caller.send(Preamble()) == (b"MX\r\n\r\n",)
    assert caller.send(Identity(Kind.CLIENT)) == (CLIENT,)
    with pytest.raises(RemoteProtocolError):
        caller.receive_data(CLIENT)


def test_a_message_its_stream_and_a_control_word_in_one_chunk_are_told_apart() -> None:
    """halibut 14."""
    caller, service = polling()
    request, answer = a_request_with_a_stream(), Response("1", "done")
    said = b"".join(
        item
        for event in (request, StreamStart(STREAM, 3), StreamData(b"abc"), StreamEnd(), MessageEnd())
        for item in caller.send(event)
    )
    heard = service.receive_data(said)
    for event in (answer, MessageEnd()):
        said = b"".join(service.send(event))
        heard += caller.receive_data(said + (b"NEXT\r\n" if said else b""))

    assert heard == [
        request, StreamStart(STREAM, 3), StreamData(b"abc"), StreamEnd(), MessageEnd(),
        answer, MessageEnd(), Next(),
    ]  # fmt: skip


@given(cuts=st.lists(st.integers(min_value=1, max_value=400), max_size=12), data=st.binary(max_size=200))
def test_any_split_of_the_bytes_gives_the_same_events(cuts: list[int], data: bytes) -> None:
    """halibut 14."""
    caller, service = listening()
    value = {"id": bson.Binary(STREAM.bytes_le, 4), "length": bson.Int64(len(data))}
    request = a_request(params=(value,), data_stream_ids=(STREAM,))
    events: list[Event] = [
        request,
        StreamStart(STREAM, len(data)),
        *([StreamData(data)] if data else []),
        StreamEnd(),
        MessageEnd(),
    ]
    wire = b"".join(bytes(item) for event in events for item in caller.send(event))
    edges = [0, *sorted({cut for cut in cuts if cut < len(wire)}), len(wire)]

    heard = [event for start, end in itertools.pairwise(edges) for event in service.receive_data(wire[start:end])]

    assert b"".join(bytes(event.data) for event in heard if isinstance(event, StreamData)) == data
    assert [event for event in heard if not isinstance(event, StreamData)] == [
        event for event in events if not isinstance(event, StreamData)
    ]


def test_every_part_of_a_data_stream_is_an_item_of_its_own() -> None:
    caller, _ = listening()
    caller.send(a_request_with_a_stream())

    assert caller.send(StreamStart(STREAM, 3)) == (STREAM.bytes_le, b"\x03" + bytes(7))
    assert caller.send(StreamData(b"abc")) == (b"abc",)
    assert caller.send(StreamEnd()) == (b"\x03" + bytes(7),)
    assert caller.send(MessageEnd()) == ()


def test_a_data_stream_of_another_size_than_declared_cannot_be_sent() -> None:
    caller, _ = listening()
    caller.send(a_request_with_a_stream())
    caller.send(StreamStart(STREAM, 3))

    with pytest.raises(LocalProtocolError):
        caller.send(StreamData(b"abcd"))
    with pytest.raises(LocalProtocolError):
        caller.send(StreamEnd())
    with pytest.raises(LocalProtocolError):
        caller.send(MessageEnd())


@pytest.mark.parametrize(
    "frames",
    [
        STREAM.bytes_le + b"\x03" + bytes(7) + b"abc" + b"\x04" + bytes(7),
        uuid4().bytes_le + b"\x03" + bytes(7) + b"abc" + b"\x03" + bytes(7),
        STREAM.bytes_le + b"\xff" * 8,
        STREAM.bytes_le + b"\xff" * 7 + b"\x7f",
    ],
    ids=("trailer", "unknown id", "negative", "huge"),
)
def test_a_data_stream_that_contradicts_itself_breaks_the_connection(frames: bytes) -> None:
    """halibut 22."""
    caller, service = listening()
    tell(caller, service, a_request_with_a_stream())

    with pytest.raises(RemoteProtocolError):
        service.receive_data(frames)
        service.receive_data(b"")


def test_an_empty_data_stream_is_a_data_stream() -> None:
    """halibut 22."""
    caller, service = listening()
    tell(caller, service, a_request_with_a_stream())

    assert service.receive_data(STREAM.bytes_le + bytes(16)) == [StreamStart(STREAM, 0), StreamEnd(), MessageEnd()]


def test_a_message_that_announces_one_data_stream_twice_is_refused() -> None:
    """halibut 22."""
    _, service = listening()
    stream = a_request_with_a_stream().params[0]

    with pytest.raises(RemoteProtocolError):
        service.receive_data(deflate(encode_message(a_request(params=(stream, stream)))))


def test_blank_lines_before_a_control_word_are_skipped() -> None:
    """halibut 23."""
    _, service = rested()

    assert service.receive_data(b"\r\n\r\nNEXT\r\n") == [Next()]


@pytest.mark.parametrize("said", [b"PROCEED\r\n", b"next\r\n", b"NEXT\rX", b"\nNEXT\r\n", b"HELLO\r\n", b"N" * 5_000])
def test_another_control_word_breaks_the_connection(said: bytes) -> None:
    """halibut 23."""
    _, service = rested()

    with pytest.raises(RemoteProtocolError):
        service.receive_data(said)


def test_end_where_a_message_is_expected_means_that_the_peer_ended() -> None:
    """halibut 24: also in pieces, and in the middle of an exchange."""
    _, service = listening()
    caller, _ = polling()
    caller.send(a_request())
    caller.send(MessageEnd())

    assert service.receive_data(b"EN") == []
    assert service.receive_data(b"D\r\n") == [End()]
    assert caller.receive_data(b"END\r\n") == [End()]
    assert service.phase is caller.phase is Phase.CLOSED


def test_the_dialler_may_end_in_any_phase_and_nothing_follows() -> None:
    """halibut 12: the word itself."""
    caller, _ = rested()

    assert caller.send(End()) == (b"END\r\n",)
    with pytest.raises(LocalProtocolError):
        caller.send(End())


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("event", [Proceed(), Next(), ServerIdentity(), a_request(), Response("1"), MessageEnd()])
def test_nobody_speaks_out_of_turn(role: Role, event: Event) -> None:
    conversation = Conversation(role, LIMITS)

    with pytest.raises(LocalProtocolError):
        conversation.send(event)

    assert conversation.phase is Phase.OPENED


def test_what_comes_too_early_waits_for_its_turn() -> None:
    caller, service = listening()
    tell(caller, service, a_request(), MessageEnd())

    assert service.receive_data(b"NEXT\r\n") == []
    service.send(Response("1"))
    service.send(MessageEnd())
    assert service.receive_data(b"") == [Next()]


def test_events_before_a_failure_are_heard_before_it() -> None:
    caller, service = listening()
    wire = b"".join(caller.send(a_request_with_a_stream())) + uuid4().bytes_le + bytes(8)

    assert [type(event) for event in service.receive_data(wire)] == [Request]
    with pytest.raises(RemoteProtocolError):
        service.receive_data(b"")
