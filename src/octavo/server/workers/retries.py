"""Calls that may be repeated are, for as long as the machine policy says.

Source: tentacle-services.md §9.4 (retries of one call), §10.2 (what is worth repeating).
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from octavo.halibut import HalibutError, LocalProtocolError, ServiceFailed, UntrustedPeer
from octavo.server.domain.backoff import retry_delay_seconds

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Told of each retry, in the words of §9.4; the task log shows it.
Notice = Callable[[str], Awaitable[None]]


async def say_nothing(_: str) -> None:
    """The notice of who does not care."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long one call is repeated. 0: not at all. The default is the default machine policy's."""

    duration_seconds: float = 150.0


NO_RETRIES = RetryPolicy(0)


def is_worth_repeating(error: HalibutError) -> bool:
    """Whether the same call may succeed later: not when the service answered, nor when it is the wrong machine."""
    return not isinstance(error, ServiceFailed | UntrustedPeer | LocalProtocolError)


async def call_with_retries(
    call: Callable[[], Awaitable[T]],
    policy: RetryPolicy,
    notify: Notice = say_nothing,
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> T:
    """The result of `call`, repeated while that is worth it and time remains.

    Raises:
        HalibutError: the last real error.
    """
    begin, attempt, last = time.monotonic(), 0, None
    while True:
        attempt += 1
        # The first try has no limit but the wire's own; each later one gets the time that is left.
        scope = asyncio.timeout(None if last is None else max(0.0, policy.duration_seconds - _since(begin)))
        try:
            async with scope:
                return await call()
        except TimeoutError:
            if last is None or not scope.expired():
                raise
            await notify(_given_up(_since(begin), attempt))
            raise last from None
        except HalibutError as error:
            last = error
        if not is_worth_repeating(last) or not policy.duration_seconds:
            raise last
        delay = retry_delay_seconds(attempt, _since(begin), policy.duration_seconds)
        if delay is None:
            await notify(_given_up(_since(begin), attempt))
            raise last
        await notify(_repeating(delay, attempt, policy.duration_seconds))
        log.info("a call to an agent is repeated", extra={"attempt": attempt, "error": str(last)})
        await pause(delay)


def _since(begin: float) -> float:
    return time.monotonic() - begin


def _repeating(delay: float, attempt: int, duration: float) -> str:
    return (
        f"An error occurred communicating with Tentacle. This action will be retried after {delay:.0f} seconds. "
        f"Retry attempt {attempt}. Retries will be performed for up to {duration:.0f} seconds."
    )


def _given_up(elapsed: float, attempts: int) -> str:
    tried = " No more retries will be attempted." if attempts > 1 else ""
    return f"Could not communicate with Tentacle after {elapsed:.0f} seconds.{tried}"
