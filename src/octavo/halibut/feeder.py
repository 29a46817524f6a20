"""Feeding polling services: each connection takes requests from its subscription's queue, or says that there are none.

Source: halibut.md §3.2, §9.2, §9.3.
"""

import logging

from octavo.halibut.core.conversation import Role
from octavo.halibut.core.messages import NullRequest, Request, Response
from octavo.halibut.errors import HalibutError, ResponseLost
from octavo.halibut.limits import Limits
from octavo.halibut.queue import CollectedCall, PollingQueue
from octavo.halibut.transport.connection import Connection, Parcel
from octavo.halibut.transport.tls import ConnectionLost

log = logging.getLogger(__name__)

ROLE = Role.CALLING_LISTENER


class Feeder:
    """Serves the connections of polling services."""

    def __init__(self, queue: PollingQueue, limits: Limits) -> None:
        self._queue = queue
        self._limits = limits

    async def serve(self, connection: Connection, subscription: str) -> None:
        """Feed one connection until it ends. A request whose connection breaks is never queued again."""
        while True:
            await self.feed_once(connection, subscription)
            if not await connection.answer_test(self._limits.control_seconds):
                return

    async def feed_once(self, connection: Connection, subscription: str) -> None:
        """One request and its response, or a null message when nothing came for a while."""
        async with connection.watched():
            call = await self._queue.collect(subscription, self._limits.queue_wait_seconds)
        if call is None:
            await connection.send_parcel(Parcel(NullRequest()))
        elif connection.is_lost:
            call.give_back()
            raise ConnectionLost("the peer went away while we waited")
        else:
            await self._exchange(connection, call)

    async def _exchange(self, connection: Connection, call: CollectedCall) -> None:
        call.when_abandoned(connection.abort)
        try:
            await connection.send_parcel(call.parcel)
            response = await connection.receive_parcel(self._limits.response_seconds)
        except (HalibutError, OSError) as error:
            call.settle(ResponseLost(f"The connection broke after the request began: {error}"))
            raise
        except BaseException:
            call.settle(ResponseLost("The connection was closed after the request began."))
            raise
        self._deliver(call, response)

    def _deliver(self, call: CollectedCall, response: Parcel) -> None:
        assert isinstance(call.parcel.message, Request)
        assert isinstance(response.message, Response)
        if response.message.id == call.parcel.message.id:
            call.settle(response)
            return
        log.warning("a response to a request that was not asked", extra={"id": response.message.id[:200]})
        response.discard_files()
        call.settle(ResponseLost("The service answered another request than it was asked."))
