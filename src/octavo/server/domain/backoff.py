"""How long to wait before the next try. Pure: numbers in, seconds out.

Source: tentacle-services.md §9.3 (status polls), §9.4 (retries of one call); the restart delays are ours.
"""

from enum import Enum

#: Least time that must be left for another try to be worth starting (§9.4).
_LEAST_REST_SECONDS = 1.0
_LONGEST_POLL_SECONDS = 5.0
_LONGEST_RETRY_SECONDS = 10
_LONGEST_RESTART_SECONDS = 30.0


class PollBase(Enum):
    """How fast the pauses between status polls grow: polling agents are asked less often."""

    LISTENING = 1.15
    POLLING = 1.4


def poll_delay_seconds(base: PollBase, count: int) -> float:
    """The pause after the `count`-th status answer (1, 2, …) that was not the last: 345 ms, 397 ms, … 5 s."""
    if count > 60:  # far beyond the cap; keeps the power small
        return _LONGEST_POLL_SECONDS
    return min(_LONGEST_POLL_SECONDS, round(300 * base.value**count) / 1000)


def retry_delay_seconds(attempt: int, elapsed_seconds: float, duration_seconds: float) -> float | None:
    """The pause after the failed attempt number `attempt` (1, 2, …), or None when there is no time for another."""
    delay = min(attempt, _LONGEST_RETRY_SECONDS)
    if duration_seconds - elapsed_seconds - delay < _LEAST_REST_SECONDS:
        return None
    return float(delay)


def restart_delay_seconds(failures: int, jitter: float) -> float:
    """The pause before starting a process again that ended `failures` times in a row. `jitter` is in [0, 1)."""
    longest = min(_LONGEST_RESTART_SECONDS, 0.25 * 2 ** min(failures, 10))
    return float(longest * (0.5 + jitter / 2))


def recheck_delay_seconds(failures: int) -> float:
    """The pause before an unreachable machine is checked again: 5 s, 10 s, … 5 min."""
    return float(min(300.0, 5.0 * 2 ** min(failures, 10)))
