"""The seam: wake-ups, live news and questions between nodes. Nothing durable lives here.

A lost message means latency, never loss: whoever waits for a wake-up also looks by itself now and then.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from octavo.base.errors import OctavoError

#: Answers one request; its errors reach nobody but the service log.
Handler = Callable[[bytes], Awaitable[bytes]]


class NobodyAnswers(OctavoError):
    """No node answers this subject, or the one that does was too slow. Asking again is the caller's decision."""


class Bus(Protocol):
    """Subjects are dotted words (`task.ServerTasks-7`); `*` in a subscription stands for one word.

    All methods may be used from many coroutines of one event loop. Payloads stay below 512 KiB: what is larger goes
    through the blobs.
    """

    async def publish(self, subject: str, payload: bytes = b"") -> None:
        """Tell everybody who subscribes now. Does not wait for them and does not fail when there is nobody."""

    def subscribe(self, subject: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Messages from the moment the block is entered. A reader far behind (1,024 messages) loses the oldest."""

    async def request(self, subject: str, payload: bytes, timeout_seconds: float) -> bytes:
        """Ask whoever answers the subject; one answers, if several do.

        Raises:
            NobodyAnswers: at once when nobody does, or after `timeout_seconds`.
        """

    def answer(self, subject: str, handler: Handler) -> AbstractAsyncContextManager[None]:
        """Answer requests while the block runs, several at once; leaving it cancels what still runs."""

    async def close(self) -> None:
        """End all subscriptions."""
