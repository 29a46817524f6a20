"""Halibut in one process: calls out, services in, listening ports and polling.

Source: halibut.md; DESIGN §4.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from octavo.halibut.core.conversation import Role
from octavo.halibut.core.wire_types import Contract
from octavo.halibut.endpoints import Endpoint
from octavo.halibut.errors import ResponseLost
from octavo.halibut.feeder import Feeder
from octavo.halibut.identity import Identity, Thumbprint
from octavo.halibut.limits import Limits
from octavo.halibut.listening_calls import ListeningCaller
from octavo.halibut.poller import Poller
from octavo.halibut.queue import MemoryQueue, PollingQueue
from octavo.halibut.services import Services
from octavo.halibut.stubs import make_stub
from octavo.halibut.transport.connection import Connection, Parcel
from octavo.halibut.transport.dialler import Dialler
from octavo.halibut.transport.listener import FriendlyPage, Listener
from octavo.halibut.transport.spool import Spool
from octavo.halibut.transport.tls import READ_BYTES, ListenerTls
from octavo.halibut.trust import Trust

log = logging.getLogger(__name__)

_WITHDRAWAL_SECONDS = 0.1  # an uncollected request is withdrawn by its queue, which knows that; we wait that much more

T = TypeVar("T")


class Runtime:
    """All of Halibut that one process needs. Use it as `async with`: leaving closes everything it opened.

    `spool` is a folder of our own for data streams under way; it is made, and emptied, on entering. Streams received
    with a request are deleted after it; those in a result belong to the caller, who moves or deletes the file.
    `on_refused(address, thumbprint)` hears of everybody who was not let in; the thumbprint is None when none was shown.
    """

    def __init__(
        self,
        identity: Identity,
        *,
        spool: Path,
        trust: Trust | None = None,
        limits: Limits = Limits(),  # noqa: B008  # frozen
        queue: PollingQueue | None = None,
        on_refused: Callable[[str, Thumbprint | None], None] | None = None,
    ) -> None:
        self.identity = identity
        self.trust = trust or Trust()
        self.limits = limits
        self._on_refused = on_refused
        self._spool_folder = spool
        self._spool = Spool(spool)
        self._queue = queue or MemoryQueue()
        self._services = Services()
        self._read_buffer = memoryview(bytearray(READ_BYTES))
        self._listeners: list[Listener] = []
        self.trust.when_revoked(self._close_connections_of)

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._spool.prepare)
        self._dialler = Dialler(self.identity, self.limits, self._spool, self._spool_folder, self._read_buffer)
        self._listener_tls = ListenerTls(self.identity)
        self._caller = ListeningCaller(self._dialler, self.limits)
        self._feeder = Feeder(self._queue, self.limits)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._caller.close()
        for listener in self._listeners:
            await listener.close()
        await asyncio.sleep(0)  # transports close in the next round of the loop

    def offer(self, contract: Contract[Any], implementation: object) -> None:
        """Serve calls of `contract` by `implementation`, an object with the Protocol's coroutines."""
        self._services.offer(contract, implementation)

    def call(self, contract: Contract[T], endpoint: Endpoint, *, timeout_seconds: float | None = None) -> T:
        """An object with the contract's coroutines; each is one call to the service at `endpoint`.

        Cheap: make one for each call or keep it. `timeout_seconds` bounds a whole call, connecting included. Cancelling
        a call closes its connection (listening), or withdraws the request if it was not collected yet (polling).

        Raises (the coroutines):
            NotDelivered, UntrustedPeer: the service never had the request.
            ResponseLost: it may have been executed.
            ServiceFailed, ServiceNotFound: the service answered with an error.
        """
        carry = self._carry_polling if endpoint.is_polling else self._caller.carry
        return make_stub(contract, endpoint, self.limits, partial(carry, endpoint, timeout_seconds))

    async def listen(
        self,
        host: str | None,
        port: int,
        *,
        accept: Literal["client", "subscriber"],
        page: FriendlyPage = FriendlyPage(),  # noqa: B008  # frozen
    ) -> Listener:
        """Open a port: for `client`s, whose calls our services answer, or for `subscriber`s, who fetch requests.

        Raises:
            OSError: the port cannot be had.
        """
        serves_clients = accept == "client"
        listener = Listener(
            self._listener_tls,
            Role.SERVING_LISTENER if serves_clients else Role.CALLING_LISTENER,
            self,
            self._serve_client if serves_clients else self._serve_subscriber,
            page=page,
            limits=self.limits,
            spool=self._spool,
            read_buffer=self._read_buffer,
        )
        await listener.open(host, port)
        self._listeners.append(listener)
        return listener

    async def poll(self, server: Endpoint, subscription: str, *, connections: int = 1) -> None:
        """Fetch requests for `subscription` (`poll://id/`) from `server` until cancelled.

        Keeps `connections` waiting; opens more while calls keep them busy, and ends those that are idle too long.
        """
        await Poller(
            self._dialler, self._services, self.limits, server, subscription, waiting_connections=connections
        ).run()

    # --- what listeners ask (transport.listener.Gate) -----------------------------------------------------------------

    def admit(self, thumbprint: Thumbprint) -> bool:
        """Whether this peer may talk to us at all."""
        return self.trust.is_trusted(thumbprint)

    def admit_subscription(self, thumbprint: Thumbprint, subscription: str) -> bool:
        """Whether it may fetch the requests of that id."""
        return self.trust.may_subscribe(thumbprint, subscription)

    def refused(self, address: str, thumbprint: Thumbprint | None) -> None:
        """Somebody was not let in."""
        log.warning("a peer was refused", extra={"address": address, "thumbprint": thumbprint})
        if self._on_refused is not None:
            self._on_refused(address, thumbprint)

    # --- inside -------------------------------------------------------------------------------------------------------

    async def _serve_client(self, connection: Connection, _: str | None) -> None:
        while True:
            request = await connection.receive_parcel(self.limits.next_request_seconds)
            try:
                response = await self._services.answer(request)
                await connection.send_parcel(response)
            finally:
                request.discard_files()
            if not await connection.answer_test(self.limits.control_seconds):
                return

    async def _serve_subscriber(self, connection: Connection, subscription: str | None) -> None:
        assert subscription is not None
        await self._feeder.serve(connection, subscription)

    async def _carry_polling(self, endpoint: Endpoint, seconds: float | None, request: Parcel) -> Parcel:
        collect_seconds = self.limits.collect_seconds if seconds is None else min(seconds, self.limits.collect_seconds)
        scope = asyncio.timeout(None if seconds is None else seconds + _WITHDRAWAL_SECONDS)
        try:
            async with scope:
                return await self._queue.submit(endpoint.canonical_uri, request, collect_seconds)
        except TimeoutError as error:
            if not scope.expired():
                raise
            raise ResponseLost(f"{endpoint.uri} has the request, but did not answer within {seconds:g} s.") from error

    def _close_connections_of(self, thumbprint: Thumbprint) -> None:
        for listener in self._listeners:
            listener.close_connections_of(thumbprint)
