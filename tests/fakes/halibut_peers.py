"""Peers to test Halibut against: an echo service for our own runtime, and a raw TLS peer that says what it likes."""

import asyncio
import hashlib
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Protocol, Self
from uuid import UUID

from octavo.halibut import (
    Contract,
    DataStream,
    Endpoint,
    Identity,
    Limits,
    Listener,
    Long,
    Runtime,
    Thumbprint,
    Trust,
    new_identity,
    wire_type,
)

SUBSCRIPTION = "poll://agent-1/"
ECHO_SERVICE_NAME = "IEchoService"


class Colour(IntEnum):
    """An enum as contracts have them."""

    RED = 0
    DARK_BLUE = 1


@wire_type("Tests.Ticket, Tests")
@dataclass(frozen=True, slots=True)
class Ticket:
    """A nested object: never annotated."""

    task_id: str


@wire_type("Tests.Note, Tests", "Tests.Old.Note, Tests.Old")
@dataclass(frozen=True, slots=True)
class Note:
    """One member of every kind that contracts use."""

    text: str
    ticket: Ticket
    small: int = 0
    large: Long = Long(0)
    is_new: bool = False
    colour: Colour = Colour.RED
    span: timedelta = timedelta()
    moment: datetime | None = None
    id: UUID | None = None
    body: bytes = b""
    tags: tuple[str, ...] = ()
    parts: tuple[Ticket, ...] = ()
    names: dict[str, str] = field(default_factory=dict)
    remark: str | None = None


class EchoService(Protocol):
    """A service with a method for each thing that can happen."""

    async def say_hello(self, name: str) -> str: ...

    async def echo(self, note: Note) -> Note: ...

    async def add(self, left: Long, right: Long) -> Long: ...

    async def fail(self, text: str) -> None: ...

    async def wait(self, name: str) -> None: ...

    async def measure(self, upload: DataStream) -> str: ...

    async def download(self, size: Long) -> DataStream: ...

    async def download_missing(self) -> DataStream: ...


ECHO = Contract(ECHO_SERVICE_NAME, EchoService)


class Echo:
    """The service itself; `wait` ends when the test opens the gate of that name."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.started: asyncio.Queue[str] = asyncio.Queue()
        self.gate = asyncio.Event()
        self.received: list[Path] = []

    async def say_hello(self, name: str) -> str:
        self.said.append(name)
        return f"Hello {name}"

    async def echo(self, note: Note) -> Note:
        return note

    async def add(self, left: Long, right: Long) -> Long:
        return Long(left + right)

    async def fail(self, text: str) -> None:
        raise ValueError(text)

    async def wait(self, name: str) -> None:
        await self.started.put(name)
        await self.gate.wait()

    async def measure(self, upload: DataStream) -> str:
        assert isinstance(upload.source, Path)
        self.received.append(upload.source)
        return await asyncio.to_thread(sha256_of, upload.source)

    async def download(self, size: Long) -> DataStream:
        return DataStream.from_bytes(bytes(size))

    async def download_missing(self) -> DataStream:
        return DataStream(Path("/nowhere/at/all"), 5)


def sha256_of(path: Path) -> str:
    """The digest of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def identity(name: str) -> Identity:
    """The same identity for the same name, all through a test run: RSA keys are slow to make."""
    return new_identity(name)


@dataclass
class Pair:
    """A caller ("server") and a service ("agent") that trust each other."""

    caller: Runtime
    service: Runtime
    echo: Echo
    endpoint: Endpoint
    listener: Listener
    poller: "asyncio.Task[None] | None" = None

    @property
    def stub(self) -> EchoService:
        return self.caller.call(ECHO, self.endpoint)


@asynccontextmanager
async def listening_pair(folder: Path, limits: Limits = Limits()) -> AsyncIterator[Pair]:  # noqa: B008
    """The service listens, the caller dials."""
    async with runtime_pair(folder, limits) as (caller, service, echo):
        listener = await service.listen("127.0.0.1", 0, accept="client")
        endpoint = Endpoint(f"https://127.0.0.1:{listener.port}/", service.identity.thumbprint)
        yield Pair(caller, service, echo, endpoint, listener)
        echo.gate.set()


@asynccontextmanager
async def polling_pair(
    folder: Path,
    limits: Limits = Limits(),  # noqa: B008
    *,
    connections: int = 1,
) -> AsyncIterator[Pair]:
    """The caller listens, the service polls."""
    async with runtime_pair(folder, limits) as (caller, service, echo):
        listener = await caller.listen("127.0.0.1", 0, accept="subscriber")
        server = Endpoint(f"https://127.0.0.1:{listener.port}/", caller.identity.thumbprint)
        poller = asyncio.create_task(service.poll(server, SUBSCRIPTION, connections=connections))
        endpoint = Endpoint(SUBSCRIPTION, service.identity.thumbprint)
        yield Pair(caller, service, echo, endpoint, listener, poller)
        echo.gate.set()
        poller.cancel()
        with suppress(asyncio.CancelledError):
            await poller


@asynccontextmanager
async def runtime_pair(folder: Path, limits: Limits) -> AsyncIterator[tuple[Runtime, Runtime, Echo]]:
    """A caller and a service offering `Echo`, neither listening yet."""
    caller_trust, service_trust = Trust(), Trust()
    caller_trust.allow(identity("agent").thumbprint, SUBSCRIPTION)
    service_trust.allow(identity("server").thumbprint)
    async with (
        Runtime(identity("server"), spool=folder / "server", trust=caller_trust, limits=limits) as caller,
        Runtime(identity("agent"), spool=folder / "agent", trust=service_trust, limits=limits) as service,
    ):
        echo = Echo()
        service.offer(ECHO, echo)
        yield caller, service, echo


class RawPeer:
    """A TLS peer without a protocol. It reads one TLS record at a time, as .NET peers do."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        self.connection = connection

    @classmethod
    async def dial(
        cls,
        port: int,
        shown: Identity | None,
        *,
        version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    ) -> Self:
        """Connect to a listener of ours, showing a certificate or none."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = context.maximum_version = version
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        if shown is not None:
            load_identity(context, shown)

        def connect() -> ssl.SSLSocket:
            plain = socket.create_connection(("127.0.0.1", port), timeout=20)
            return context.wrap_socket(plain)

        return cls(await asyncio.to_thread(connect))

    async def write(self, data: bytes) -> None:
        """Send `data` in one record."""
        await asyncio.to_thread(self.connection.sendall, data)

    async def read(self) -> bytes:
        """The next record; b"" once the peer has closed."""
        try:
            return await asyncio.to_thread(self.connection.recv, 65_536)
        except (ssl.SSLError, ConnectionError):
            return b""

    async def read_all(self) -> bytes:
        """Everything until the peer closes."""
        data = b""
        while piece := await self.read():
            data += piece
        return data

    @property
    def peer_thumbprint(self) -> Thumbprint:
        der = self.connection.getpeercert(binary_form=True) or b""
        return Thumbprint(hashlib.sha1(der).hexdigest().upper())

    def close(self) -> None:
        """Close without a farewell, as .NET peers do."""
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class RawListener:
    """A TLS port whose connections the test plays by hand."""

    def __init__(self, shown: Identity) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        load_identity(self._context, shown)
        self.server_names: list[str | None] = []
        self._context.sni_callback = lambda _socket, name, _context: self.server_names.append(name)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(20)
        self.port: int = self._socket.getsockname()[1]

    async def accept(self) -> RawPeer:
        """The next connection."""

        def accept() -> ssl.SSLSocket:
            plain, _ = self._socket.accept()
            plain.settimeout(20)
            return self._context.wrap_socket(plain, server_side=True)

        return RawPeer(await asyncio.to_thread(accept))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def load_identity(context: ssl.SSLContext, shown: Identity) -> None:
    """Give an identity to a context; `ssl` reads files only."""
    with tempfile.NamedTemporaryFile(suffix=".pem") as pem:
        pem.write(shown.certificate_pem + b"\n" + shown.private_key_pem)
        pem.flush()
        context.load_cert_chain(pem.name)
