"""Which queued tasks may start, and why the others wait."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from octavo.server.domain.admission import Admit, Expire, Facts, Hold, Pool, QueuedTask, decide_admissions
from octavo.server.domain.placement import Candidate, Health
from octavo.server.domain.plans import Place, Unit
from octavo.server.domain.tasks import TaskId, TaskKind
from octavo.server.domain.waiting import WaitingFor

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
POOL = (Place.POOL, "WorkerPools-1")
WORKER = Candidate("Workers-1", "build-1", Health.HEALTHY, slots=1)


def a_task(number: int = 1, mutex_key: str | None = None) -> QueuedTask:
    unit = Unit("1/1", "Default Worker Pool", *POOL)
    return QueuedTask(TaskId(f"ServerTasks-{number}"), TaskKind.AD_HOC_SCRIPT, NOW, unit, mutex_key)


def facts(*workers: Candidate, node_cap: int = 10) -> Facts:
    return Facts(NOW, node_cap, pools={POOL: Pool(workers)})


def test_a_task_gets_the_free_worker_and_the_next_one_waits_for_a_slot() -> None:
    first, second = decide_admissions([a_task(1), a_task(2)], facts(WORKER))

    assert first == Admit(TaskId("ServerTasks-1"), WORKER)
    assert isinstance(second, Hold)
    assert second.waiting.kind is WaitingFor.WORKER
    assert second.waiting.workers[0].name == "build-1"
    assert second.waiting.workers[0].reason == "all its slots are taken (1 of 1)"


def test_an_empty_pool_says_why_it_is_empty() -> None:
    empty = Facts(NOW, 10, pools={POOL: Pool(empty_because="The pool is empty.")})

    (decision,) = decide_admissions([a_task()], empty)

    assert isinstance(decision, Hold)
    assert decision.waiting.reason == "The pool is empty."


def test_two_tasks_with_one_mutex_key_never_run_at_once() -> None:
    roomy = facts(replace(WORKER, slots=9))

    first, second = decide_admissions([a_task(1, "web+live"), a_task(2, "web+live")], roomy)

    assert isinstance(first, Admit)
    assert isinstance(second, Hold)
    assert second.waiting.task_id == "ServerTasks-1"


def test_the_node_cap_holds_back_all_but_health_checks() -> None:
    check = replace(a_task(2), kind=TaskKind.HEALTH)

    held, admitted = decide_admissions([a_task(1), check], facts(WORKER, node_cap=0))

    assert isinstance(held, Hold)
    assert held.waiting.kind is WaitingFor.NODE
    assert admitted == Admit(TaskId("ServerTasks-2"))


def test_a_task_does_not_start_before_its_time_and_expires_after_it() -> None:
    early = replace(a_task(1), not_before=NOW + timedelta(seconds=1))
    late = replace(a_task(2), expires_at=NOW)

    held, expired = decide_admissions([early, late], facts(WORKER))

    assert isinstance(held, Hold)
    assert held.waiting.kind is WaitingFor.TIME
    assert expired == Expire(TaskId("ServerTasks-2"))


def test_a_paused_server_admits_nothing() -> None:
    (held,) = decide_admissions([a_task()], replace(facts(WORKER), is_paused=True))

    assert isinstance(held, Hold)
    assert held.waiting.kind is WaitingFor.PAUSE


def test_a_task_with_several_units_or_on_a_target_needs_no_worker_to_start() -> None:
    several = replace(a_task(1), unit=None)
    on_target = replace(a_task(2), unit=Unit("1/1", "web-1", Place.TARGET, "Machines-1"))

    assert decide_admissions([several, on_target], facts()) == [
        Admit(TaskId("ServerTasks-1")),
        Admit(TaskId("ServerTasks-2")),
    ]
