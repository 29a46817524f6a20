"""How long to wait before the next try."""

from octavo.server.domain.backoff import (
    PollBase,
    poll_delay_seconds,
    recheck_delay_seconds,
    restart_delay_seconds,
    retry_delay_seconds,
)


def test_status_polls_slow_down_as_specified() -> None:
    """services 37: back-off follows 9.3 for listening and polling agents."""
    listening = [poll_delay_seconds(PollBase.LISTENING, count) for count in (1, 2, 3, 21, 1000)]
    polling = [poll_delay_seconds(PollBase.POLLING, count) for count in (1, 2, 3, 9, 1000)]

    assert listening == [0.345, 0.397, 0.456, 5.0, 5.0]
    assert polling == [0.42, 0.588, 0.823, 5.0, 5.0]


def test_retries_wait_longer_each_time_within_their_duration() -> None:
    """services 35: retry sleeps are 1, 2, 3 … 10, 10 s, bounded by the retry duration."""
    delays = [retry_delay_seconds(attempt, 0, 150) for attempt in (1, 2, 3, 10, 11)]

    assert delays == [1, 2, 3, 10, 10]
    assert retry_delay_seconds(10, 139, 150) == 10
    assert retry_delay_seconds(10, 139.1, 150) is None


def test_a_process_that_keeps_failing_is_started_ever_more_seldom() -> None:
    assert restart_delay_seconds(1, 0.0) == 0.25
    assert restart_delay_seconds(50, 0.5) == 22.5


def test_unreachable_machines_are_checked_again_soon_then_seldom() -> None:
    assert [recheck_delay_seconds(failures) for failures in (0, 1, 9)] == [5, 10, 300]
