"""Letting queued tasks start: facts read, decided and written in one short transaction.

The engine admits; the API asks the same facts why a task waits. Source: DESIGN §6.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.server.domain.admission import (
    Admit,
    Expire,
    Facts,
    Hold,
    Pool,
    QueuedTask,
    decide_admissions,
    explain_pool,
)
from octavo.server.domain.built_in_worker import built_in_worker_switch
from octavo.server.domain.placement import BUILT_IN_WORKER_ID, BUILT_IN_WORKER_NAME, Candidate, Health, choose_worker
from octavo.server.domain.plans import Place, Unit, plan_from_json
from octavo.server.domain.script_runs import ScriptRun
from octavo.server.domain.tasks import NodeId, Task, TaskEnd, TaskId, TaskKind, TaskState
from octavo.server.domain.tickets import ticket_for
from octavo.server.domain.waiting import Waiting
from octavo.server.operations.built_in_worker import find_built_in_worker_setting
from octavo.server.store.leases import (
    Lease,
    count_leases,
    grant_leases,
    list_pool_candidates,
    list_worker_candidates,
)
from octavo.server.store.nodes import lock_admission
from octavo.server.store.script_runs import insert_script_runs
from octavo.server.store.tasks import (
    admit_tasks,
    end_queued_task,
    find_mutex_holders,
    list_queued,
)
from octavo.server.store.worker_pools import list_default_pools

ADMISSIONS_AT_ONCE = 64
BUILT_IN_WORKER_SLOTS = 16


@dataclass(frozen=True, slots=True)
class NodeView:
    """What a node adds to the facts: who it is, how much it may do, its time, who was idle since when."""

    node: NodeId
    task_cap: int
    now: datetime
    executing: int = 0
    idle_since: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A task that may start. `run` is the attempt of its only unit, when that needs no more placing."""

    task: Task
    fence: int
    run: ScriptRun | None


async def admit_queued_tasks(connection: AsyncConnection, view: NodeView) -> tuple[list[Admitted], list[TaskId], bool]:
    """Admit what may start, oldest first, and end what waited too long: both, and whether others go on waiting."""
    await lock_admission(connection)
    tasks = await list_queued(connection, ADMISSIONS_AT_ONCE)
    if not tasks:
        return [], [], False
    decisions = decide_admissions([as_queued(task) for task in tasks], await read_facts(connection, tasks, view))
    admitted, expired = list[Admitted](), list[TaskId]()
    for task, decision in zip(tasks, decisions, strict=True):
        match decision:
            case Admit(worker=worker):
                admitted.append(Admitted(task, task.fence + 1, _first_run(task, worker)))
            case Expire():
                expired.append(task.id)
            case Hold():
                pass
    await _write(connection, admitted, expired, view)
    return admitted, expired, len(admitted) + len(expired) < len(tasks)


async def read_facts(connection: AsyncConnection, tasks: Sequence[Task], view: NodeView) -> Facts:
    """All that `decide_admissions` must know about these tasks."""
    places = {(unit.place, unit.place_id) for task in tasks for unit in _worker_units(task)}
    return Facts(
        now=view.now,
        node_cap=view.task_cap,
        executing_here=view.executing,
        mutex_holders=await find_mutex_holders(connection, [task.mutex_key for task in tasks if task.mutex_key]),
        pools=await read_pools(connection, places, view),
    )


async def read_pools(
    connection: AsyncConnection, places: set[tuple[Place, str]], view: NodeView
) -> dict[tuple[Place, str], Pool]:
    """The candidates for each place: a pool's workers, a named worker, or the built-in one where the switch is on."""
    if not places:
        return {}
    leases = await count_leases(connection)
    pool_ids = [place_id for place, place_id in places if place is Place.POOL]
    worker_ids = [place_id for place, place_id in places if place is Place.WORKER]
    by_pool = await list_pool_candidates(connection, pool_ids, leases, view.idle_since)
    by_worker = await list_worker_candidates(connection, worker_ids, leases, view.idle_since)
    empty = [pool_id for pool_id, candidates in by_pool.items() if not candidates]
    stand_ins = await _stand_ins(connection, empty, leases) if empty else {}
    pools = {(Place.POOL, pool_id): Pool(tuple(candidates)) for pool_id, candidates in by_pool.items()}
    pools |= {(Place.POOL, pool_id): pool for pool_id, pool in stand_ins.items()}
    for worker_id in worker_ids:
        found = by_worker.get(worker_id)
        pools[Place.WORKER, worker_id] = Pool((found,) if found else (), f"The worker {worker_id} is gone.")
    return pools


async def place_unit(
    connection: AsyncConnection, task: Task, unit: Unit, attempt: int, view: NodeView
) -> ScriptRun | Waiting:
    """A worker for one unit of a task that runs already: its lease and its attempt, or why there is none yet."""
    await lock_admission(connection)
    pool = (await read_pools(connection, {(unit.place, unit.place_id)}, view))[unit.place, unit.place_id]
    worker = choose_worker(pool.candidates)
    if worker is None:
        return explain_pool(pool)
    run = _new_run(task, unit, (worker.worker_id, worker.name), attempt=attempt, fence=task.fence)
    await grant_leases(connection, [Lease(run.machine_id, task.id, unit.id)], view.now)
    await insert_script_runs(connection, [run], view.now)
    return run


def run_on_target(task: Task, unit: Unit, attempt: int) -> ScriptRun:
    """The attempt of a unit on its target, which needs no lease."""
    return _new_run(task, unit, (unit.place_id, unit.name), attempt=attempt, fence=task.fence)


def as_queued(task: Task) -> QueuedTask:
    """The task as admission sees it."""
    unit = plan_from_json(task.plan).only_unit
    return QueuedTask(task.id, task.kind, task.queued_at, unit, task.mutex_key, task.not_before, task.expires_at)


def _worker_units(task: Task) -> list[Unit]:
    """The unit that must have a worker before the task may start, if any."""
    unit = plan_from_json(task.plan).only_unit
    return [unit] if unit and unit.place is not Place.TARGET and task.kind is not TaskKind.HEALTH else []


async def _stand_ins(
    connection: AsyncConnection, empty_pool_ids: Sequence[str], leases: Mapping[str, int]
) -> dict[str, Pool]:
    """For pools without workers: the built-in worker in default pools when it is on, else why nobody comes."""
    defaults = await list_default_pools(connection, empty_pool_ids)
    setting = await find_built_in_worker_setting(connection)
    switch = built_in_worker_switch(is_allowed=setting.is_allowed, workers_in_default_pool=0)
    built_in = Candidate(
        BUILT_IN_WORKER_ID,
        BUILT_IN_WORKER_NAME,
        Health.HEALTHY,
        leases=leases.get(BUILT_IN_WORKER_ID, 0),
        slots=BUILT_IN_WORKER_SLOTS,
    )
    pools = {}
    for pool_id in empty_pool_ids:
        if pool_id in defaults and switch.is_on:
            pools[pool_id] = Pool((built_in,))
        elif pool_id in defaults:
            pools[pool_id] = Pool((), f"The default worker pool has no workers. Built-in worker: {switch.reason}")
    return pools


def _first_run(task: Task, worker: Candidate | None) -> ScriptRun | None:
    unit = plan_from_json(task.plan).only_unit
    if unit is None or task.kind is TaskKind.HEALTH:
        return None
    if worker is not None:
        return _new_run(task, unit, (worker.worker_id, worker.name), attempt=1, fence=task.fence + 1)
    return _new_run(task, unit, (unit.place_id, unit.name), attempt=1, fence=task.fence + 1)


def _new_run(task: Task, unit: Unit, machine: tuple[str, str], *, attempt: int, fence: int) -> ScriptRun:
    ticket = ticket_for(task.id, unit.id, machine[0], attempt)
    return ScriptRun(ticket, task.id, unit.id, *machine, attempt, fence, agent_ticket=ticket)


async def _write(
    connection: AsyncConnection,
    admitted: Sequence[Admitted],
    expired: Sequence[TaskId],
    view: NodeView,
) -> None:
    if admitted:
        await admit_tasks(connection, [each.task.id for each in admitted], view.node, view.now)
    runs = [each.run for each in admitted if each.run is not None]
    await insert_script_runs(connection, runs, view.now)
    workers = [
        Lease(each.run.machine_id, each.task.id, each.run.unit)
        for each in admitted
        if each.run is not None and _worker_units(each.task)
    ]
    await grant_leases(connection, workers, view.now)
    end = TaskEnd(TaskState.TIMED_OUT, "It was not started before its queue time expired.")
    for task_id in expired:
        await end_queued_task(connection, task_id, end, view.now)
