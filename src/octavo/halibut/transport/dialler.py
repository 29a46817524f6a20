"""Opening connections: TCP, proxy, TLS, thumbprint, and only then the first word.

Source: halibut.md §1.2, §1.3, §2.3, §2.6.
"""

import asyncio
import socket
from pathlib import Path

from octavo.halibut.core.conversation import Role
from octavo.halibut.core.events import Preamble
from octavo.halibut.endpoints import Endpoint
from octavo.halibut.errors import NotDelivered, UntrustedPeer
from octavo.halibut.identity import Identity
from octavo.halibut.limits import Limits
from octavo.halibut.transport.connection import Connection
from octavo.halibut.transport.proxy import open_tunnel
from octavo.halibut.transport.sockets import prepare_socket
from octavo.halibut.transport.spool import Spool
from octavo.halibut.transport.tls import ConnectionLost, DiallerTls, TlsConnection


class Unreachable(NotDelivered):
    """Nobody listens there, or the name has no address."""

    def __init__(self, message: str, *, is_unknown_host: bool) -> None:
        super().__init__(message)
        self.is_unknown_host = is_unknown_host


class Dialler:
    """Opens connections that show our certificate."""

    def __init__(self, identity: Identity, limits: Limits, spool: Spool, folder: Path, read_buffer: memoryview) -> None:
        self.own_thumbprint = identity.thumbprint
        self._limits = limits
        self._spool = spool
        self._tls = DiallerTls(identity, folder)
        self._read_buffer = read_buffer

    async def dial(self, endpoint: Endpoint, role: Role) -> Connection:
        """A connection to the trusted listener at `endpoint`; the preamble is sent.

        Raises:
            UntrustedPeer: it shows another certificate; nothing was sent.
            Unreachable: refused, or no such host.
            NotDelivered: it could not be reached for another reason.
        """
        host, port = endpoint.address
        tls = await self._connect(endpoint, host, port)
        try:
            await self._shake_hands(tls, endpoint)
            connection = Connection(tls, role, self._limits, self._spool)
            await connection.say(Preamble(), self._limits.io_seconds)
        except ConnectionLost as error:
            raise NotDelivered(f"The connection to {endpoint.uri} broke before it stood: {error}") from error
        except BaseException:
            tls.abort()
            raise
        return connection

    async def _connect(self, endpoint: Endpoint, host: str, port: int) -> TlsConnection:
        seconds = self._limits.connect_seconds
        scope = asyncio.timeout(seconds)
        try:
            async with scope:
                return await self._open(endpoint, host, port)
        except TimeoutError as error:
            if scope.expired():
                raise NotDelivered(f"{endpoint.uri} did not answer within {seconds:g} s.") from error
            raise NotDelivered(f"{endpoint.uri} cannot be reached: {error}") from error
        except (ConnectionRefusedError, socket.gaierror) as error:
            is_unknown = isinstance(error, socket.gaierror)
            raise Unreachable(f"{endpoint.uri} cannot be reached: {error}", is_unknown_host=is_unknown) from error
        except OSError as error:
            raise NotDelivered(f"{endpoint.uri} cannot be reached: {error}") from error

    async def _open(self, endpoint: Endpoint, host: str, port: int) -> TlsConnection:
        loop = asyncio.get_running_loop()

        def make() -> TlsConnection:
            return TlsConnection(self._tls.engine(host), self._read_buffer)

        if endpoint.proxy is None:
            transport, tls = await loop.create_connection(make, host, port)
        else:
            tunnel = await open_tunnel(endpoint.proxy, host, port, self._limits.proxy_seconds)
            transport, tls = await loop.create_connection(make, sock=tunnel)
        prepare_socket(transport)
        return tls

    async def _shake_hands(self, tls: TlsConnection, endpoint: Endpoint) -> None:
        seconds = self._limits.io_seconds
        scope = asyncio.timeout(seconds)
        try:
            async with scope:
                await tls.handshake()
        except TimeoutError as error:
            raise ConnectionLost(f"no TLS handshake within {seconds:g} s") from error
        shown = tls.peer_thumbprint
        if shown != endpoint.thumbprint:
            raise UntrustedPeer(
                f"The server at {endpoint.uri} presented an unexpected security certificate. We expected the server to "
                f"present a certificate with the thumbprint '{endpoint.thumbprint}'. Instead, it presented a "
                f"certificate with a thumbprint of '{shown}'. Was its certificate renewed? "
                "Show it with `tentacle show-thumbprint`."
            )
