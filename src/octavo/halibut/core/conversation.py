"""What two peers may say to each other on one connection. No socket, no clock.

Every event is said in one phase by one side and leads to the next phase; the table below is the whole protocol, and
docs/reference/halibut.md draws its diagram from it. Source: halibut.md §2, §3.
"""

from collections.abc import Callable, Sequence
from enum import Enum, auto
from uuid import UUID

from octavo.halibut.core import framing
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
from octavo.halibut.core.messages import (
    NullRequest,
    Request,
    Response,
    decode_request,
    decode_response,
    encode_message,
)
from octavo.halibut.endpoints import canonical_uri
from octavo.halibut.errors import LocalProtocolError, RemoteProtocolError
from octavo.halibut.limits import Limits


class Side(Enum):
    """Which of the two peers. A peer is one of each pair."""

    DIALLER = auto()
    LISTENER = auto()
    CALLER = auto()
    SERVICE = auto()


class Role(Enum):
    """What one peer is: how the connection came to be, and who makes the calls."""

    CALLING_DIALLER = frozenset({Side.DIALLER, Side.CALLER})
    CALLING_LISTENER = frozenset({Side.LISTENER, Side.CALLER})
    SERVING_DIALLER = frozenset({Side.DIALLER, Side.SERVICE})
    SERVING_LISTENER = frozenset({Side.LISTENER, Side.SERVICE})

    @property
    def is_polling(self) -> bool:
        """Whether the service dialled, and fetches its requests."""
        return self in (Role.CALLING_LISTENER, Role.SERVING_DIALLER)


class Phase(Enum):
    """Where a conversation stands."""

    OPENED = "opened"
    GREETED = "greeted"
    NAMED = "named"
    READY = "ready"
    ASKING = "asking"
    EXECUTING = "executing"
    ANSWERING = "answering"
    RESTING = "resting"
    TESTING = "testing"
    CLOSED = "closed"


#: Whose turn it is to speak; nobody's once closed.
TURNS: dict[Phase, Side] = {
    Phase.OPENED: Side.DIALLER,
    Phase.GREETED: Side.DIALLER,
    Phase.NAMED: Side.LISTENER,
    Phase.READY: Side.CALLER,
    Phase.ASKING: Side.CALLER,
    Phase.EXECUTING: Side.SERVICE,
    Phase.ANSWERING: Side.SERVICE,
    Phase.RESTING: Side.DIALLER,
    Phase.TESTING: Side.LISTENER,
}


#: The whole protocol on one page. The dialler may say `End` in any phase besides.
TRANSITIONS: dict[tuple[Phase, type[Event]], Phase] = {
    (Phase.OPENED, Preamble): Phase.GREETED,
    (Phase.OPENED, Stray): Phase.CLOSED,  # a browser: it gets a page
    (Phase.GREETED, Identity): Phase.NAMED,
    (Phase.NAMED, ServerIdentity): Phase.READY,
    (Phase.READY, Request): Phase.ASKING,
    (Phase.READY, NullRequest): Phase.RESTING,  # polling only
    (Phase.ASKING, StreamStart): Phase.ASKING,
    (Phase.ASKING, StreamData): Phase.ASKING,
    (Phase.ASKING, StreamEnd): Phase.ASKING,
    (Phase.ASKING, MessageEnd): Phase.EXECUTING,
    (Phase.EXECUTING, Response): Phase.ANSWERING,
    (Phase.ANSWERING, StreamStart): Phase.ANSWERING,
    (Phase.ANSWERING, StreamData): Phase.ANSWERING,
    (Phase.ANSWERING, StreamEnd): Phase.ANSWERING,
    (Phase.ANSWERING, MessageEnd): Phase.RESTING,
    (Phase.RESTING, Next): Phase.TESTING,  # is this connection still alive?
    (Phase.TESTING, Proceed): Phase.READY,  # it is: a request may be sent
}

_PREAMBLE = b"MX\r\n\r\n"
_SERVER = "MX-SERVER"
_VERSION = "1.0"
_WORDS: dict[type[Event], str] = {Next: "NEXT", Proceed: "PROCEED", End: "END"}
_END = b"END\r\n"


class Conversation:
    """One peer's view of one connection.

    `send` before writing, `receive_data` after reading; both raise rather than leave the table. What the peer sends
    too early waits: call `receive_data(b"")` after each `send`, and after hearing a preamble.
    """

    def __init__(self, role: Role, limits: Limits) -> None:
        self.role = role
        self.phase = Phase.OPENED
        self._limits = limits
        self._inbox = framing.Inbox()
        self._is_eof = False
        self._failure: RemoteProtocolError | None = None
        self._inflater: framing.Inflater | None = None
        self._first_line: str | None = None
        self._streams = _StreamLedger(limits)
        self._readers: dict[Phase, Callable[[], Event | None]] = {
            Phase.OPENED: self._read_preamble,
            Phase.GREETED: self._read_identity,
            Phase.NAMED: self._read_server_identity,
            Phase.READY: self._read_message,
            Phase.ASKING: self._read_stream,
            Phase.EXECUTING: self._read_message,
            Phase.ANSWERING: self._read_stream,
            Phase.RESTING: self._read_control_word,
            Phase.TESTING: self._read_control_word,
        }

    def send(self, event: Event) -> Sequence[bytes | memoryview]:
        """The items that say `event`, each to be written into TLS records of its own (§0 rule 3).

        Raises:
            LocalProtocolError: the phase or our role does not allow it; nothing changed.
        """
        if not self._is_ours(event):
            raise LocalProtocolError(f"{type(event).__name__} cannot be said by us while {self.phase.value}")
        items = self._items(event)
        self._move(event)
        return items

    def receive_data(self, data: bytes | memoryview) -> list[Event]:
        """The events `data` completes, oldest first; an unfinished rest is kept.

        Raises:
            RemoteProtocolError: the peer said what the phase does not allow.
        """
        self._inbox.add(data)
        return self._events()

    def receive_eof(self) -> list[Event]:
        """The events that the end of the peer's bytes completes: a last word without its blank line."""
        self._is_eof = True
        return self._events()

    @property
    def has_begun(self) -> bool:
        """Whether some bytes of the peer's next event are here already."""
        return bool(self._inbox) or self._inflater is not None

    def _events(self) -> list[Event]:
        """Complete events up to a failure, which is raised once what came before it was handed over.

        We stop behind a preamble too: nothing more of a stranger is read before the listener has looked at its
        certificate.
        """
        if self._failure is not None:
            raise self._failure
        events: list[Event] = []
        try:
            while (event := self._next_event()) is not None:
                self._move(event)
                events.append(event)
                if isinstance(event, Preamble):
                    break
        except RemoteProtocolError as error:
            self._failure = error
            if not events:
                raise
        return events

    def _next_event(self) -> Event | None:
        if TURNS.get(self.phase) in (None, *self.role.value):
            return self._read_early_end()
        return self._readers[self.phase]()

    def _is_ours(self, event: Event) -> bool:
        if isinstance(event, End):
            return Side.DIALLER in self.role.value and self.phase is not Phase.CLOSED
        if isinstance(event, NullRequest) and not self.role.is_polling:
            return False
        return (self.phase, type(event)) in TRANSITIONS and TURNS[self.phase] in self.role.value

    def _move(self, event: Event) -> None:
        self.phase = Phase.CLOSED if isinstance(event, End) else TRANSITIONS[self.phase, type(event)]

    # --- writing ------------------------------------------------------------------------------------------------------

    def _items(self, event: Event) -> Sequence[bytes | memoryview]:
        match event:
            case Preamble():
                return (_PREAMBLE,)
            case Identity(kind, subscription):
                return (" ".join(filter(None, (kind.value, _VERSION, subscription))).encode() + b"\r\n\r\n",)
            case ServerIdentity():
                return (f"{_SERVER} {_VERSION}\r\n\r\n".encode(),)
            case Next() | Proceed() | End():
                return (_WORDS[type(event)].encode() + b"\r\n",)
            case Request() | NullRequest() | Response():
                document = encode_message(event)
                self._streams.expect(() if isinstance(event, NullRequest) else event.data_stream_ids)
                return (framing.deflate(document),)
            case StreamStart(stream_id, length):
                self._streams.start(stream_id, length, LocalProtocolError)
                return framing.stream_header(stream_id, length)
            case StreamData(data):
                self._streams.count(len(data), LocalProtocolError)
                return (data,)
            case StreamEnd():
                return (framing.stream_trailer(self._streams.end(LocalProtocolError)),)
            case MessageEnd():
                self._streams.close(LocalProtocolError)
                return ()
            case Stray():
                raise LocalProtocolError("we are no browser")

    # --- reading ------------------------------------------------------------------------------------------------------

    def _read_early_end(self) -> Event | None:
        """While it is our turn the dialler may only end; anything else waits for its turn."""
        if Side.LISTENER in self.role.value and self.phase is not Phase.CLOSED and self._inbox.starts_with(_END):
            self._inbox.take(len(_END))
            return End()
        return None

    def _read_preamble(self) -> Event | None:
        said = framing.read_preamble(self._inbox, self._limits.preamble_bytes, is_eof=self._is_eof)
        if said is None:
            return None
        return Preamble() if said.startswith(b"MX") else Stray()

    def _read_identity(self) -> Event | None:
        line = self._read_line_and_blank()
        if line is None:
            return None
        words = line.split()
        try:
            kind = Kind(words[0])
            subscription = canonical_uri(words[2]) if kind is Kind.SUBSCRIBER else None
        except (ValueError, IndexError) as error:
            raise RemoteProtocolError(f"«{line[:100]}» is no identity") from error
        return Identity(kind, subscription)

    def _read_server_identity(self) -> Event | None:
        line = self._read_line_and_blank()
        if line is None:
            return None
        if line.split()[0] != _SERVER:
            raise RemoteProtocolError(f"expected {_SERVER}, found «{line[:100]}»")
        return ServerIdentity()

    def _read_line_and_blank(self) -> str | None:
        if self._first_line is None:
            self._first_line = framing.read_line(self._inbox, self._limits.line_bytes)
        if self._first_line is None:
            return None
        if not self._first_line.strip():
            raise RemoteProtocolError("an identity is empty")
        blank = framing.read_line(self._inbox, self._limits.line_bytes)
        if blank is None:
            return None
        if blank:
            raise RemoteProtocolError("an identity is not followed by a blank line")
        line, self._first_line = self._first_line, None
        return line

    def _read_message(self) -> Event | None:
        if self._inflater is None:
            if Side.LISTENER in self.role.value and self._inbox:
                ends = self._inbox.starts_with(_END)
                if ends is None:
                    return None
                if ends:
                    return self._read_early_end()
            if not self._inbox:
                return None
            self._inflater = framing.Inflater(self._limits.message_bytes)
        document = self._inflater.read(self._inbox)
        if document is None:
            return None
        self._inflater = None
        return self._decode(document)

    def _decode(self, document: bytes) -> Event:
        if self.phase is Phase.EXECUTING:
            response = decode_response(document, self._limits.nesting)
            self._streams.expect(response.data_stream_ids)
            return response
        request = decode_request(document, self._limits.nesting)
        if isinstance(request, Request):
            self._streams.expect(request.data_stream_ids)
        elif not self.role.is_polling:
            raise RemoteProtocolError("a null message has no place on a listening connection")
        return request

    def _read_stream(self) -> Event | None:
        streams = self._streams
        if streams.is_complete:
            return MessageEnd()
        if not streams.is_open:
            header = framing.read_stream_header(self._inbox)
            if header is None:
                return None
            streams.start(*header, RemoteProtocolError)
            return StreamStart(*header)
        if streams.missing:
            data = self._inbox.take(streams.missing)
            streams.count(len(data), RemoteProtocolError)
            return StreamData(data) if data else None
        length = framing.read_stream_trailer(self._inbox)
        if length is None:
            return None
        if length != streams.end(RemoteProtocolError):
            raise RemoteProtocolError("a data stream's two lengths differ")
        return StreamEnd()

    def _read_control_word(self) -> Event | None:
        word = framing.read_control_word(self._inbox, self._limits.line_bytes)
        if word is None:
            return None
        for event in (Next, Proceed, End):
            if word == _WORDS[event] and (event is End or (self.phase, event) in TRANSITIONS):
                return event()
        raise RemoteProtocolError(f"«{word[:100]}» is no word for a connection that is {self.phase.value}")


class _StreamLedger:
    """The data streams of the message under way: which are still due, how many bytes of the open one are missing."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._due: set[UUID] = set()
        self._length = 0
        self.missing = 0
        self.is_open = False

    @property
    def is_complete(self) -> bool:
        return not self._due and not self.is_open

    def expect(self, stream_ids: Sequence[UUID]) -> None:
        if len(stream_ids) > self._limits.data_streams:
            raise RemoteProtocolError(f"a message announces more than {self._limits.data_streams} data streams")
        self._due = set(stream_ids)

    def start(self, stream_id: UUID, length: int, error: type[Exception]) -> None:
        if self.is_open or stream_id not in self._due:
            raise error(f"data stream {stream_id} was not announced, or came twice")
        if not 0 <= length <= self._limits.data_stream_bytes:
            raise error(f"data stream {stream_id} cannot have {length} bytes")
        self._due.remove(stream_id)
        self._length = self.missing = length
        self.is_open = True

    def count(self, size: int, error: type[Exception]) -> None:
        if not self.is_open or size > self.missing:
            raise error("a data stream has more bytes than it declared")
        self.missing -= size

    def end(self, error: type[Exception]) -> int:
        if not self.is_open or self.missing:
            raise error("a data stream has fewer bytes than it declared")
        self.is_open = False
        return self._length

    def close(self, error: type[Exception]) -> None:
        if not self.is_complete:
            raise error("data streams are still due")
