"""What a script that waits for others says about it, word for word. Source: tentacle-services.md §7."""

from collections.abc import Sequence

from octavo.agent.jobs.isolation import Claim
from octavo.contracts.scripts import ScriptIsolationLevel

_ALONE = "that no other Octopus scripts are executing on this target at the same time."
_LEVEL_NAMES = {
    ScriptIsolationLevel.NO_ISOLATION: "NoIsolation",
    ScriptIsolationLevel.FULL_ISOLATION: "FullIsolation",
}


def acquiring_lines(name: str, claim: Claim) -> list[str]:
    """What every script says first."""
    return [
        "##octopus[stdout-verbose]",
        f"Acquiring isolation mutex {name} with {_LEVEL_NAMES[claim.level]} in {claim.task_id}",
        "##octopus[stdout-default]",
    ]


def waiting_lines(claim: Claim, holders: Sequence[Claim]) -> list[str]:
    """What a script says when it could not have the mutex yet."""
    return ["##octopus[stdout-wait]", _busy_message(claim, holders), "##octopus[stdout-default]"]


def cancelled_lines(claim: Claim, holders: Sequence[Claim]) -> list[str]:
    """What a script says that was cancelled while it waited."""
    return [
        f"This task was canceled before it could start. {_still_running(claim, holders)}",
        "Script execution canceled.",
    ]


def timed_out_lines(claim: Claim, holders: Sequence[Claim], timeout_seconds: float) -> list[str]:
    """What a script says that waited as long as it was allowed to."""
    return [
        f"This task waited more than {timeout_seconds / 60:g} minutes and timed out. {_still_running(claim, holders)}",
        "Script execution timed out.",
    ]


def _busy_message(claim: Claim, holders: Sequence[Claim]) -> str:
    if len(holders) > 1:
        return f"Waiting on scripts in tasks {_tasks(claim, holders)} to finish. This script requires {_ALONE}"
    if holders and holders[0].task_id == claim.task_id:
        which = "this" if claim.is_exclusive else "another"
        return f"Waiting on another script in this task to finish as {which} task requires {_ALONE}"
    which = "this" if claim.is_exclusive else "that"
    return f"Waiting for the script in task {_tasks(claim, holders)} to finish as {which} script requires {_ALONE}"


def _still_running(claim: Claim, holders: Sequence[Claim]) -> str:
    if len(holders) > 1:
        return f"Tasks {_tasks(claim, holders)} are still running."
    return f"Task {_tasks(claim, holders)} is still running."


def _tasks(claim: Claim, holders: Sequence[Claim]) -> str:
    links = [_link(claim, holder) for holder in holders] or ["(error - task not found)"]
    if len(links) == 1:
        return links[0]
    return f"{', '.join(links[:-1])} and {links[-1]}"


def _link(claim: Claim, holder: Claim) -> str:
    if holder.task_id == claim.task_id and not holder.is_exclusive:
        return "This Task"
    return f"[{holder.task_id}](~/app#/tasks/{holder.task_id})"
