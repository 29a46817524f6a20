"""Requests waiting for polling services: one first-in-first-out queue for each `poll://` id.

`PollingQueue` is the seam (tests/conformance/halibut holds what every implementation must do); `MemoryQueue` is the
one for a single process. Source: halibut.md §3.2, §9.2, §9.3.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from octavo.halibut.errors import HalibutError, NotDelivered
from octavo.halibut.transport.connection import Parcel


class CollectedCall(Protocol):
    """A request that a connection has taken from the queue. Settle it or give it back, exactly once."""

    @property
    def parcel(self) -> Parcel:
        """The request and its data streams."""

    def settle(self, outcome: Parcel | HalibutError) -> None:
        """Hand the response, or what prevented it, to the caller. Nothing happens if the caller has gone."""

    def give_back(self) -> None:
        """Instead of settling: nothing of it was sent, so the next one to collect gets it. Its patience runs on."""

    def when_abandoned(self, act: Callable[[], None]) -> None:
        """Call `act` as soon as the caller gives the call up. Its connection is to be closed: none can be cancelled."""


class PollingQueue(Protocol):
    """Brings requests to whoever polls for them, and responses back. Safe to use from many tasks."""

    async def submit(self, subscription: str, parcel: Parcel, collect_seconds: float) -> Parcel:
        """Queue a request and wait for its response.

        Cancelled before it is collected, the request is gone; afterwards its connection is told.

        Raises:
            NotDelivered: nobody collected it within `collect_seconds`; it is withdrawn.
            HalibutError: what the collecting side settled it with.
        """

    async def collect(self, subscription: str, wait_seconds: float) -> CollectedCall | None:
        """The oldest waiting request, or None after `wait_seconds`. Cancelled, it takes nothing."""


class MemoryQueue:
    """The queues of one process."""

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}

    async def submit(self, subscription: str, parcel: Parcel, collect_seconds: float) -> Parcel:
        call = _Call(parcel, lambda call: self._queue(subscription).put_back(call))
        self._queue(subscription).put(call)
        try:
            return await _outcome(call, collect_seconds)
        finally:
            call.leave()
            self._queue(subscription).withdraw(call)
            self._forget_if_empty(subscription)

    async def collect(self, subscription: str, wait_seconds: float) -> CollectedCall | None:
        try:
            return await self._queue(subscription).take(wait_seconds)
        finally:
            self._forget_if_empty(subscription)

    def _queue(self, subscription: str) -> "_Queue":
        return self._queues.setdefault(subscription, _Queue())

    def _forget_if_empty(self, subscription: str) -> None:
        queue = self._queues.get(subscription)
        if queue is not None and queue.is_empty:
            del self._queues[subscription]


async def _outcome(call: "_Call", collect_seconds: float) -> Parcel:
    deadline = asyncio.get_running_loop().time() + collect_seconds
    scope = asyncio.timeout_at(deadline)
    call.when_collected = lambda: scope.reschedule(None)
    call.when_given_back = lambda: scope.reschedule(deadline)
    try:
        async with scope:
            return await call.response
    except TimeoutError as error:
        if not scope.expired():
            raise
        raise NotDelivered(
            "A request was sent to a polling endpoint, but the polling endpoint did not collect the request within "
            f"the allowed time ({collect_seconds:g} s), so the request timed out."
        ) from error


class _Call:
    def __init__(self, parcel: Parcel, put_back: "Callable[[_Call], None]") -> None:
        self.parcel = parcel
        self._put_back = put_back
        self.response: asyncio.Future[Parcel] = asyncio.get_running_loop().create_future()
        self.when_collected: Callable[[], None] = lambda: None
        self.when_given_back: Callable[[], None] = lambda: None
        self._abandoned: Callable[[], None] | None = None

    def settle(self, outcome: Parcel | HalibutError) -> None:
        if self.response.done():
            if isinstance(outcome, Parcel):
                outcome.discard_files()
        elif isinstance(outcome, Parcel):
            self.response.set_result(outcome)
        else:
            self.response.set_exception(outcome)

    def give_back(self) -> None:
        if not self.response.done():
            self.when_given_back()
            self._put_back(self)

    def when_abandoned(self, act: Callable[[], None]) -> None:
        self._abandoned = act
        if self.response.cancelled():
            act()

    def leave(self) -> None:
        """The caller waits no more."""
        self.response.cancel()
        if not self.response.cancelled():
            self.response.exception()  # seen, also when the caller was cancelled in the same moment
        elif self._abandoned is not None:
            self._abandoned()


class _Queue:
    def __init__(self) -> None:
        self._waiting: deque[_Call] = deque()
        self._collectors: deque[asyncio.Future[_Call]] = deque()

    @property
    def is_empty(self) -> bool:
        return not self._waiting and not self._collectors

    def put(self, call: _Call) -> None:
        if not self._hand_over(call):
            self._waiting.append(call)

    def put_back(self, call: _Call) -> None:
        if not call.response.done() and not self._hand_over(call):
            self._waiting.appendleft(call)

    def _hand_over(self, call: _Call) -> bool:
        """Give the call to who came last: connections beyond what is needed then stay idle, and end."""
        while self._collectors:
            collector = self._collectors.pop()
            if not collector.done():
                collector.set_result(call)
                return True
        return False

    def withdraw(self, call: _Call) -> None:
        if call in self._waiting:
            self._waiting.remove(call)

    async def take(self, wait_seconds: float) -> _Call | None:
        while self._waiting:
            call = self._waiting.popleft()
            if not call.response.done():
                call.when_collected()
                return call
        return await self._wait_for_one(wait_seconds)

    async def _wait_for_one(self, wait_seconds: float) -> _Call | None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_seconds
        while (remaining := deadline - loop.time()) > 0:
            collector: asyncio.Future[_Call] = loop.create_future()
            self._collectors.append(collector)
            try:
                await asyncio.wait([collector], timeout=remaining)
            except asyncio.CancelledError:
                if collector.done():  # it was handed to us in the very moment we were cancelled
                    self.put_back(collector.result())
                raise
            finally:
                if collector in self._collectors:
                    self._collectors.remove(collector)
            if not collector.done():
                return None
            call = collector.result()
            if not call.response.done():
                call.when_collected()
                return call
        return None
