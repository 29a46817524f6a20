"""The server, put together: the only place that builds objects.

Reads from top to bottom as the server starts: lock the folder, open the store, make what a first start needs, open the
ports, start the services, tell everybody where we are. Everything ends in the opposite order.
"""

import asyncio
import contextlib
import errno
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from octavo.base.clock import SystemClock
from octavo.base.errors import ConfigurationError
from octavo.halibut import Limits, Runtime
from octavo.server.api.application import make_application
from octavo.server.api.dependencies import ApiServices
from octavo.server.blobs import BlobStore, LocalBlobs
from octavo.server.bus import Bus, MemoryBus
from octavo.server.domain.vault import Vault
from octavo.server.engine.engine import EngineSettings, running_engine
from octavo.server.feeds.open_feeds import OpenFeeds
from octavo.server.operations.authentication import Authenticator
from octavo.server.operations.context import Parts
from octavo.server.operations.credentials import Passwords
from octavo.server.operations.first_start import Installation, Wanted, prepare_installation
from octavo.server.operations.space_directory import SpaceDirectory
from octavo.server.packages.deltas import Deltas
from octavo.server.settings import Address, Settings
from octavo.server.store import Store
from octavo.server.store.folder_lock import locked_folder
from octavo.server.store.secrets import load_keyring

#: Scripts under way hold a connection each: as many stay for the next ones as a busy worker has at once.
HALIBUT_LIMITS = Limits(pooled_connections=32)
GRACE_SECONDS = 10  # for requests under way when the server is told to end


@dataclass(frozen=True, slots=True)
class Node:
    """One running server process, as its services see it."""

    settings: Settings
    parts: Parts
    installation: Installation
    halibut: Runtime
    web: socket.socket


@dataclass(frozen=True, slots=True)
class Started:
    """What whoever started the server is told: where it listens, and the administrator made at the first start."""

    api: str
    polling: str
    thumbprint: str
    installation: Installation


#: A part of the server that runs beside the API, such as the engine: entered in this order, left in the opposite one.
Service = Callable[[Node], AbstractAsyncContextManager[None]]


def _engine(node: Node) -> AbstractAsyncContextManager[None]:
    """Everything that happens by itself: tasks, health checks, the built-in worker."""
    settings = node.settings
    wanted = EngineSettings(
        data=settings.data,
        database_url=settings.database_url,
        server_url=settings.external_url or _url("http", node.web),
        node_name=settings.node_name,
        task_cap=settings.task_cap,
    )
    return running_engine(wanted, node.parts, node.halibut)


SERVICES: tuple[Service, ...] = (_engine,)


async def run_server(settings: Settings, announce: Callable[[Started], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: the operator must change something first; nothing half made is left.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running_server(settings) as started:
        announce(started)
        await stop.wait()


@asynccontextmanager
async def running_server(settings: Settings) -> AsyncIterator[Started]:
    """The server, while the block runs."""
    async with AsyncExitStack() as stack:
        stack.enter_context(locked_folder(settings.data))
        web = stack.enter_context(open_socket(settings.listen, "listen"))
        parts = await stack.enter_async_context(opened_parts(settings))
        passwords = Passwords()
        wanted = Wanted(settings.admin_username, settings.admin_password, settings.admin_api_key)
        installation = await prepare_installation(parts, passwords, wanted)
        halibut = Runtime(installation.identity, spool=settings.data / "spool", limits=HALIBUT_LIMITS)
        await stack.enter_async_context(halibut)
        node = Node(settings, parts, installation, halibut, web)
        for service in SERVICES:
            await stack.enter_async_context(service(node))
        polling = await _listen_for_polling_agents(halibut, settings.polling_listen)  # now it is known whom we trust
        services = ApiServices(
            parts=parts,
            authenticator=Authenticator(parts, passwords),
            passwords=passwords,
            spaces=SpaceDirectory(parts.store),
            installation_id=installation.installation_id,
            identity=installation.identity,
            spool=settings.data / "spool" / "uploads",
            deltas=Deltas(parts.blobs, settings.data / "spool-out"),
            external_url=settings.external_url,
        )
        await stack.enter_async_context(_serving(make_application(services), web))
        started = Started(_url("http", web), polling, installation.identity.thumbprint, installation)
        stack.enter_context(_told_in_file(settings.data / "server.json", started))
        yield started


@asynccontextmanager
async def opened_parts(settings: Settings) -> AsyncIterator[Parts]:
    """The store, migrated, and what goes with it. For the server, and for commands that work beside it."""
    keyring = load_keyring(settings.data, settings.master_key)
    vault = Vault({key.id: key.key for key in keyring.keys}, keyring.active.id)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(await Store.open(settings.database_url))
        await store.migrate()
        bus = await _bus(settings, stack)
        blobs = _blobs(settings)
        feeds = OpenFeeds(SystemClock())
        stack.push_async_callback(feeds.close)
        yield Parts(store, bus, blobs, SystemClock(), vault, feeds)


async def _bus(settings: Settings, stack: AsyncExitStack) -> Bus:
    if settings.bus is None:
        bus = MemoryBus()
        stack.push_async_callback(bus.close)
        return bus
    from octavo.server.bus.nats_bus import NatsBus

    nats = await NatsBus.open(settings.bus)
    stack.push_async_callback(nats.close)
    return nats


def _blobs(settings: Settings) -> BlobStore:
    if settings.blobs is None:
        return LocalBlobs(settings.data / "blobs")
    from octavo.server.blobs.s3_blobs import S3Blobs, S3Settings

    return S3Blobs(S3Settings.parse(settings.blobs))


async def _listen_for_polling_agents(halibut: Runtime, address: Address) -> str:
    try:
        listener = await halibut.listen(address.host, address.port, accept="subscriber")
    except OSError as error:
        raise _port_error(address, "polling-listen", error) from error
    host, port = listener.address
    return f"https://{Address(host, port)}"


class _EmbeddedServer(uvicorn.Server):
    """Uvicorn inside our own process: signals are `run_server`'s matter."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_ready = asyncio.Event()
        self._is_over = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections."""
        await super().startup(sockets)
        self.is_ready.set()

    async def main_loop(self) -> None:
        """Once a second the date header; uvicorn's own loop wakes ten times as often to look for the end."""
        second = 0
        while not await self.on_tick(second * 10):
            second += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._is_over.wait()

    def end(self) -> None:
        """Stop accepting; answer what is under way."""
        self.should_exit = True
        self._is_over.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


@asynccontextmanager
async def _serving(application: ASGIApp, web: socket.socket) -> AsyncIterator[None]:
    config = uvicorn.Config(
        application,
        loop="asyncio",
        http="httptools",  # h11 refuses request lines that our clients send
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _EmbeddedServer(config)
    serving = asyncio.create_task(server.serve(sockets=[web]), name="api")
    try:
        await server.is_ready.wait()
        yield
    finally:
        server.end()
        await serving


def open_socket(address: Address, option: str) -> socket.socket:
    """A listening socket.

    Raises:
        ConfigurationError: the port is taken, or not ours to open.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    # Named as TCP: else asyncio leaves Nagle's algorithm on, and every answer waits 40 ms for a delayed ACK.
    web = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        web.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        web.bind((address.host, address.port))
        web.listen(2048)
    except OSError as error:
        web.close()
        raise _port_error(address, option, error) from error
    web.setblocking(False)
    return web


def _port_error(address: Address, option: str, error: OSError) -> ConfigurationError:
    if error.errno == errno.EADDRINUSE:
        return ConfigurationError(
            f"Port {address.port} on {address.host} is in use by another program. End it, or choose another address "
            f"with --{option} HOST:PORT."
        )
    return ConfigurationError(
        f"This server cannot listen on {address}: {error.strerror or error}. Choose an address of this machine and a "
        f"port that this account may open, with --{option} HOST:PORT."
    )


def _url(scheme: str, web: socket.socket) -> str:
    host, port = web.getsockname()[:2]
    return f"{scheme}://{Address(host, port)}"


@contextmanager
def _told_in_file(path: Path, started: Started) -> Iterator[None]:
    """`server.json`: where the server listens, for programs on this machine. There while it runs."""
    document = {
        "Pid": os.getpid(),
        "Api": started.api,
        "Polling": started.polling,
        "Thumbprint": started.thumbprint,
    }
    temporary = path.with_suffix(".json.new")
    temporary.write_text(json.dumps(document, indent=2) + "\n")
    temporary.replace(path)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
