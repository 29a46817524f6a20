"""States of tasks, plans and tickets."""

from octavo.server.domain.plans import Destination, Place, plan_as_json, plan_from_json, plan_script
from octavo.server.domain.tasks import FINAL_STATES, TRANSITIONS, TaskState, may_become
from octavo.server.domain.tickets import ticket_for


def test_a_final_state_is_left_by_nothing() -> None:
    assert not any(may_become(final, state) for final in FINAL_STATES for state in TaskState)


def test_every_state_can_come_to_an_end() -> None:
    assert all(any(following in FINAL_STATES for following in after) for after in TRANSITIONS.values())


def test_a_script_that_ends_before_its_cancellation_keeps_its_result() -> None:
    assert may_become(TaskState.CANCELLING, TaskState.SUCCESS)


def test_a_plan_survives_being_stored() -> None:
    pools = [Destination(Place.POOL, "WorkerPools-1", "Default"), Destination(Place.WORKER, "Workers-2", "build-2")]
    plan = plan_script("Run script", pools)

    assert plan_from_json(plan_as_json(plan)) == plan
    assert [unit.id for unit in plan.units] == ["1/1", "1/2"]
    assert plan.only_unit is None


def test_a_ticket_is_the_same_for_the_same_attempt_and_another_for_any_other() -> None:
    ticket = ticket_for("ServerTasks-1", "1/1", "Workers-1", 1)

    assert ticket == ticket_for("ServerTasks-1", "1/1", "Workers-1", 1)
    assert ticket.isalnum()
    others = {
        ticket_for("ServerTasks-2", "1/1", "Workers-1", 1),
        ticket_for("ServerTasks-1", "1/2", "Workers-1", 1),
        ticket_for("ServerTasks-1", "1/1", "Workers-2", 1),
        ticket_for("ServerTasks-1", "1/1", "Workers-1", 2),
    }
    assert len(others | {ticket}) == 5
