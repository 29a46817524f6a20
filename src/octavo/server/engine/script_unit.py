"""One attempt of one unit: a script on a machine, from its ticket to its end, whatever is killed meanwhile.

Every answer of the agent is stored, with the cursor behind it, before the next is asked for. An attempt that is run
again continues: same ticket, the agent's log read from its start, lines up to the stored cursor dropped.
Source: DESIGN §6; tentacle-services.md §9.
"""

import asyncio
import time
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import AgentUnavailable, Invalid, NotFound
from octavo.contracts.scripts import ExitCode, ProcessState
from octavo.halibut import HalibutError, ServiceFailed
from octavo.server.domain.backoff import PollBase
from octavo.server.domain.masking import Secrets
from octavo.server.domain.placement import BUILT_IN_WORKER_ID
from octavo.server.domain.script_effects import (
    CollectArtifact,
    ScriptEffect,
    SetFailureText,
    SetOutputVariable,
    ShowProgress,
)
from octavo.server.domain.script_output import OutputBatch, ScriptOutput
from octavo.server.domain.script_runs import RunState, ScriptRun, ServiceVersion
from octavo.server.domain.service_messages import LABEL, Level
from octavo.server.domain.task_log import BrokenLog, Entry, Line
from octavo.server.domain.tasks import Claim, TaskEnd, TaskState
from octavo.server.engine.artifact_collection import ArtifactCollection
from octavo.server.engine.output_variables import EXIT_CODE, sealed_outputs
from octavo.server.engine.parts import EngineParts
from octavo.server.engine.script_source import ActionSource
from octavo.server.feeds.feed import FeedUnavailable
from octavo.server.store.leases import end_leases
from octavo.server.store.output_variables import StoredOutput, replace_output_variables
from octavo.server.store.script_runs import RunChange, change_script_run
from octavo.server.store.task_log import NewChunk, append_chunk
from octavo.server.workers.connections import NoAgent
from octavo.server.workers.retries import NO_RETRIES
from octavo.server.workers.script_client import Progress
from octavo.server.workers.script_session import Cancelled, ScriptSession

RECONNECT_PAUSE_SECONDS = 0.2  # between looks whether the built-in worker is back
#: Exit codes that an agent makes up, in words.
_MADE_UP: dict[int, str] = {
    ExitCode.FATAL: "The agent could not run the script: an internal failure, such as a full disk.",
    ExitCode.SHELL_NOT_STARTED: "The agent could not start the shell.",
    ExitCode.CANCELLED: "The script was cancelled before it could start.",
    ExitCode.TIMED_OUT: "The script waited too long for another one on the same machine.",
    ExitCode.UNKNOWN_SCRIPT: "The agent does not know this script any more: its workspace is gone.",
    ExitCode.UNKNOWN_RESULT: "The agent was restarted while the script ran, and its result is lost.",
}
_MAY_HAVE_STARTED = (
    "The server was restarted while it asked an old Tentacle to start this script. Such an agent cannot be asked "
    "whether it did, so the script is not started again."
)
#: After these nobody knows what the script did.
_LOST = (ExitCode.UNKNOWN_SCRIPT, ExitCode.UNKNOWN_RESULT)


class EndsTask(Enum):
    """Whether this unit is its task's only one, so that its last lines bring the task's end with them."""

    YES = auto()
    NO = auto()


class Mobility(Enum):
    """Whether another worker may take the unit over when this one surely never started it."""

    OTHER_WORKER = auto()
    NONE = auto()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended. `is_task_ended`: the task's end is stored already."""

    state: RunState
    error: str = ""
    is_task_ended: bool = False

    @property
    def task_end(self) -> TaskEnd:
        """What this outcome makes of a task that has no other unit."""
        match self.state:
            case RunState.SUCCESS:
                return TaskEnd(TaskState.SUCCESS)
            case RunState.CANCELLED:
                return TaskEnd(TaskState.CANCELLED, self.error)
            case _:
                return TaskEnd(TaskState.FAILED, self.error)


@dataclass(slots=True)
class ScriptUnit:
    """Runs one attempt. `cancel` is set when the task is to end."""

    parts: EngineParts
    claim: Claim
    run: ScriptRun
    source: ActionSource
    cancel: asyncio.Event
    ends_task: EndsTask
    is_fresh: bool  # no process before us can have asked an agent to start it
    mobility: Mobility = Mobility.NONE
    _output: ScriptOutput = field(init=False)
    _fed: int = 0
    _started: RunChange | None = None
    _confinement: str = ""
    _failure_text: str = ""
    _progress: ShowProgress | None = None
    _artifacts: list[CollectArtifact] = field(default_factory=list)
    _outputs: list[SetOutputVariable] = field(default_factory=list)
    _has_error_output: bool = False
    _exit_code: int | None = None
    _may_have_started: bool = True

    async def execute(self) -> Outcome:
        """Run the attempt to its end and store that end.

        Raises:
            FenceLost: another node runs it now.
            StoreUnavailable: the database cannot serve; calling again continues.
        """
        begin = time.monotonic()
        while True:
            session, self._fed = None, 0
            secrets = Secrets(secret.reveal() for secret in self.source.secrets)
            self._output = ScriptOutput(stored=self.run.next_sequence, secrets=secrets)
            rest = OutputBatch((), (), self.run.next_sequence)
            try:
                session = await self._open_session()
                outcome, rest = await self._follow(session)
            except Cancelled as cancelled:
                session = None if cancelled.may_have_started else session  # its folder stays while it may run
                text = "" if cancelled.may_have_started else " The script was not started."
                outcome = Outcome(RunState.CANCELLED, f"The task was cancelled.{text}")
            except (HalibutError, AgentUnavailable, NoAgent, NotFound, Invalid, FeedUnavailable, BrokenLog) as error:
                if self._may_reconnect(error, time.monotonic() - begin):
                    self.is_fresh = self.is_fresh and not (session is not None and session.may_have_started)
                    await asyncio.sleep(RECONNECT_PAUSE_SECONDS)
                    continue
                rest = OutputBatch((), (), self.run.next_sequence)
                outcome = self._lost(error, session)
            break
        outcome = await self._finish(outcome, rest)
        if session is not None and session.client.is_repeatable and outcome.state is not RunState.LOST:
            await session.complete(rest.next_sequence)
        return outcome

    def _may_reconnect(self, error: Exception, elapsed_seconds: float) -> bool:
        """The built-in worker comes back at another port, so its address must be asked again, not its old one."""
        is_wire = isinstance(error, HalibutError | AgentUnavailable) and not isinstance(error, ServiceFailed)
        is_in_time = elapsed_seconds < self.parts.retries.duration_seconds
        return self._is_built_in and is_wire and is_in_time and not self.cancel.is_set()

    @property
    def _is_built_in(self) -> bool:
        return self.run.machine_id == BUILT_IN_WORKER_ID

    async def _open_session(self) -> ScriptSession:
        retries = NO_RETRIES if self._is_built_in else self.parts.retries
        endpoint = await self.parts.get_endpoint(self.run.machine_id)
        capabilities = self.parts.capabilities
        if self.run.service is not ServiceVersion.UNKNOWN:
            client = capabilities.client_for(endpoint, self.run.service)
        else:
            client = await capabilities.get_client(endpoint, retries, self._notify)
        return ScriptSession(
            client,
            await self.source.prepare(self.run.machine_id, endpoint, client.version),
            self.run.agent_ticket,
            PollBase.POLLING if endpoint.is_polling else PollBase.LISTENING,
            retries,
            self.cancel,
            self._notify,
            ends_lost_scripts=not self._is_built_in,
            may_have_started=not self.is_fresh,
        )

    async def _follow(self, session: ScriptSession) -> tuple[Outcome, OutputBatch]:
        """Store what the agent says until the script has ended; how it ended, and what is not stored yet."""
        version, is_started = session.client.version, self.run.state is RunState.RUNNING
        self._started = RunChange(state=RunState.RUNNING, service=version, started_at=self.parts.now())
        if version is ServiceVersion.V1 and not is_started:  # noted before it is asked: never ask it twice (§9.8)
            await self._store(OutputBatch((), (), self._output.stored))
        elif version is ServiceVersion.V1 and self.run.agent_ticket == self.run.ticket:
            return Outcome(RunState.LOST, _MAY_HAVE_STARTED), OutputBatch((), (), self._output.stored)
        last = Progress(self.run.agent_ticket, ProcessState.PENDING, ExitCode.UNKNOWN_RESULT, (), 0, is_finished=False)
        batch = OutputBatch((), (), self._output.stored)
        async for progress in session.run(is_started=is_started):
            if session.ticket != self.run.agent_ticket:
                self.run = replace(self.run, agent_ticket=session.ticket)
                self._started = RunChange(agent_ticket=session.ticket)
                await self._store(OutputBatch((), (), self._output.stored))
            last, batch = progress, self._take(progress)
            if not (progress.is_finished and session.client.waits_for_news):
                await self._store(batch)
                batch = OutputBatch((), (), batch.next_sequence)
        for problem in await self._collect_artifacts():
            await self._note(problem)
        if not session.client.is_repeatable:
            last = await session.complete(self._fed) or last
            batch = self._take(last)
        rest = self._output.feed((), self._fed + 1, is_last=True)
        return self._judge(last), OutputBatch([*batch.lines, *rest.lines], (), rest.next_sequence)

    def _take(self, progress: Progress) -> OutputBatch:
        """The answer's new lines. A gap in the agent's numbers shows as one."""
        self._confinement = progress.confinement or self._confinement
        known = max(0, self._fed - progress.first_sequence + 1)
        entries, first = progress.entries[known:], max(progress.first_sequence, self._fed + 1)
        if entries and first > self._fed + 1 and first > self._output.stored + 1:
            missing = Entry("stderr", entries[0].occurred, f"{first - self._fed - 1} lines are missing here.")
            entries, first = [missing, *entries], first - 1
        self._has_error_output = self._has_error_output or any(_is_error_output(entry) for entry in entries)
        batch = self._output.feed(entries, first)
        self._fed = max(self._fed, progress.next_sequence)
        for effect in batch.effects:
            self._note_effect(effect)
        return batch

    def _note_effect(self, effect: ScriptEffect) -> None:
        match effect:
            case SetFailureText():
                self._failure_text = effect.message
            case CollectArtifact():
                self._artifacts.append(effect)
            case SetOutputVariable():
                self._outputs.append(effect)
            case ShowProgress():
                self._progress = effect

    def _judge(self, last: Progress) -> Outcome:
        self._exit_code = last.exit_code
        if self.cancel.is_set():
            return Outcome(RunState.CANCELLED, "The task was cancelled.")
        if last.exit_code == 0 and self._has_error_output and self.source.fails_on_error_output:
            return Outcome(
                RunState.FAILED, "The script wrote to its error output, which this step counts as a failure."
            )
        if last.exit_code == 0:
            return Outcome(RunState.SUCCESS)
        state = RunState.LOST if last.exit_code in _LOST else RunState.FAILED
        reason = _MADE_UP.get(last.exit_code, f"The remote script failed with exit code {last.exit_code}")
        return Outcome(state, self._output.secrets.mask(self._failure_text) or reason)

    def _lost(self, error: Exception, session: ScriptSession | None) -> Outcome:
        """The agent cannot be reached any more, or never could."""
        is_unreachable = isinstance(error, HalibutError | AgentUnavailable)
        if isinstance(error, HalibutError):
            self.parts.suspect(self.run.machine_id)
        self._may_have_started = not self.is_fresh or (session is not None and session.may_have_started)
        if self.cancel.is_set():
            return Outcome(RunState.CANCELLED, f"The task was cancelled, but the agent could not be told: {error}")
        moves_on = not self._may_have_started and is_unreachable and self.mobility is Mobility.OTHER_WORKER
        state = RunState.LOST if moves_on or self._may_have_started else RunState.FAILED
        return Outcome(state, f"{self.run.machine_name}: {error}")

    async def _collect_artifacts(self) -> list[str]:
        if not self._artifacts:
            return []
        endpoint = await self.parts.get_endpoint(self.run.machine_id)
        return await ArtifactCollection(self.parts, self.source.space_id, self.run, endpoint).collect(self._artifacts)

    async def _notify(self, text: str) -> None:
        """The agent gives trouble: a note in the task log, and a check of the machine."""
        self.parts.suspect(self.run.machine_id)
        await self._note(text)

    async def _note(self, text: str) -> None:
        chunk = NewChunk(self.run.unit, [self._line(Level.WARNING, text)])
        now = self.parts.now()
        await self.parts.write(lambda connection: append_chunk(connection, self.claim, chunk, now))
        await self.parts.publish_task(self.claim.task_id)

    async def _store(self, batch: OutputBatch) -> None:
        if not batch.lines and self._started is None and batch.next_sequence == self.run.next_sequence:
            return
        await self._write(batch, self._started or RunChange(), None)

    async def _finish(self, outcome: Outcome, rest: OutputBatch) -> Outcome:
        lines = [*rest.lines]
        if hidden := self._output.secrets.hidden:
            lines.append(self._line(Level.VERBOSE, f"Sensitive values hidden in this output: {hidden}."))
        if outcome.error:
            lines.append(self._line(Level.ERROR, outcome.error))
        started_at = self.run.started_at or self.parts.now() if self._may_have_started else None
        change = replace(
            self._started or RunChange(),
            started_at=started_at,
            state=outcome.state,
            exit_code=self._exit_code,
            confinement=self._confinement,
            completed_at=self.parts.now(),
        )
        moves_on = outcome.state is RunState.LOST and not self._may_have_started
        end = outcome.task_end if self.ends_task is EndsTask.YES and not moves_on else None
        await self._write(OutputBatch(lines, (), rest.next_sequence), change, end, is_end=True)
        self.run = replace(self.run, state=outcome.state, started_at=self.run.started_at or change.started_at)
        self.parts.idle_since[self.run.machine_id] = self.parts.now()
        return replace(outcome, is_task_ended=end is not None)

    async def _write(self, batch: OutputBatch, change: RunChange, end: TaskEnd | None, *, is_end: bool = False) -> None:
        """Lines, cursor and state in one transaction; the checks come first, so that a lost fence changes nothing."""
        if self.run.started_at is None and change.started_at is not None:
            batch = replace(batch, lines=[*self._opening(), *batch.lines])
        before, now, run = self.run.next_sequence, self.parts.now(), self.run
        first = before + 1 if batch.next_sequence > before else None
        chunk = NewChunk(run.unit, batch.lines, first, batch.next_sequence)
        change = replace(change, next_sequence=batch.next_sequence)
        if self._progress is not None:
            message = self._output.secrets.mask(self._progress.message)
            percentage = min(100, max(0, self._progress.percentage))
            change = replace(change, progress_percentage=percentage, progress_message=message)
            self._progress = None
        outputs = self._outputs_to_store() if is_end else None

        async def work(connection: AsyncConnection) -> None:
            await change_script_run(connection, run.ticket, self.claim.fence, change, at_sequence=before)
            if batch.lines or end is not None:
                await append_chunk(connection, self.claim, chunk, now, end)
            if outputs is not None:
                await replace_output_variables(connection, self.claim.task_id, run.unit, outputs)
            if is_end:
                await end_leases(connection, self.claim.task_id, run.unit)

        await self.parts.write(work)
        self.run = replace(run, next_sequence=batch.next_sequence, started_at=run.started_at or change.started_at)
        self._started = None
        await self.parts.publish_task(self.claim.task_id)

    def _outputs_to_store(self) -> list[StoredOutput] | None:
        """What the script handed on; None where nobody could read it, or where it surely never ran."""
        machine_id = self.source.output_machine_id
        if machine_id is None or not self._may_have_started:
            return None
        exit_code = [] if self._exit_code is None else [SetOutputVariable(EXIT_CODE, str(self._exit_code), False)]
        outputs = [*self._outputs, *exit_code]
        return sealed_outputs(self.parts.context.vault, self.claim.task_id, self.run.unit, machine_id, outputs)

    def _opening(self) -> list[Line]:
        """What the log says before the script does; values that must not show are hidden here, too."""
        mask = self._output.secrets.mask
        return [
            self._line(Level.VERBOSE if number else Level.WARNING, mask(part))
            for number, text in enumerate(self.source.opening_lines)
            for part in text.split("\n")
        ]

    def _line(self, level: Level, text: str) -> Line:
        return Line(level.value, self.parts.now().isoformat(timespec="milliseconds"), text)


def _is_error_output(entry: Entry) -> bool:
    """A line that counts against a step that must not write to stderr (script-execution.md §2.7)."""
    return entry.source == "stderr" and bool(entry.text.strip()) and not entry.text.startswith(LABEL)
