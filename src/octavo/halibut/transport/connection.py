"""One connection: a conversation over TLS, with time limits and data streams on disk.

Source: halibut.md §2.3, §3, §6, §8.1.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from octavo.halibut.core.conversation import Conversation, Role
from octavo.halibut.core.data_streams import DataStream
from octavo.halibut.core.events import (
    End,
    Event,
    Identity,
    MessageEnd,
    Next,
    Proceed,
    ServerIdentity,
    StreamData,
    StreamEnd,
    StreamStart,
)
from octavo.halibut.core.messages import NullRequest, Request, Response
from octavo.halibut.errors import ProtocolError, RemoteProtocolError
from octavo.halibut.limits import Limits
from octavo.halibut.transport.spool import WRITE_BYTES, Spool, SpoolFile, read_blocks
from octavo.halibut.transport.tls import ConnectionLost, TlsConnection


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message and the data streams that travel with it, in document order."""

    message: Request | NullRequest | Response
    streams: tuple[DataStream, ...] = ()

    def discard_files(self) -> None:
        """Delete the files of received streams that nobody has moved away."""
        for stream in self.streams:
            if not isinstance(stream.source, bytes):
                stream.source.unlink(missing_ok=True)


_NO_STREAM = UUID(int=0)


class PeerEnded(ConnectionLost):
    """The dialler said END: it has no more use for this connection."""


class Connection:
    """Says and hears events, one task at a time. After any error it is of no more use: `abort` it."""

    def __init__(self, tls: TlsConnection, role: Role, limits: Limits, spool: Spool) -> None:
        self.tls = tls
        self._conversation = Conversation(role, limits)
        self._limits = limits
        self._spool = spool
        self._heard: deque[Event] = deque()

    async def say(self, event: Event, seconds: float) -> None:
        """Send one event.

        Raises:
            ConnectionLost: it could not be written within `seconds`.
        """
        for item in self._conversation.send(event):
            self.tls.write(item)
        if self.tls.is_congested:
            async with _at_most(seconds, "the peer took nothing"):
                await self.tls.drain()
        self._heard.extend(self._conversation.receive_data(b""))

    async def hear(self, seconds: float) -> Event:
        """The peer's next event.

        Raises:
            ConnectionLost: it did not come within `seconds`, or the connection broke.
            RemoteProtocolError: the peer said what the phase does not allow.
        """
        if not self._heard:
            self._heard.extend(self._conversation.receive_data(b""))
        if not self._heard:
            async with _at_most(seconds, "the peer was silent"):
                while not self._heard:
                    await self._read()
        return self._heard.popleft()

    async def ask_identity(self, own: Identity) -> None:
        """Dialler: say who we are and hear that the listener is one."""
        await self.say(own, self._limits.io_seconds)
        await self._expect(ServerIdentity, self._limits.io_seconds)

    async def test(self) -> None:
        """Dialler: NEXT and PROCEED, the proof that a resting connection is alive."""
        await self.say(Next(), self._limits.control_seconds)
        await self._expect(Proceed, self._limits.control_seconds)

    async def answer_test(self, seconds: float) -> bool:
        """Listener: hear NEXT and say PROCEED; False when the peer ended instead."""
        event = await self.hear(seconds)
        if isinstance(event, End):
            return False
        await self.say(Proceed(), self._limits.control_seconds)
        return True

    async def send_parcel(self, parcel: Parcel) -> None:
        """Send a message and its data streams.

        Raises:
            ConnectionLost: the connection broke.
            LocalProtocolError: a file has not the declared length; the connection must be aborted.
        """
        await self.say(parcel.message, self._limits.io_seconds)
        if isinstance(parcel.message, NullRequest):
            return
        for stream in parcel.streams:
            await self._send_stream(stream)
        await self.say(MessageEnd(), self._limits.io_seconds)

    async def receive_parcel(self, first_byte_seconds: float) -> Parcel:
        """The peer's next message, its data streams spooled to disk.

        Raises:
            PeerEnded: it said END instead.
            ConnectionLost, RemoteProtocolError: as `hear`; nothing is left on disk.
        """
        await self._wait_begun(first_byte_seconds)
        message = await self._hear_patiently()
        if isinstance(message, End):
            raise PeerEnded("the peer ended the connection")
        assert isinstance(message, NullRequest | Request | Response)  # the table allows nothing else here
        if isinstance(message, NullRequest):
            return Parcel(message)
        return Parcel(message, await self._receive_streams(message))

    @property
    def is_lost(self) -> bool:
        """Whether the connection is gone, or the peer has closed its end."""
        return self.tls.is_lost

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Waits inside end with ConnectionLost as soon as the peer is gone. For waits on something else than it."""
        scope = asyncio.timeout(None)

        def expire(_: object) -> None:
            if not finished:
                scope.reschedule(asyncio.get_running_loop().time())

        finished = False
        self.tls.when_lost.add_done_callback(expire)
        try:
            async with scope:
                yield
        except TimeoutError:
            if scope.expired():
                raise ConnectionLost("the peer closed the connection") from None
            raise
        finally:
            finished = True
            self.tls.when_lost.remove_done_callback(expire)

    def end(self) -> None:
        """Dialler: say END, best effort, and close."""
        with contextlib.suppress(ConnectionLost, ProtocolError):
            for item in self._conversation.send(End()):
                self.tls.write(item)
        self.tls.close()

    def abort(self) -> None:
        """Close at once."""
        self.tls.abort()

    async def _expect(self, kind: type[Event], seconds: float) -> None:
        event = await self.hear(seconds)
        if not isinstance(event, kind):
            raise RemoteProtocolError(f"expected {kind.__name__}, heard {type(event).__name__}")

    async def _read(self) -> None:
        data = await self.tls.read()
        self._heard.extend(self._conversation.receive_data(data) if data else self._conversation.receive_eof())
        if not data and not self._heard:
            raise ConnectionLost("the peer closed the connection")

    async def _wait_begun(self, seconds: float) -> None:
        """Wait for the first byte of the next event; what follows has the time limit of any I/O."""
        async with _at_most(seconds, "the peer was silent"):
            while not self._heard and not self._conversation.has_begun:
                await self._read()

    async def _hear_patiently(self) -> Event:
        """The next event, each read with a time limit of its own: a long message may take long."""
        while not self._heard:
            async with _at_most(self._limits.io_seconds, "the peer fell silent"):
                await self._read()
        return self._heard.popleft()

    async def _send_stream(self, stream: DataStream) -> None:
        seconds = self._limits.io_seconds
        await self.say(StreamStart(stream.id, stream.length), seconds)
        async with contextlib.aclosing(read_blocks(stream)) as blocks:
            async for block in blocks:
                for start in range(0, len(block), WRITE_BYTES):
                    await self.say(StreamData(block[start : start + WRITE_BYTES]), seconds)
        await self.say(StreamEnd(), seconds)

    async def _receive_streams(self, message: Request | Response) -> tuple[DataStream, ...]:
        received: dict[object, DataStream] = {}
        file: SpoolFile | None = None
        start = StreamStart(id=_NO_STREAM, length=0)
        try:
            while not isinstance(event := await self._hear_patiently(), MessageEnd):
                match event:
                    case StreamStart():
                        start, file = event, self._spool.new_file()
                    case StreamData(data):
                        assert file is not None
                        await file.write(data)
                    case StreamEnd():
                        assert file is not None
                        received[start.id] = DataStream(await file.finish(), start.length, start.id)
                        file = None
                    case _:
                        raise PeerEnded("the peer ended the connection within a data stream")
        except BaseException:
            if file is not None:
                file.discard()
            Parcel(message, tuple(received.values())).discard_files()
            raise
        return tuple(received[each] for each in message.data_stream_ids)


@contextlib.asynccontextmanager
async def _at_most(seconds: float, complaint: str) -> AsyncIterator[None]:
    scope = asyncio.timeout(seconds)
    try:
        async with scope:
            yield
    except TimeoutError as error:
        if scope.expired():
            raise ConnectionLost(f"{complaint} for {seconds:g} s") from error
        raise
