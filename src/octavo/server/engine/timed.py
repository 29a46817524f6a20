"""A cancellation that also has a clock of its own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


@asynccontextmanager
async def timed(cancel: asyncio.Event, seconds: float) -> AsyncIterator[tuple[asyncio.Event, Callable[[], bool]]]:
    """A signal that follows `cancel`, or comes when the time is up (0: never); and whether it was the time."""
    signal, timed_out = asyncio.Event(), asyncio.Event()

    async def follow() -> None:
        try:
            async with asyncio.timeout(seconds or None):
                await cancel.wait()
        except TimeoutError:
            timed_out.set()
        signal.set()

    follower = asyncio.create_task(follow())
    try:
        yield signal, timed_out.is_set
    finally:
        follower.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await follower
