"""Source: tentacle-services.md §7."""

from octavo.agent.jobs.isolation import Claim
from octavo.agent.jobs.isolation_messages import acquiring_lines, cancelled_lines, timed_out_lines, waiting_lines
from octavo.contracts.scripts import ScriptIsolationLevel

FULL, NONE = ScriptIsolationLevel.FULL_ISOLATION, ScriptIsolationLevel.NO_ISOLATION
ALONE = "requires that no other Octopus scripts are executing on this target at the same time."


def test_every_script_says_what_it_acquires() -> None:
    assert acquiring_lines("RunningScript", Claim("ServerTasks-1", FULL)) == [
        "##octopus[stdout-verbose]",
        "Acquiring isolation mutex RunningScript with FullIsolation in ServerTasks-1",
        "##octopus[stdout-default]",
    ]


def test_one_holder_of_another_task_is_named() -> None:
    """services 19: the busy message for one holder, by the isolation of the waiting script."""
    holders = [Claim("ServerTasks-2", FULL)]
    link = "[ServerTasks-2](~/app#/tasks/ServerTasks-2)"

    assert waiting_lines(Claim("ServerTasks-1", FULL), holders)[1] == (
        f"Waiting for the script in task {link} to finish as this script {ALONE}"
    )
    assert waiting_lines(Claim("ServerTasks-1", NONE), holders)[1] == (
        f"Waiting for the script in task {link} to finish as that script {ALONE}"
    )


def test_a_holder_of_the_same_task_is_told_so() -> None:
    """services 19: the busy message within one task."""
    holders = [Claim("T", FULL)]

    assert waiting_lines(Claim("T", NONE), holders)[1] == (
        f"Waiting on another script in this task to finish as another task {ALONE}"
    )


def test_several_holders_are_listed() -> None:
    """services 19: several readers; one of this task is `This Task`."""
    holders = [Claim("A", NONE), Claim("T", NONE), Claim("C", NONE)]

    assert waiting_lines(Claim("T", FULL), holders)[1] == (
        "Waiting on scripts in tasks [A](~/app#/tasks/A), This Task and [C](~/app#/tasks/C) to finish. "
        f"This script {ALONE}"
    )


def test_giving_up_says_who_is_still_running() -> None:
    """services 20: the two messages of a cancelled and of a timed out wait."""
    claim, holders = Claim("T", FULL), [Claim("A", NONE), Claim("B", NONE)]
    tasks = "[A](~/app#/tasks/A) and [B](~/app#/tasks/B)"

    assert cancelled_lines(claim, holders) == [
        f"This task was canceled before it could start. Tasks {tasks} are still running.",
        "Script execution canceled.",
    ]
    assert timed_out_lines(claim, [], 1800) == [
        "This task waited more than 30 minutes and timed out. Task (error - task not found) is still running.",
        "Script execution timed out.",
    ]
