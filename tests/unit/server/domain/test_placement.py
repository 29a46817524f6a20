"""Which worker takes the next piece of work."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from octavo.server.domain.placement import Candidate, Health, Hindrance, choose_worker, find_hindrance

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def a_worker(worker_id: str = "Workers-1", leases: int = 0, slots: int = 4) -> Candidate:
    return Candidate(worker_id, worker_id.lower(), Health.HEALTHY, leases=leases, slots=slots, idle_since=NOON)


def test_the_worker_with_fewest_leases_is_chosen() -> None:
    busy, calm = a_worker("Workers-1", leases=2), a_worker("Workers-2", leases=1)

    assert choose_worker([busy, calm]) is calm


def test_among_equals_a_warm_cache_is_preferred() -> None:
    cold, warm = a_worker("Workers-1"), replace(a_worker("Workers-2"), has_warm_cache=True)

    assert choose_worker([cold, warm]) is warm


def test_ties_go_to_the_one_idle_longest() -> None:
    recent, rested = a_worker("Workers-1"), replace(a_worker("Workers-2"), idle_since=NOON - timedelta(hours=1))
    never_worked = replace(a_worker("Workers-3"), idle_since=None)

    assert choose_worker([recent, rested]) is rested
    assert choose_worker([recent, rested, never_worked]) is never_worked


def test_nobody_is_chosen_when_all_are_hindered() -> None:
    assert choose_worker([a_worker(leases=4)]) is None
    assert choose_worker([]) is None


def test_each_hindrance_is_named() -> None:
    worker = a_worker()

    assert find_hindrance(worker) is None
    assert find_hindrance(replace(worker, is_enabled=False)) is Hindrance.DISABLED
    assert find_hindrance(replace(worker, is_draining=True)) is Hindrance.DRAINING
    assert find_hindrance(replace(worker, health=Health.UNKNOWN)) is Hindrance.UNCHECKED
    assert find_hindrance(replace(worker, health=Health.UNAVAILABLE)) is Hindrance.UNHEALTHY
    assert find_hindrance(replace(worker, leases=4)) is Hindrance.BUSY
    assert find_hindrance(worker, frozenset({"gpu"})) is Hindrance.LABELS
    assert find_hindrance(replace(worker, health=Health.HAS_WARNINGS)) is None
