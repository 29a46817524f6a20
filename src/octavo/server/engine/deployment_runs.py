"""Carries out the plan of a deployment or runbook run, durably.

A function of the plan and of what is stored about it: the decisions of steps (`store/task_units.py`), the attempts of
scripts, the answers of people. Each is written before anything is done because of it, so that a run which is taken up
after a crash, at any line, repeats nothing. Source: docs/decisions/0080-projects-and-deployments.md.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid, NotFound
from octavo.executor.templates import TemplateError
from octavo.server.domain.deployment_plans import (
    Condition,
    DeploymentPlan,
    PlannedAction,
    PlannedMachine,
    PlannedStep,
    RunsOn,
    deployment_plan_as_json,
    deployment_plan_from_json,
)
from octavo.server.domain.executions import Execution
from octavo.server.domain.plans import Place as UnitPlace
from octavo.server.domain.plans import Unit
from octavo.server.domain.processes import Action, all_actions, steps_of
from octavo.server.domain.script_runs import RunState
from octavo.server.domain.service_messages import Level
from octavo.server.domain.step_decisions import groups_of, reason_to_skip
from octavo.server.domain.task_log import Line
from octavo.server.domain.tasks import Claim, Task, TaskEnd, TaskId, TaskState
from octavo.server.engine.action_source import action_source
from octavo.server.engine.health_checks import HealthChecks
from octavo.server.engine.parts import EngineParts
from octavo.server.engine.script_source import ActionSource
from octavo.server.engine.script_unit import Outcome
from octavo.server.engine.server_actions import ServerActions
from octavo.server.engine.timed import timed
from octavo.server.engine.unit_ends import STATUSES, Ending, UnitEnd, as_end
from octavo.server.engine.unit_variables import ExecutionVariables, Place, UnitVariables
from octavo.server.feeds.feed import FeedUnavailable
from octavo.server.operations.deployment_planning import plan_execution
from octavo.server.operations.deployments import deploy_automatically
from octavo.server.store.executions import find_execution_of_task
from octavo.server.store.interruptions import (
    GUIDED_FAILURE,
    MANUAL_INTERVENTION,
    Interruption,
    Question,
    drop_pending,
    find_interruption,
    open_interruption,
)
from octavo.server.store.processes import get_process
from octavo.server.store.task_log import NewChunk, append_chunk
from octavo.server.store.task_units import (
    FINAL_UNIT_STATUSES,
    TaskUnit,
    UnitStatus,
    list_units,
    save_plan,
    save_unit,
)

LOOK_SECONDS = 2.0  # for an answer, should the wake-up have been lost
MAX_RETRIES = 10
_RETRIES = "Octopus.Action.AutoRetry.MaximumCount"
_TIMEOUT_MINUTES = "Octopus.Action.ExecutionTimeout.Minutes"
_INSTRUCTIONS, _TEAMS = "Octopus.Action.Manual.Instructions", "Octopus.Action.Manual.ResponsibleTeamIds"


@dataclass(frozen=True, slots=True)
class _At:
    """An action in one place. `errors` is what failed in steps before it."""

    step: PlannedStep
    planned: PlannedAction
    machine: PlannedMachine | None
    path: str
    errors: str


#: Runs one attempt of a unit to its end: places it, takes it up again after a crash.
RunScript = Callable[[Unit, ActionSource, asyncio.Event], Awaitable[Outcome]]


@dataclass(slots=True)
class DeploymentRun:
    """One deployment or runbook run under a claim. `waiting` holds its place under the task cap free meanwhile."""

    parts: EngineParts
    claim: Claim
    task: Task
    cancel: asyncio.Event
    run_script: RunScript
    health: HealthChecks
    waiting: Callable[[bool], None]
    _server: ServerActions | None = None
    _execution: Execution | None = None
    _variables: ExecutionVariables | None = None
    _actions: dict[str, Action] | None = None
    _units: dict[str, TaskUnit] | None = None
    _excluded: set[str] = field(default_factory=set)
    _waiters: int = 0

    async def run(self) -> TaskEnd:
        """Carry the plan out, from wherever it was left.

        Raises:
            FenceLost: another node runs the task now.
            StoreUnavailable: the database cannot serve; calling again continues.
        """
        try:
            plan = await self._prepare()
        except (Invalid, NotFound, FeedUnavailable, TemplateError) as error:
            return TaskEnd(TaskState.FAILED, str(error))
        errors: list[str] = []
        for group in groups_of(plan.steps):
            if self.cancel.is_set():
                break
            async with asyncio.TaskGroup() as running:
                steps = [running.create_task(self._run_step(step, "; ".join(errors))) for step in group]
            errors += [failure for step in steps if (failure := step.result())]
        return await self._end(errors)

    async def _prepare(self) -> DeploymentPlan:
        """The plan, made now unless it was, and everything that is known already."""
        async with self.parts.context.store.writing() as connection:
            execution = await find_execution_of_task(connection, self.task.id)
            if execution is None:
                raise NotFound("The deployment of this task is gone. Was its release deleted?")
            stored = self.task.plan.get("deployment")
            if isinstance(stored, dict):
                plan = deployment_plan_from_json(stored)
            else:
                plan = await plan_execution(connection, execution)
                document = {"steps": [], "deployment": deployment_plan_as_json(plan)}
                await save_plan(connection, self.claim, document)
            process = await get_process(connection, execution.process_id)
            self._units = await list_units(connection, self.task.id)
        self._actions = {action.id: action for action in all_actions(steps_of(process.doc))}
        self._execution = execution
        self._variables = ExecutionVariables(self.parts, self.task, execution, plan)
        self._server = ServerActions(
            self.parts,
            self.claim,
            self.task,
            execution,
            self._variables,
            self.health,
            self.cancel,
            self._note,
            self._not_counted,
        )
        self._excluded = {path.removeprefix("excluded:") for path in self._units if path.startswith("excluded:")}
        await self.parts.publish_task(self.task.id)
        return plan

    async def _end(self, errors: list[str]) -> TaskEnd:
        async with self.parts.context.store.writing() as connection:
            await drop_pending(connection, self.task.id)
        if self.cancel.is_set():
            return TaskEnd(TaskState.CANCELLED, "The task was cancelled.")
        if errors:
            return TaskEnd(TaskState.FAILED, "; ".join(errors))
        return TaskEnd(TaskState.SUCCESS)

    async def follow_up(self, connection: AsyncConnection) -> list[TaskId]:
        """In the transaction that ends it with success: the tasks of the deployments that follow by themselves."""
        if self._execution is None:
            return []
        made = await deploy_automatically(self.parts.context, connection, self._execution)
        return [each.task_id for each in made]

    # ---- Steps -------------------------------------------------------------------------------------------------------

    async def _run_step(self, step: PlannedStep, errors: str) -> str:
        """Run a step where it should; what failed, "" when nothing did."""
        path = str(step.number)
        known = self._known(path)
        if known is not None and known.status in FINAL_UNIT_STATUSES:
            return str(known.outcome.get("Error") or "")
        if known is None:
            reason = reason_to_skip(step, has_failed=bool(errors), holds=await self._holds(step, errors))
            if reason:
                await self._save(path, step.name, UnitStatus.SKIPPED, note=f"The step was skipped: {reason}.")
                return ""
            await self._save(path, step.name, UnitStatus.RUNNING)
        ends = await self._run_everywhere(step, errors)
        failed = [end.error for end in ends if end.ending is Ending.FAILED]
        if any(end.ending is Ending.CANCELLED for end in ends) and self.cancel.is_set():
            await self._save(path, step.name, UnitStatus.CANCELED)
            return ""
        error = f"{step.name}: {'; '.join(failed)}" if failed else ""
        has_warnings = any(end.ending in (Ending.IGNORED, Ending.EXCLUDED) for end in ends)
        status = UnitStatus.WARNING if has_warnings else UnitStatus.SUCCESS
        await self._save(path, step.name, UnitStatus.FAILED if failed else status, error=error)
        return error

    async def _holds(self, step: PlannedStep, errors: str) -> bool | None:
        if step.condition is not Condition.VARIABLE or not step.actions:
            return None
        unit = await self._variables_of(step, step.actions[0], None, errors)
        return unit.variables.is_truthy(step.condition_expression)

    async def _run_everywhere(self, step: PlannedStep, errors: str) -> list[UnitEnd]:
        """On each machine, as many at once as the window lets; none is begun after one has failed."""
        machines: list[PlannedMachine | None] = [*step.machines] or [None]
        window = asyncio.Semaphore(await self._window(step, errors) or len(machines))
        ends: list[UnitEnd] = []

        async def one(number: int, machine: PlannedMachine | None) -> None:
            async with window:
                if self.cancel.is_set():
                    ends.append(UnitEnd(Ending.CANCELLED))
                elif any(end.ending is Ending.FAILED for end in ends) or (
                    machine is not None and machine.id in self._excluded
                ):
                    ends.append(UnitEnd(Ending.SKIPPED))
                else:
                    ends.append(await self._run_on(step, number, machine, errors))

        async with asyncio.TaskGroup() as group:
            for number, machine in enumerate(machines):
                group.create_task(one(number, machine))
        return ends

    async def _window(self, step: PlannedStep, errors: str) -> int:
        if not step.window_expression or not step.actions:
            return step.window
        unit = await self._variables_of(step, step.actions[0], None, errors)
        text = unit.variables.evaluate(step.window_expression).text.strip()
        return int(text) if text.isdigit() else 0

    async def _run_on(self, step: PlannedStep, number: int, machine: PlannedMachine | None, errors: str) -> UnitEnd:
        """The step's actions on one machine, one after the other."""
        end = UnitEnd(Ending.DONE)
        for place, planned in enumerate(step.actions):
            if planned.skip_reason:
                continue
            each = await self._run_action(_At(step, planned, machine, step.unit_path(number, place), errors))
            if each.ending in (Ending.FAILED, Ending.CANCELLED, Ending.EXCLUDED):
                where = f"{machine.name}: " if machine else ""
                return replace(each, error=f"{where}{each.error}")
            if each.ending is Ending.IGNORED:
                end = each
        return end

    # ---- Actions -----------------------------------------------------------------------------------------------------

    async def _run_action(self, at: _At) -> UnitEnd:
        known = self._known(at.path)
        if known is not None and known.status in FINAL_UNIT_STATUSES:
            return as_end(known)
        try:
            if known is None and not await self._is_wanted(at):
                return UnitEnd(Ending.SKIPPED)
            end = await self._try_action(at)
        except (Invalid, NotFound, FeedUnavailable, TemplateError) as error:
            end = UnitEnd(Ending.FAILED, str(error))
            await self._note(at.path, Level.ERROR, str(error))
        if end.ending is not Ending.CANCELLED or self.cancel.is_set():
            await self._save(at.path, at.planned.name, STATUSES[end.ending], error=end.error)
        return end

    async def _is_wanted(self, at: _At) -> bool:
        """Whether the action's own condition holds; the answer is stored before anything is done."""
        if at.planned.condition_expression:
            unit = await self._variables_of(at.step, at.planned, at.machine, at.errors)
            if not unit.variables.is_truthy(at.planned.condition_expression):
                note = "The action was skipped: its condition does not hold."
                await self._save(at.path, at.planned.name, UnitStatus.SKIPPED, note=note)
                return False
        await self._save(at.path, at.planned.name, UnitStatus.RUNNING)
        return True

    async def _try_action(self, at: _At) -> UnitEnd:
        """Tries until it succeeds, retries are used up, or somebody decides."""
        action = (self._actions or {})[at.planned.id]
        if at.planned.action_type.lower() == "octopus.manual":
            return await self._ask_for_approval(at)
        automatic = min(_number(action.text(_RETRIES)), MAX_RETRIES)
        attempt = 1
        while True:
            end = await self._attempt(at, attempt)
            if end.ending is Ending.EXCLUDED and at.machine is not None:
                await self._exclude(at.machine)
            if end.ending is not Ending.FAILED:
                return end
            if attempt <= automatic:
                attempt += 1
                await self._note_once(
                    at.path, attempt, f"The step failed and is tried again ({attempt - 1} of {automatic})."
                )
                continue
            answer = await self._ask_for_guidance(at, attempt, end.error)
            match answer:
                case "Retry":
                    attempt += 1
                case "Ignore":
                    return UnitEnd(Ending.IGNORED, end.error)
                case "Exclude" if at.machine is not None:
                    await self._exclude(at.machine)
                    return UnitEnd(Ending.EXCLUDED, end.error)
                case "Cancelled":
                    return UnitEnd(Ending.CANCELLED)
                case _:
                    return end

    async def _attempt(self, at: _At, attempt: int) -> UnitEnd:
        """Do the action once: the server itself, or a machine."""
        if self._server is None or not self._server.is_mine(at.planned.action_type):
            return await self._run_on_machine(at, attempt)
        place = Place(at.step, at.planned, (self._actions or {})[at.planned.id], at.machine)
        try:
            return await self._server.run(place, at.path, attempt, await self._of_place(place, at.errors))
        except (Invalid, NotFound, FeedUnavailable, TemplateError) as error:
            await self._note(at.path, Level.ERROR, str(error))
            return UnitEnd(Ending.FAILED, str(error))

    async def _run_on_machine(self, at: _At, attempt: int) -> UnitEnd:
        unit_id = at.path if attempt == 1 else f"{at.path}~{attempt}"
        variables = await self._variables_of(at.step, at.planned, at.machine, at.errors)
        unit = await self._unit(at, unit_id, variables)
        action = (self._actions or {})[at.planned.id]
        place = Place(at.step, at.planned, action, at.machine, unit.place_id if unit.place is UnitPlace.POOL else "")
        if place.pool_id:
            variables = await self._of_place(place, at.errors)
        source = await action_source(self.parts, self._known_execution, self._known_variables, place, variables)
        minutes = _number(variables.variables.evaluate(action.text(_TIMEOUT_MINUTES)).text)
        async with timed(self.cancel, minutes * 60) as (cancel, is_timed_out):
            outcome = await self.run_script(unit, source, cancel)
        if outcome.state is RunState.SUCCESS:
            return UnitEnd(Ending.DONE)
        if self.cancel.is_set():
            return UnitEnd(Ending.CANCELLED, outcome.error)
        if is_timed_out():
            return UnitEnd(Ending.FAILED, f"It took longer than {minutes} minutes and was stopped.")
        return UnitEnd(Ending.FAILED, outcome.error or "The script failed.")

    async def _unit(self, at: _At, unit_id: str, variables: UnitVariables) -> Unit:
        if at.planned.runs_on is RunsOn.TARGET and at.machine is not None:
            return Unit(unit_id, at.machine.name, UnitPlace.TARGET, at.machine.id)
        pool_id = at.planned.pool_id
        if at.planned.pool_variable:
            pool_id = (variables.variables.find(at.planned.pool_variable) or "").strip()
            if not pool_id:
                raise Invalid(
                    f"The variable '{at.planned.pool_variable}' names no worker pool for '{at.step.name}' here."
                )
        return Unit(unit_id, at.planned.name, UnitPlace.POOL, pool_id)

    # ---- People ------------------------------------------------------------------------------------------------------

    async def _ask_for_approval(self, at: _At) -> UnitEnd:
        unit = await self._variables_of(at.step, at.planned, at.machine, at.errors)
        action = (self._actions or {})[at.planned.id]
        instructions = unit.variables.evaluate(action.text(_INSTRUCTIONS)).text
        teams = [team for team in action.text(_TEAMS).split(",") if team]
        doc = {"Title": at.planned.name, "Instructions": instructions, "ResponsibleTeamIds": teams}
        answer = await self._ask(at.path, 1, MANUAL_INTERVENTION, doc)
        if answer is None:
            return UnitEnd(Ending.CANCELLED)
        who, notes = answer.get("Username"), answer.get("Notes") or ""
        if answer.get("Result") == "Proceed":
            return UnitEnd(Ending.DONE)
        return UnitEnd(Ending.FAILED, f"{who} aborted it. {notes}".strip())

    async def _ask_for_guidance(self, at: _At, attempt: int, error: str) -> str:
        """What to do about a failure: "Fail" where nobody is to be asked, "Cancelled" when the task ends meanwhile."""
        if not self._known_execution.doc.get("UseGuidedFailure"):
            return "Fail"
        where = f" on {at.machine.name}" if at.machine else ""
        doc = {"Title": f"{at.planned.name} failed{where}", "Instructions": error}
        answer = await self._ask(at.path, attempt, GUIDED_FAILURE, doc)
        return "Cancelled" if answer is None else str(answer.get("Result") or "Fail")

    async def _ask(self, path: str, attempt: int, type_: str, doc: Mapping[str, object]) -> dict[str, object] | None:
        """The answer, however long it takes; None when the task is cancelled meanwhile."""
        question = Question(self._known_execution.space_id, self.task.id, path, attempt, type_, doc)
        async with self.parts.context.store.writing() as connection:
            asked = await find_interruption(connection, self.task.id, path, attempt, type_)
            if asked is None:
                asked = await open_interruption(connection, question, self.parts.now())
        if asked.is_pending:
            await self._note_once(path, attempt, f"Waiting for an answer: {doc['Title']} ({asked.id}).", Level.WAIT)
        await self.parts.publish_task(self.task.id)
        with self._not_counted():
            async with self.parts.context.bus.subscribe(f"task.{self.task.id}") as wake_ups:
                while asked.is_pending and not self.cancel.is_set():
                    with contextlib.suppress(TimeoutError, StopAsyncIteration):
                        async with asyncio.timeout(LOOK_SECONDS):
                            await anext(wake_ups)
                    asked = await self._look_again(asked)
        return None if asked.answer is None else dict(asked.answer)

    async def _look_again(self, asked: Interruption) -> Interruption:
        async with self.parts.context.store.reading() as connection:
            found = await find_interruption(connection, asked.task_id, asked.unit, asked.attempt, asked.type)
        return found or asked

    @contextlib.contextmanager
    def _not_counted(self) -> Iterator[None]:
        """A task that waits for a person takes no place under the task cap."""
        self._waiters += 1
        self.waiting(True)
        try:
            yield
        finally:
            self._waiters -= 1
            if self._waiters == 0:
                self.waiting(False)

    # ---- What is known -----------------------------------------------------------------------------------------------

    @property
    def _known_execution(self) -> Execution:
        if self._execution is None:
            raise NotFound("The deployment is not read yet.")
        return self._execution

    @property
    def _known_variables(self) -> ExecutionVariables:
        if self._variables is None:
            raise NotFound("The variables are not read yet.")
        return self._variables

    def _known(self, path: str) -> TaskUnit | None:
        return (self._units or {}).get(path)

    async def _variables_of(
        self, step: PlannedStep, planned: PlannedAction, machine: PlannedMachine | None, errors: str
    ) -> UnitVariables:
        return await self._of_place(Place(step, planned, (self._actions or {})[planned.id], machine), errors)

    async def _of_place(self, place: Place, errors: str) -> UnitVariables:
        return await self._known_variables.of_unit(place, errors)

    async def _exclude(self, machine: PlannedMachine) -> None:
        """Leave the machine out of everything that follows."""
        async with self.parts.context.store.writing() as connection:
            unit = TaskUnit(f"excluded:{machine.id}", machine.name, UnitStatus.SKIPPED)
            await save_unit(connection, self.claim, unit)
        self._excluded.add(machine.id)

    async def _save(self, path: str, name: str, status: UnitStatus, *, error: str = "", note: str = "") -> None:
        now, known = self.parts.now(), self._known(path)
        started = known.started_at if known is not None else now
        ended = now if status in FINAL_UNIT_STATUSES else None
        unit = TaskUnit(path, name, status, started, ended, {"Error": error} if error else {})
        async with self.parts.context.store.writing() as connection:
            await save_unit(connection, self.claim, unit)
            if note:
                await append_chunk(connection, self.claim, NewChunk(path, [self._line(Level.INFO, note)]), now)
        if self._units is not None:
            self._units[path] = unit
        await self.parts.publish_task(self.task.id)

    async def _note(self, path: str, level: Level, text: str) -> None:
        async with self.parts.context.store.writing() as connection:
            await append_chunk(connection, self.claim, NewChunk(path, [self._line(level, text)]), self.parts.now())
        await self.parts.publish_task(self.task.id)

    async def _note_once(self, path: str, attempt: int, text: str, level: Level = Level.INFO) -> None:
        """A note that a run which is taken up again does not repeat."""
        mark = f"note:{path}:{attempt}:{level.value}"
        if self._known(mark) is not None:
            return
        unit = TaskUnit(mark, "note", UnitStatus.SUCCESS)
        async with self.parts.context.store.writing() as connection:
            await save_unit(connection, self.claim, unit)
            await append_chunk(connection, self.claim, NewChunk(path, [self._line(level, text)]), self.parts.now())
        if self._units is not None:
            self._units[mark] = unit

    def _line(self, level: Level, text: str) -> Line:
        return Line(level.value, self.parts.now().isoformat(timespec="milliseconds"), text)


def _number(text: str) -> int:
    return int(text) if text.strip().isdigit() else 0
