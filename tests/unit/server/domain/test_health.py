"""When machines are checked."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from octavo.server.domain.health import (
    Checked,
    HealthPolicy,
    health_policy,
    is_due,
    judge_script,
    parse_time_span,
    read_facts,
)
from octavo.server.domain.placement import Health
from octavo.server.domain.task_log import Line

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
WELL = Checked("Workers-1", "Spaces-1", Health.HEALTHY, False, NOW - timedelta(hours=1), False, HealthPolicy())


def test_a_new_machine_is_checked_at_once_unless_it_asked_not_to_be() -> None:
    new = replace(WELL, checked_at=None, health=Health.UNKNOWN)

    assert is_due(new, NOW)
    assert not is_due(replace(new, skips_first_check=True), NOW)


def test_a_healthy_machine_is_checked_when_its_interval_is_over_or_it_is_suspected() -> None:
    assert not is_due(WELL, NOW)
    assert is_due(replace(WELL, policy=HealthPolicy(timedelta(minutes=30))), NOW)
    assert is_due(replace(WELL, is_suspect=True), NOW)
    assert not is_due(replace(WELL, policy=HealthPolicy(None)), NOW)


def test_an_unreachable_machine_is_checked_again_soon_then_seldom() -> None:
    gone = replace(WELL, health=Health.UNAVAILABLE, checked_at=NOW - timedelta(seconds=6))

    assert is_due(gone, NOW)
    assert not is_due(replace(gone, failures=3), NOW)


def test_a_disabled_machine_is_left_alone() -> None:
    assert not is_due(replace(WELL, is_disabled=True, is_suspect=True, checked_at=None), NOW)


def test_a_policy_says_when_and_what() -> None:
    document = {
        "MachineHealthCheckPolicy": {
            "HealthCheckType": "RunScript",
            "HealthCheckInterval": "1.02:03:04",
            "BashHealthCheckPolicy": {"RunType": "Inline", "ScriptBody": "df -h"},
        }
    }

    expected = HealthPolicy(timedelta(days=1, hours=2, minutes=3, seconds=4), "df -h")
    assert health_policy(document) == expected
    assert health_policy({}) == HealthPolicy()
    assert parse_time_span("nonsense") == timedelta(days=1)


def test_facts_are_read_from_what_the_script_printed() -> None:
    lines = [Line("Info", "", text) for text in ("OperatingSystem=Debian", "noise", "TentacleVersion=8.1", "Other=1")]

    assert read_facts(lines) == ({"OperatingSystem": "Debian"}, "8.1")


def test_an_own_script_decides_by_its_exit_code_and_its_warnings() -> None:
    assert judge_script(1, [])[0] is Health.UNHEALTHY
    assert judge_script(0, [Line("Warning", "", "hot")])[0] is Health.HAS_WARNINGS
    assert judge_script(0, [Line("Info", "", "fine")])[0] is Health.HEALTHY
