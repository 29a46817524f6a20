"""Resting connections to listening services, kept for the next call.

Source: halibut.md §3.1; each is tested by NEXT and PROCEED before it is used again.
"""

import asyncio
from dataclasses import dataclass

from octavo.halibut.endpoints import Endpoint
from octavo.halibut.limits import Limits
from octavo.halibut.transport.connection import Connection


class Pool:
    """Connections that rest after a call that went well, the youngest used first."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._resting: dict[object, list[_Resting]] = {}

    def find(self, endpoint: Endpoint) -> Connection | None:
        """A resting connection, now the caller's; those that died meanwhile are dropped."""
        resting = self._resting.get(_key(endpoint), [])
        while resting:
            candidate = resting.pop()
            candidate.eviction.cancel()
            if not candidate.connection.is_lost:
                return candidate.connection
            candidate.connection.abort()
        return None

    def put(self, endpoint: Endpoint, connection: Connection) -> None:
        """Keep a connection for later, or end it when enough rest already."""
        resting = self._resting.setdefault(_key(endpoint), [])
        if connection.is_lost or len(resting) >= self._limits.pooled_connections:
            connection.end()
            return
        seconds = self._limits.pooled_connection_seconds
        eviction = asyncio.get_running_loop().call_later(seconds, self._evict, resting, connection)
        resting.append(_Resting(connection, eviction))

    def clear(self, endpoint: Endpoint) -> None:
        """End all that rest for `endpoint`: the last ones were dead, so these are too."""
        self._end(self._resting.pop(_key(endpoint), []))

    def close(self) -> None:
        """End all that rest."""
        for resting in self._resting.values():
            self._end(resting)
        self._resting.clear()

    def count(self, endpoint: Endpoint) -> int:
        """How many rest for `endpoint`."""
        return len(self._resting.get(_key(endpoint), ()))

    def _evict(self, resting: "list[_Resting]", connection: Connection) -> None:
        resting[:] = [each for each in resting if each.connection is not connection]
        connection.end()

    def _end(self, resting: "list[_Resting]") -> None:
        for each in resting:
            each.eviction.cancel()
            each.connection.end()


@dataclass(frozen=True, slots=True)
class _Resting:
    connection: Connection
    eviction: asyncio.TimerHandle


def _key(endpoint: Endpoint) -> object:
    return endpoint.canonical_uri, endpoint.thumbprint, endpoint.proxy
