"""Polling a server for requests: some connections always wait for one, more are opened while all are busy.

A call may be held back for a minute waiting for news, so one connection is not enough. Source: halibut.md §3.2.
"""

import asyncio
import logging
import random
from dataclasses import dataclass, field

from octavo.halibut.core.conversation import Role
from octavo.halibut.core.events import Identity, Kind
from octavo.halibut.core.messages import NullRequest
from octavo.halibut.endpoints import Endpoint, canonical_uri
from octavo.halibut.errors import HalibutError
from octavo.halibut.limits import Limits
from octavo.halibut.services import Services
from octavo.halibut.transport.connection import Connection
from octavo.halibut.transport.dialler import Dialler

log = logging.getLogger(__name__)


class Poller:
    """Polls one server for one subscription with as many connections as the calls need."""

    def __init__(
        self,
        dialler: Dialler,
        services: Services,
        limits: Limits,
        server: Endpoint,
        subscription: str,
        *,
        waiting_connections: int,
    ) -> None:
        self._dialler = dialler
        self._services = services
        self._limits = limits
        self._server = server
        self._introduction = Identity(Kind.SUBSCRIBER, canonical_uri(subscription))
        self._wanted = waiting_connections
        self._waiting = 0  # connections that are idle, or on their way to be
        self._busy = 0

    async def run(self) -> None:
        """Poll until cancelled. Requests under way are cancelled too, and their connections closed.

        Raises:
            ValueError: the server's endpoint cannot be dialled.
        """
        _ = self._server.address  # raises here, not in the group
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._grow()
            await asyncio.get_running_loop().create_future()

    def _grow(self) -> None:
        """Open connections until enough of them wait."""
        while self._waiting < self._wanted and self._waiting + self._busy < self._limits.polling_connections:
            self._waiting += 1
            name = f"poll {self._server.uri} for {self._introduction.subscription}"
            self._group.create_task(self._poll_forever(), name=name)

    async def _poll_forever(self) -> None:
        """One connection after another, until we are one too many."""
        backoff = Backoff(self._limits)
        try:
            while True:
                try:
                    connection = await self._connect()
                except HalibutError as error:
                    pause = backoff.after_failure(asyncio.get_running_loop().time())
                    log.info("cannot poll", extra={"server": self._server.uri, "reason": str(error), "pause": pause})
                else:
                    if await self._serve(connection):
                        return
                    pause = backoff.after_loss()
                await asyncio.sleep(pause)
        finally:
            self._waiting -= 1

    async def _connect(self) -> Connection:
        connection = await self._dialler.dial(self._server, Role.SERVING_DIALLER)
        try:
            await connection.ask_identity(self._introduction)
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _serve(self, connection: Connection) -> bool:
        """Answer what comes. True when we ended the connection because nobody needs it, False when it broke."""
        try:
            while True:
                was_idle = await self._serve_once(connection)
                if was_idle and self._waiting > self._wanted:
                    connection.end()
                    return True
                await connection.test()
        except (HalibutError, OSError) as error:  # OSError: a file of a data stream, or a full disk
            log.info("a polling connection ended", extra={"server": self._server.uri, "reason": str(error)})
            return False
        finally:
            connection.abort()

    async def _serve_once(self, connection: Connection) -> bool:
        """One message of the server; whether it was the null message."""
        request = await connection.receive_parcel(self._limits.next_message_seconds)
        if isinstance(request.message, NullRequest):
            return True
        self._waiting -= 1
        self._busy += 1
        self._grow()
        try:
            await connection.send_parcel(await self._services.answer(request))
        finally:
            request.discard_files()
            self._busy -= 1
            self._waiting += 1
        return False


@dataclass
class Backoff:
    """How long to wait before dialling again: soon after a loss, ever longer while dialling fails (§3.2)."""

    limits: Limits
    spread: float = field(default_factory=random.random)
    _failing_since: float | None = None

    def after_failure(self, now: float) -> float:
        """Seconds to wait after dialling failed at `now`: what has passed since the first failure, times 1 to 2."""
        if self._failing_since is None:
            self._failing_since = now
        pause = (now - self._failing_since) * (1 + self.spread)
        return min(max(pause, self.limits.reconnect_minimum_seconds), self.limits.reconnect_maximum_seconds)

    def after_loss(self) -> float:
        """Seconds to wait after a connection that stood was lost: spread, so that a thousand do not come at once."""
        self._failing_since = None
        return self.limits.reconnect_after_loss_seconds * self.spread
