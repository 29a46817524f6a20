"""Calls to listening services: a connection from the pool or a new one, retries while nothing was sent.

Source: halibut.md §3.1, §8.2, §8.3.
"""

import asyncio

from octavo.halibut.core.conversation import Role
from octavo.halibut.core.events import Identity, Kind
from octavo.halibut.endpoints import Endpoint
from octavo.halibut.errors import HalibutError, NotDelivered, ProtocolError, ResponseLost, UntrustedPeer
from octavo.halibut.limits import Limits
from octavo.halibut.transport.connection import Connection, Parcel
from octavo.halibut.transport.dialler import Dialler, Unreachable
from octavo.halibut.transport.pool import Pool
from octavo.halibut.transport.tls import ConnectionLost


class ListeningCaller:
    """Carries requests to services that we dial."""

    def __init__(self, dialler: Dialler, limits: Limits) -> None:
        self._dialler = dialler
        self._limits = limits
        self._pool = Pool(limits)

    async def carry(self, endpoint: Endpoint, seconds: float | None, request: Parcel) -> Parcel:
        """The response of the service at `endpoint`. Cancelling closes the connection that is in use.

        Raises:
            NotDelivered, UntrustedPeer: the request was not sent.
            ResponseLost: it was, at least in part.
        """
        scope = asyncio.timeout(seconds)
        connection: Connection | None = None
        try:
            async with scope:
                connection = await self._acquire(endpoint)
                return await self._use(endpoint, connection, request)
        except TimeoutError as error:
            if not scope.expired():
                raise
            kind = NotDelivered if connection is None else ResponseLost
            raise kind(f"{endpoint.uri} did not answer within {seconds:g} s.") from error

    async def _use(self, endpoint: Endpoint, connection: Connection, request: Parcel) -> Parcel:
        try:
            response = await self._exchange(endpoint, connection, request)
        except BaseException:
            connection.abort()
            raise
        self._pool.put(endpoint, connection)
        return response

    def close(self) -> None:
        """End the resting connections."""
        self._pool.close()

    async def _acquire(self, endpoint: Endpoint) -> Connection:
        """A connection that is ready for a request: a rested one that still answers, else a new one."""
        failures = 0
        while (resting := self._pool.find(endpoint)) is not None:
            try:
                await resting.test()
            except (ConnectionLost, ProtocolError):
                resting.abort()
                failures += 1
                if failures == 2:
                    self._pool.clear(endpoint)
            except BaseException:
                resting.abort()
                raise
            else:
                return resting
        return await self._dial_patiently(endpoint)

    async def _dial_patiently(self, endpoint: Endpoint) -> Connection:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._limits.connect_total_seconds
        for attempt in range(1, self._limits.connect_attempts + 1):
            try:
                return await self._dial(endpoint)
            except UntrustedPeer:
                raise
            except NotDelivered as error:
                is_last = attempt == self._limits.connect_attempts or loop.time() >= deadline
                if is_last or (isinstance(error, Unreachable) and error.is_unknown_host):
                    raise NotDelivered(_before(endpoint, error)) from error
            await asyncio.sleep(self._limits.connect_pause_seconds)
        raise AssertionError("there is at least one attempt")

    async def _dial(self, endpoint: Endpoint) -> Connection:
        connection = await self._dialler.dial(endpoint, Role.CALLING_DIALLER)
        try:
            await connection.ask_identity(Identity(Kind.CLIENT))
        except (ConnectionLost, ProtocolError) as error:
            connection.abort()
            raise NotDelivered(
                f"The remote host at {endpoint.uri} reset the connection ({error}). This may mean that the expected "
                f"listening service does not trust the thumbprint {self._dialler.own_thumbprint} or was shut down."
            ) from error
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _exchange(self, endpoint: Endpoint, connection: Connection, request: Parcel) -> Parcel:
        try:
            await connection.send_parcel(request)
            return await connection.receive_parcel(self._limits.response_seconds)
        except (HalibutError, OSError) as error:
            raise ResponseLost(
                f"An error occurred when sending a request to '{endpoint.uri}', after the request began: {error}"
            ) from error


def _before(endpoint: Endpoint, error: Exception) -> str:
    return f"An error occurred when sending a request to '{endpoint.uri}', before the request could begin: {error}"
