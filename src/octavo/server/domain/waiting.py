"""Why a task waits, in words, worker by worker.

Pure. Source: DESIGN §6 («a task that waits says why, worker by worker, in API and UI»).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from octavo.server.domain.placement import Candidate, find_hindrance
from octavo.server.domain.tasks import TaskId


class WaitingFor(StrEnum):
    """What must change before the task can go on."""

    TIME = "Time"
    PAUSE = "Pause"
    TASK = "Task"
    NODE = "Node"
    WORKER = "Worker"


@dataclass(frozen=True, slots=True)
class NoteOnWorker:
    """One worker and what keeps it from the work."""

    worker_id: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """The reason a task waits. `task_id` is the task it waits for, `workers` every worker that could not take it."""

    kind: WaitingFor
    reason: str
    task_id: TaskId | None = None
    workers: tuple[NoteOnWorker, ...] = ()


def explain_workers(candidates: Sequence[Candidate], labels: frozenset[str] = frozenset()) -> tuple[NoteOnWorker, ...]:
    """A sentence for each worker that something keeps from the work."""
    notes = []
    for candidate in candidates:
        hindrance = find_hindrance(candidate, labels)
        if hindrance is not None:
            slots = f" ({candidate.leases} of {candidate.slots})" if candidate.leases >= candidate.slots else ""
            notes.append(NoteOnWorker(candidate.worker_id, candidate.name, f"{hindrance.value}{slots}"))
    return tuple(notes)
