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

    async def messages(self) -> AsyncIterator[bytes]:
        """The messages, oldest first, waiting for more until the mailbox is closed."""
        while True:
            await self._news.wait()
            while self._waiting:
                yield self._waiting.popleft()
            if self._is_closed:
                return
            self._news.clear()
