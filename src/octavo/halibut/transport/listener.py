"""Accepting connections: who is there, may they talk to us, and then whoever serves them.

Strangers are bounded in number and time; nothing of them is parsed but the preamble's end until their certificate is
known. Source: halibut.md §2.2, §2.4, §1.2.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from octavo.halibut.core.conversation import Role
from octavo.halibut.core.events import Identity as Introduction
from octavo.halibut.core.events import Kind, Preamble, ServerIdentity
from octavo.halibut.errors import HalibutError, RemoteProtocolError
from octavo.halibut.identity import Thumbprint
from octavo.halibut.limits import Limits
from octavo.halibut.transport.connection import Connection
from octavo.halibut.transport.sockets import prepare_socket
from octavo.halibut.transport.spool import Spool
from octavo.halibut.transport.task_group import OpenTaskGroup
from octavo.halibut.transport.tls import ConnectionLost, ListenerTls, TlsConnection, TlsEngine

log = logging.getLogger(__name__)

_BACKLOG = 1024  # a thousand agents come back at once when a server restarts


@dataclass(frozen=True, slots=True)
class FriendlyPage:
    """What a browser sees. Keep it ASCII: .NET peers count its length in UTF-16 units."""

    html: str = "<html><body><p>Hello!</p></body></html>"
    headers: Mapping[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        """The whole HTTP answer."""
        head = [
            "HTTP/1.0 200 OK",
            "Content-Type: text/html; charset=utf-8",
            f"Content-Length: {len(self.html)}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return "\r\n".join((*head, "", self.html, "", "")).encode()


class Gate(Protocol):
    """What a listener asks before it lets somebody in. All questions are asked after the TLS handshake."""

    def admit(self, thumbprint: Thumbprint) -> bool:
        """Whether this peer may talk to us at all."""

    def admit_subscription(self, thumbprint: Thumbprint, subscription: str) -> bool:
        """Whether it may fetch the requests of that id."""

    def refused(self, address: str, thumbprint: Thumbprint | None) -> None:
        """Somebody was not let in."""


#: Serves one admitted connection until it ends; told the subscription when the peer is a subscriber.
Server = Callable[[Connection, str | None], Awaitable[None]]


class Listener:
    """One listening port."""

    def __init__(
        self,
        tls: ListenerTls,
        role: Role,
        gate: Gate,
        serve: Server,
        *,
        page: FriendlyPage,
        limits: Limits,
        spool: Spool,
        read_buffer: memoryview,
    ) -> None:
        self._tls = tls
        self._role = role
        self._gate = gate
        self._serve = serve
        self._page = page
        self._limits = limits
        self._spool = spool
        self._read_buffer = read_buffer
        self._server: asyncio.Server | None = None
        self._tasks = OpenTaskGroup()
        self._strangers: dict[TlsConnection, None] = {}  # oldest first
        self._guests: dict[Connection, Thumbprint] = {}

    async def open(self, host: str | None, port: int) -> None:
        """Start listening; `host` None means every address, port 0 any free one."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._make_connection, host, port, backlog=_BACKLOG)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port we listen on."""
        assert self._server is not None
        names = [each.getsockname() for each in self._server.sockets if each.family in _INTERNET]
        return names[0][0], names[0][1]

    @property
    def port(self) -> int:
        """The port we listen on."""
        return self.address[1]

    @property
    def connections(self) -> int:
        """How many admitted connections there are."""
        return len(self._guests)

    def close_connections_of(self, thumbprint: Thumbprint) -> None:
        """End every connection of that peer."""
        for connection, guest in tuple(self._guests.items()):
            if guest == thumbprint:
                connection.abort()

    async def close(self) -> None:
        """Stop listening and end every connection."""
        if self._server is not None:
            self._server.close()
        await self._tasks.close()

    def _make_connection(self) -> TlsConnection:
        return _Accepted(self._tls.engine(), self._read_buffer, self._accept)

    def _accept(self, tls: TlsConnection) -> None:
        if len(self._strangers) >= self._limits.strangers:
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            oldest.abort()
        self._strangers[tls] = None
        self._tasks.start(self._receive(tls), f"halibut connection from {tls.peer_address}")

    async def _receive(self, tls: TlsConnection) -> None:
        """The whole life of one accepted connection."""
        connection = Connection(tls, self._role, self._limits, self._spool)
        try:
            admitted = await self._introduce_in_time(tls, connection)
            if admitted is not None:
                await self._serve(connection, admitted.subscription)
        except HalibutError as error:
            log.debug("a connection ended", extra={"address": tls.peer_address, "reason": str(error)})
        finally:
            self._strangers.pop(tls, None)
            self._guests.pop(connection, None)
            connection.abort()

    async def _introduce_in_time(self, tls: TlsConnection, connection: Connection) -> Introduction | None:
        scope = asyncio.timeout(self._limits.stranger_seconds)
        try:
            async with scope:
                return await self._introduce(tls, connection)
        except TimeoutError as error:
            raise ConnectionLost("the peer did not introduce itself in time") from error
        finally:
            self._strangers.pop(tls, None)

    async def _introduce(self, tls: TlsConnection, connection: Connection) -> Introduction | None:
        """Preamble, certificate, identity: who it is, or None for one we have sent away."""
        await tls.handshake()
        seconds = self._limits.io_seconds
        if not isinstance(await connection.hear(seconds), Preamble):
            await self._show_page(tls)
            return None
        thumbprint = tls.peer_thumbprint
        if thumbprint is None or not self._gate.admit(thumbprint):
            self._gate.refused(tls.peer_address, thumbprint)
            return None
        introduction = await connection.hear(seconds)
        assert isinstance(introduction, Introduction)  # the table allows nothing else here
        if not self._is_expected(introduction):
            raise RemoteProtocolError(f"a {introduction.kind.value} has no business here")
        subscription = introduction.subscription
        if subscription is not None and not self._gate.admit_subscription(thumbprint, subscription):
            self._gate.refused(tls.peer_address, thumbprint)
            return None
        self._guests[connection] = thumbprint
        await connection.say(ServerIdentity(), seconds)
        return introduction

    def _is_expected(self, introduction: Introduction) -> bool:
        return introduction.kind is (Kind.SUBSCRIBER if self._role is Role.CALLING_LISTENER else Kind.CLIENT)

    async def _show_page(self, tls: TlsConnection) -> None:
        with contextlib.suppress(ConnectionLost):
            tls.write(self._page.encode())
            tls.close()


_INTERNET = (socket.AF_INET, socket.AF_INET6)


class _Accepted(TlsConnection):
    """Tells its listener when TCP stands."""

    def __init__(self, engine: TlsEngine, read_buffer: memoryview, accepted: Callable[[TlsConnection], None]) -> None:
        super().__init__(engine, read_buffer)
        self._accepted = accepted

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        prepare_socket(transport)
        self._accepted(self)
