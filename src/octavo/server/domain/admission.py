"""Which queued tasks may start now, and why the others wait.

Pure: one look at the facts in, a decision a task out, oldest first; each admitted task changes what the next one
sees. `store/tasks.py` reads the facts and writes the decisions in one short transaction.
Source: DESIGN §6 (node task cap, mutex, not-before time, pool capacity).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

from octavo.server.domain.placement import Candidate, choose_worker
from octavo.server.domain.plans import Place, Unit
from octavo.server.domain.tasks import TaskId, TaskKind
from octavo.server.domain.waiting import (
    NoteOnWorker,
    Waiting,
    WaitingFor,
    explain_workers,
)


@dataclass(frozen=True, slots=True)
class QueuedTask:
    """A queued task as admission sees it. `unit` is the only unit of its plan, None when there are several."""

    id: TaskId
    kind: TaskKind
    queued_at: datetime
    unit: Unit | None = None
    mutex_key: str | None = None
    not_before: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """The workers that may take a pool's (or a named worker's) work, and what to say when there are none."""

    candidates: tuple[Candidate, ...] = ()
    empty_because: str = "The worker pool has no workers."


@dataclass(frozen=True, slots=True)
class Facts:
    """What admission must know. `pools` has an entry for each place that a task at hand names."""

    now: datetime
    node_cap: int
    executing_here: int = 0
    is_paused: bool = False
    mutex_holders: Mapping[str, TaskId] = field(default_factory=dict)
    pools: Mapping[tuple[Place, str], Pool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Admit:
    """The task may start; a single unit that needs a worker has one."""

    task_id: TaskId
    worker: Candidate | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """The task must wait."""

    task_id: TaskId
    waiting: Waiting


@dataclass(frozen=True, slots=True)
class Expire:
    """The task waited longer than it may."""

    task_id: TaskId


Decision: TypeAlias = Admit | Hold | Expire


def decide_admissions(queued: Sequence[QueuedTask], facts: Facts) -> list[Decision]:
    """A decision for each task of `queued` (oldest first), as if admitted one after the other."""
    round_ = _Round(facts)
    return [round_.decide(task) for task in queued]


class _Round:
    """The facts as they change while tasks of one look are admitted."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._executing = facts.executing_here
        self._mutexes = dict(facts.mutex_holders)
        self._new_leases: Counter[str] = Counter()

    def decide(self, task: QueuedTask) -> Decision:
        if task.expires_at is not None and task.expires_at <= self._facts.now:
            return Expire(task.id)
        waiting = self._find_common_reason(task)
        if waiting is not None:
            return Hold(task.id, waiting)
        worker = None
        if task.kind is not TaskKind.HEALTH and task.unit is not None and task.unit.place is not Place.TARGET:
            pool = self._pool_now(task.unit)
            worker = choose_worker(pool.candidates)
            if worker is None:
                return Hold(task.id, explain_pool(pool))
            self._new_leases[worker.worker_id] += 1
        self._count(task)
        return Admit(task.id, worker)

    def _find_common_reason(self, task: QueuedTask) -> Waiting | None:
        facts = self._facts
        if task.not_before is not None and task.not_before > facts.now:
            return Waiting(WaitingFor.TIME, f"It may not start before {task.not_before:%Y-%m-%d %H:%M:%S} UTC.")
        if task.kind is TaskKind.HEALTH:  # checks are light, and heal what other tasks wait for
            return None
        if facts.is_paused:
            return Waiting(WaitingFor.PAUSE, "The server takes no new tasks: its task queue is stopped.")
        holder = self._mutexes.get(task.mutex_key) if task.mutex_key else None
        if holder is not None:
            return Waiting(WaitingFor.TASK, f"It waits for {holder}, which works on the same things.", task_id=holder)
        if self._executing >= facts.node_cap:
            return Waiting(
                WaitingFor.NODE, f"This server runs {self._executing} tasks at a time and all places are taken."
            )
        return None

    def _pool_now(self, unit: Unit) -> Pool:
        pool = self._facts.pools[unit.place, unit.place_id]
        candidates = tuple(
            replace(each, leases=each.leases + self._new_leases[each.worker_id])
            if each.worker_id in self._new_leases
            else each
            for each in pool.candidates
        )
        return replace(pool, candidates=candidates)

    def _count(self, task: QueuedTask) -> None:
        if task.kind is not TaskKind.HEALTH:
            self._executing += 1
        if task.mutex_key:
            self._mutexes[task.mutex_key] = task.id


def explain_pool(pool: Pool) -> Waiting:
    """Why nobody in `pool` takes the work."""
    notes: tuple[NoteOnWorker, ...] = explain_workers(pool.candidates)
    if not notes:
        return Waiting(WaitingFor.WORKER, pool.empty_because)
    return Waiting(WaitingFor.WORKER, "No worker can take it now.", workers=notes)
