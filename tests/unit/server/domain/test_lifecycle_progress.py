"""domain/lifecycle_progress.py: where a release stands and may go."""

from hypothesis import given
from hypothesis import strategies as st

from octavo.server.domain.lifecycle_progress import Phase, Progress, automatic_targets, phases_of, progress_through


def phase(name: str, *environments: str, least: int = 0, optional: bool = False, automatic: bool = False) -> Phase:
    return Phase(name, name, environments if automatic else (), () if automatic else environments, least, optional)


DEV, TEST, PROD = phase("Dev", "d"), phase("Test", "t1", "t2", least=1), phase("Prod", "p")
PHASES = (DEV, TEST, PROD)


def test_a_new_release_may_go_to_the_first_phase_only() -> None:
    made = progress_through(PHASES, frozenset())

    assert made.allowed == ("d",)
    assert [each.progress for each in made.phases] == [Progress.CURRENT, Progress.PENDING, Progress.PENDING]


def test_each_success_opens_the_next_phase() -> None:
    assert progress_through(PHASES, frozenset("d")).allowed == ("d", "t1", "t2")
    assert progress_through(PHASES, frozenset({"d", "t2"})).allowed == ("d", "t1", "t2", "p")
    assert progress_through(PHASES, frozenset({"d", "t2"})).following == ("p",)


def test_an_optional_phase_may_be_passed_by() -> None:
    phases = (DEV, phase("Test", "t", optional=True), PROD)

    assert progress_through(phases, frozenset("d")).allowed == ("d", "t", "p")


def test_a_defect_blocks_new_phases() -> None:
    made = progress_through(PHASES, frozenset("d"), has_defect=True)

    assert made.allowed == ("d",)
    assert [each.is_blocked for each in made.phases] == [False, True, True]


def test_without_phases_a_release_goes_anywhere() -> None:
    assert progress_through(phases_of({}, ["a", "b"]), frozenset()).allowed == ("a", "b")


def test_automatic_targets_open_once() -> None:
    phases = (DEV, phase("Test", "t", automatic=True), PROD)

    assert automatic_targets(phases, frozenset(), frozenset("d")) == ("t",)
    assert automatic_targets(phases, frozenset("d"), frozenset({"d"})) == ()


@given(st.frozensets(st.sampled_from(["d", "t1", "t2", "p"])), st.frozensets(st.sampled_from(["d", "t1", "t2", "p"])))
def test_more_successes_never_close_an_environment(some: frozenset[str], others: frozenset[str]) -> None:
    assert set(progress_through(PHASES, some).allowed) <= set(progress_through(PHASES, some | others).allowed)
