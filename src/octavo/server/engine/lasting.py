"""Keeps a loop of the engine going: a fault in one look must end neither the loop nor the server.

The loops are level-triggered, so one that starts again does what the failed look left.
Source: DESIGN §6.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

REST_SECONDS = 1.0


async def run_lasting(
    name: str, loop: Callable[[], Awaitable[None]], pause: Callable[[float], Awaitable[object]] = asyncio.sleep
) -> None:
    """Run `loop` until it returns or is cancelled; after a fault, which is logged, rest and run it again."""
    while True:
        try:
            await loop()
            return
        except Exception:  # the root of a loop: the server must live on
            log.exception("a part of the engine failed and is started again", extra={"part": name})
        await pause(REST_SECONDS)
