"""Runs tasks: claims one, runs its units, gives it its end, whatever else happens.

A task's plan is data, and this is its small, stable interpreter. It may be called again at any moment for a task that
was interrupted anywhere: what is done stands in the rows of its attempts.
Source: DESIGN §6; FOUNDATIONS §1.3.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from octavo.base.errors import StoreUnavailable
from octavo.server.domain.backoff import restart_delay_seconds
from octavo.server.domain.placement import BUILT_IN_WORKER_ID
from octavo.server.domain.plans import LossPolicy, Place, Step, Unit, plan_from_json
from octavo.server.domain.script_runs import FINAL_RUN_STATES, RunState, ScriptRun
from octavo.server.domain.tasks import Claim, Task, TaskEnd, TaskId, TaskKind, TaskState
from octavo.server.engine.deployment_runs import DeploymentRun
from octavo.server.engine.health_checks import HealthChecks
from octavo.server.engine.parts import EngineParts
from octavo.server.engine.script_source import ActionSource, ScriptSource
from octavo.server.engine.script_unit import EndsTask, Mobility, Outcome, ScriptUnit
from octavo.server.operations.admission import Admitted, place_unit, run_on_target
from octavo.server.operations.deployments import announce
from octavo.server.store.leases import end_leases
from octavo.server.store.script_runs import claim_script_runs, insert_script_runs, list_script_runs
from octavo.server.store.tasks import FenceLost, claim_running, finish_task

log = logging.getLogger(__name__)

ATTEMPTS = 5  # on as many workers, while none of them ran the script
LOOK_SECONDS = 1.0  # for a free worker, should a wake-up have been lost


@dataclass(frozen=True, slots=True)
class _Running:
    """A task that this node runs, under its claim."""

    task: Task
    cancel: asyncio.Event

    @property
    def claim(self) -> Claim:
        return Claim(self.task.id, self.task.fence)


class TaskRuns:
    """Runs tasks of this node. `run` is what the durable engine calls, also again after a crash."""

    def __init__(self, parts: EngineParts, health: HealthChecks) -> None:
        self._parts = parts
        self._health = health
        self._admitted: dict[TaskId, Admitted] = {}
        self._cancels: dict[TaskId, asyncio.Event] = {}
        self._capped: set[TaskId] = set()

    @property
    def running(self) -> frozenset[TaskId]:
        """The tasks that this node runs now."""
        return frozenset(self._cancels)

    @property
    def executing(self) -> int:
        """How many tasks count against this node's cap now."""
        return len(self._capped)

    def hand_over(self, admitted: Admitted) -> None:
        """What admission just read, so that `run` need not read it again."""
        self._admitted[admitted.task.id] = admitted
        if admitted.task.kind is not TaskKind.HEALTH:
            self._capped.add(admitted.task.id)

    def cancel(self, task_id: TaskId) -> None:
        """Tell a running task to end."""
        signal = self._cancels.get(task_id)
        if signal is not None:
            signal.set()

    async def run(self, task_id: TaskId) -> None:
        """Run a task to its end; returns also when another node runs it. Repeats itself while the store is away."""
        failures = 0
        while True:
            try:
                await self._run_once(task_id)
                return
            except StoreUnavailable:
                failures += 1
                log.warning("the store is away; the task waits for it", extra={"task_id": task_id})
                await asyncio.sleep(restart_delay_seconds(failures, 0.5))
            except FenceLost:
                log.info("another node runs the task now", extra={"task_id": task_id})
                return
            except Exception:  # a task's root: it must not stay Executing because of a fault of ours
                log.exception("a task failed by a fault of the server", extra={"task_id": task_id})
                await self._give_up(task_id)
                return

    async def _run_once(self, task_id: TaskId) -> None:
        admitted = self._admitted.pop(task_id, None)
        async with self._cancellable(task_id) as cancel:
            if admitted is not None:
                task = replace(admitted.task, fence=admitted.fence, state=TaskState.EXECUTING)
                await self._run(_Running(task, cancel), admitted.run)
                return
            async with self._parts.context.store.writing() as connection:
                claimed = await claim_running(connection, task_id, self._parts.node)
                if claimed is None:
                    return
                await claim_script_runs(connection, task_id, claimed.fence)
            if claimed.kind is not TaskKind.HEALTH:
                self._capped.add(task_id)
            if claimed.state is TaskState.CANCELLING:
                cancel.set()
            await self._run(_Running(claimed, cancel), None)

    async def _run(self, running: _Running, first: ScriptRun | None) -> None:
        plan = plan_from_json(running.task.plan)
        end: TaskEnd | None
        if running.task.kind is TaskKind.HEALTH:
            end = await self._health.check(running.claim, plan, running.cancel)
        elif running.task.kind in (TaskKind.DEPLOY, TaskKind.RUNBOOK_RUN):
            await self._run_deployment(running)
            end = None
        elif plan.only_unit is not None:
            step = plan.steps[0]
            outcome = await self._run_unit(running, step, plan.only_unit, EndsTask.YES, first)
            end = None if outcome.is_task_ended else outcome.task_end
        else:
            end = await self._run_steps(running, plan.steps)
        if end is not None:
            async with self._parts.context.store.writing() as connection:
                await finish_task(connection, running.claim, end, self._parts.now())
        await self._parts.publish_task(running.task.id)
        await self._parts.context.bus.publish("tasks")

    async def _run_deployment(self, running: _Running) -> None:
        """A deployment or runbook run, to its end; what follows a success is queued."""
        step = Step("", running.task.description, ())

        async def run_script(unit: Unit, source: ActionSource, cancel: asyncio.Event) -> Outcome:
            return await self._run_unit(_Running(running.task, cancel), step, unit, EndsTask.NO, None, source=source)

        def wait(is_waiting: bool) -> None:
            (self._capped.discard if is_waiting else self._capped.add)(running.task.id)

        deployment = DeploymentRun(
            self._parts, running.claim, running.task, running.cancel, run_script, self._health, wait
        )
        end = await deployment.run()
        following: list[TaskId] = []
        async with self._parts.context.store.writing() as connection:
            await finish_task(connection, running.claim, end, self._parts.now())
            if end.state is TaskState.SUCCESS:
                following = await deployment.follow_up(connection)
        await announce(self._parts.context, following)

    async def _run_steps(self, running: _Running, steps: tuple[Step, ...]) -> TaskEnd:
        """Steps in order, the units of each at once; the first failing step ends the task."""
        for step in steps:
            async with asyncio.TaskGroup() as group:
                units = [
                    group.create_task(self._run_unit(running, step, unit, EndsTask.NO, None), name=f"unit {unit.id}")
                    for unit in step.units
                ]
            ends = [(unit.name, task.result().task_end) for unit, task in zip(step.units, units, strict=True)]
            bad = [(name, end) for name, end in ends if end.state is not TaskState.SUCCESS]
            if running.cancel.is_set() and bad:
                return TaskEnd(TaskState.CANCELLED, "The task was cancelled.")
            if bad:
                return TaskEnd(TaskState.FAILED, "; ".join(f"{name}: {end.error}" for name, end in bad))
        return TaskEnd(TaskState.SUCCESS)

    async def _run_unit(
        self,
        running: _Running,
        step: Step,
        unit: Unit,
        ends_task: EndsTask,
        first: ScriptRun | None,
        *,
        source: ActionSource | None = None,
    ) -> Outcome:
        """Attempts until one ran: another worker takes over from one that surely never started the script."""
        source = source or ScriptSource(self._parts, running.task, unit.place)
        run, is_fresh = first or await self._find_last_attempt(running.task.id, unit), first is not None
        while True:
            if run is None or _may_try_again(run, step):
                number = 1 if run is None else run.attempt + 1
                if number > ATTEMPTS:
                    return Outcome(RunState.FAILED, f"{ATTEMPTS} attempts were made, and none reached a worker.")
                run, is_fresh = await self._place(running, unit, number), True
                if run is None:
                    return Outcome(RunState.CANCELLED, "The task was cancelled.")
            if run.state in FINAL_RUN_STATES:
                return Outcome(run.state, "" if run.state is RunState.SUCCESS else "It ended so before a restart.")
            attempt = ScriptUnit(
                self._parts, running.claim, run, source, running.cancel, ends_task, is_fresh, _mobility(unit, run)
            )
            outcome = await attempt.execute()
            run = attempt.run
            if not _may_try_again(run, step):
                return outcome

    async def _find_last_attempt(self, task_id: TaskId, unit: Unit) -> ScriptRun | None:
        async with self._parts.context.store.reading() as connection:
            runs = await list_script_runs(connection, task_id, unit.id)
        return runs[-1] if runs else None

    async def _place(self, running: _Running, unit: Unit, number: int) -> ScriptRun | None:
        """The next attempt, with a lease where a worker runs it; waits for one. None when cancelled meanwhile."""
        store = self._parts.context.store
        if unit.place is Place.TARGET:
            run = run_on_target(running.task, unit, number)
            async with store.writing() as connection:
                await insert_script_runs(connection, [run], self._parts.now())
            return run
        async with self._parts.context.bus.subscribe("tasks") as wake_ups:
            while not running.cancel.is_set():
                async with store.writing() as connection:
                    placed = await place_unit(connection, running.task, unit, number, self._parts.view(self.executing))
                if isinstance(placed, ScriptRun):
                    return placed
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await anext(wake_ups)
        return None

    @asynccontextmanager
    async def _cancellable(self, task_id: TaskId) -> AsyncIterator[asyncio.Event]:
        signal = self._cancels[task_id] = asyncio.Event()
        try:
            yield signal
        finally:
            if self._cancels.get(task_id) is signal:
                del self._cancels[task_id]
            self._capped.discard(task_id)

    async def _give_up(self, task_id: TaskId) -> None:
        """End a task that we failed; its agents' scripts are left to end by themselves."""
        async with self._parts.context.store.writing() as connection:
            claimed = await claim_running(connection, task_id, self._parts.node)
            if claimed is None:
                return
            end = TaskEnd(TaskState.FAILED, "The server failed while it ran this task. Its log says how.")
            await finish_task(connection, Claim(task_id, claimed.fence), end, self._parts.now())
            await end_leases(connection, task_id)
        await self._parts.publish_task(task_id)


def _mobility(unit: Unit, run: ScriptRun) -> Mobility:
    """Only a pool has other workers; behind the built-in worker there is nobody."""
    has_others = unit.place is Place.POOL and run.machine_id != BUILT_IN_WORKER_ID and run.attempt < ATTEMPTS
    return Mobility.OTHER_WORKER if has_others else Mobility.NONE


def _may_try_again(run: ScriptRun, step: Step) -> bool:
    """Whether this attempt's end leaves room for another: it surely never ran, or the step may run twice."""
    if run.state is not RunState.LOST:
        return False
    return run.started_at is None or step.loss_policy is LossPolicy.RETRY
