"""Source: tentacle-services.md §7."""

from octavo.agent.jobs.isolation import Claim, IsolationMutexes
from octavo.contracts.scripts import ScriptIsolationLevel


def reader(task_id: str = "ServerTasks-1") -> Claim:
    return Claim(task_id, ScriptIsolationLevel.NO_ISOLATION)


def writer(task_id: str = "ServerTasks-1") -> Claim:
    return Claim(task_id, ScriptIsolationLevel.FULL_ISOLATION)


def test_readers_hold_it_together() -> None:
    """services 18: NoIsolation scripts overlap."""
    mutexes = IsolationMutexes()

    assert mutexes.request("m", reader())
    assert mutexes.request("m", reader())


def test_a_writer_excludes_all_others_of_its_name() -> None:
    """services 18: FullIsolation never overlaps with any other script of that name, of the same task either."""
    mutexes = IsolationMutexes()

    assert mutexes.request("m", writer())
    assert not mutexes.request("m", writer())
    assert not mutexes.request("m", reader())
    assert mutexes.request("other", writer())


def test_a_waiting_writer_stops_later_readers() -> None:
    """services 18: it cannot starve."""
    mutexes = IsolationMutexes()
    first, waiting, late = reader(), writer(), reader()
    mutexes.request("m", first)
    mutexes.request("m", waiting)

    assert not mutexes.request("m", late)
    assert mutexes.end("m", first) == [waiting]
    assert mutexes.end("m", waiting) == [late]


def test_all_readers_at_the_head_of_the_queue_go_together() -> None:
    mutexes = IsolationMutexes()
    holder, one, two = writer(), reader(), reader()
    for claim in (holder, one, two):
        mutexes.request("m", claim)

    assert mutexes.end("m", holder) == [one, two]
    assert mutexes.list_holders("m") == [one, two]


def test_who_stops_waiting_lets_others_pass() -> None:
    mutexes = IsolationMutexes()
    holder, waiting, late = reader(), writer(), reader()
    for claim in (holder, waiting, late):
        mutexes.request("m", claim)

    assert mutexes.end("m", waiting) == [late]


def test_an_adopted_script_holds_it_whatever_the_rules_say() -> None:
    mutexes = IsolationMutexes()
    mutexes.adopt("m", writer())
    second = writer()
    mutexes.adopt("m", second)

    assert not mutexes.request("m", reader())
    assert mutexes.end("m", second) == []
