"""What one subscriber has not read yet."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

WAITING_MESSAGES = 1_024  # a reader this far behind has to look by itself anyway


class Mailbox:
    """A bounded queue with one reader; full, it loses the oldest message."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque(maxlen=WAITING_MESSAGES)
        self._news = asyncio.Event()
        self._is_closed = False

    def put(self, payload: bytes) -> None:
        """Add a message; never waits."""
        self._waiting.append(payload)
        self._news.set()

    def close(self) -> None:
        """Let the reader finish what is here, then end."""
        self._is_closed = True
        self._news.set()

    def messages(self) -> AsyncIterator[bytes]:
        """The messages, oldest first, waiting for more until the mailbox is closed.

        Not a generator: a reader whose wait for the next message is cut short may go on waiting afterwards.
        """
        return _Messages(self)

    async def next_message(self) -> bytes | None:
        """The oldest message, waited for; None once the mailbox is closed and empty."""
        while not self._waiting:
            if self._is_closed:
                return None
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()


class _Messages(AsyncIterator[bytes]):
    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def __anext__(self) -> bytes:
        message = await self._mailbox.next_message()
        if message is None:
            raise StopAsyncIteration
        return message
