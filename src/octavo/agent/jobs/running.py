"""Brings a prepared job to its end: wait for its turn, have it launched, watch it. Also after a restart of the agent.

Source: tentacle-services.md §4.6 and §7; docs/decisions/0022-true-results-after-restart.md.
"""

import asyncio
import signal
from dataclasses import dataclass
from datetime import UTC, datetime

from octavo.agent.jobs.isolation import Claim, IsolationMutexes
from octavo.agent.jobs.isolation_messages import cancelled_lines, timed_out_lines, waiting_lines
from octavo.agent.jobs.job import Job
from octavo.agent.jobs.launching import Launcher, LaunchFailed
from octavo.agent.jobs.output_log import seal_log
from octavo.agent.jobs.preparing import MARKER_VARIABLE
from octavo.agent.supervisor.job_folder import (
    JobFolder,
    JobPlan,
    ScriptState,
    find_state,
    find_supervisor,
    is_locked,
    write_state,
)
from octavo.agent.supervisor.log_format import STDERR, STDOUT
from octavo.agent.supervisor.log_writer import LogWriter
from octavo.agent.supervisor.process_tree import kill_all, list_descendants, list_marked, send_signal
from octavo.contracts.scripts import ExitCode, ScriptIsolationLevel

#: How often a watched job is looked at when no news came: news may be lost, a supervisor may be killed.
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class WaitTimes:
    """How long the tries for a mutex last before the script says that it waits."""

    first_seconds: float = 0.1
    later_seconds: float = 600.0


class JobRunner:
    """Runs the jobs of one agent, each in a task of its own."""

    def __init__(self, launcher: Launcher, waits: WaitTimes) -> None:
        self._launcher = launcher
        self._waits = waits
        self._mutexes = IsolationMutexes()
        self._waiting: dict[Claim, Job] = {}
        self._granted: set[Claim] = set()

    async def run(self, job: Job, plan: JobPlan) -> None:
        """From the waiting line to the end. Cancelling it leaves a started script running."""
        claim = _claim(plan)
        try:
            if await self._wait_turn(job, plan, claim):
                await self._launch(job)
                await self._watch(job, plan)
        finally:
            self._end(plan.mutex_name, claim)

    async def resume(self, job: Job, plan: JobPlan, claim: Claim) -> None:
        """Watch a job that was found running and adopted."""
        try:
            await self._watch(job, plan)
        finally:
            self._end(plan.mutex_name, claim)

    def adopt(self, plan: JobPlan) -> Claim:
        """Let a job that was found running hold its mutex, before anybody may ask for it."""
        claim = _claim(plan)
        self._mutexes.adopt(plan.mutex_name, claim)
        return claim

    def _end(self, name: str, claim: Claim) -> None:
        self._granted.discard(claim)
        for granted in self._mutexes.end(name, claim):
            self._granted.add(granted)
            self._waiting[granted].wake()

    async def _wait_turn(self, job: Job, plan: JobPlan, claim: Claim) -> bool:
        """Wait for the mutex. False: cancelled or timed out meanwhile, and the job is complete."""
        if self._mutexes.request(plan.mutex_name, claim):
            return True
        self._waiting[claim] = job
        attempt = self._waits.first_seconds
        try:
            while not await self._is_granted(job, claim, min(attempt, _remaining_seconds(job, plan))):
                holders = self._mutexes.list_holders(plan.mutex_name)
                await asyncio.to_thread(append_lines, job.folder, waiting_lines(claim, holders))
                if job.is_cancelled:
                    await self._give_up(job, cancelled_lines(claim, holders), ExitCode.CANCELLED)
                    return False
                if _remaining_seconds(job, plan) <= 0:
                    lines = timed_out_lines(claim, holders, plan.mutex_timeout_seconds)
                    await self._give_up(job, lines, ExitCode.TIMED_OUT)
                    return False
                job.look()
                attempt = self._waits.later_seconds
        finally:
            del self._waiting[claim]
        return True

    async def _is_granted(self, job: Job, claim: Claim, timeout_seconds: float) -> bool:
        """Wait for the mutex, but no longer than this, and not when the job is cancelled."""
        try:
            async with asyncio.timeout(max(0.0, timeout_seconds)):
                while claim not in self._granted and not job.is_cancelled:
                    await job.moved()
        except TimeoutError:
            pass
        return claim in self._granted

    async def _give_up(self, job: Job, lines: list[str], exit_code: int) -> None:
        await asyncio.to_thread(append_lines, job.folder, lines)
        self._complete(job, exit_code)

    async def _launch(self, job: Job) -> None:
        job.is_launched = True
        job.look(is_news=False)
        job.wake()
        try:
            await self._launcher.launch(job.folder)
        except LaunchFailed as failure:
            await asyncio.to_thread(append_lines, job.folder, [str(failure)], STDERR)
            self._complete(job, ExitCode.FATAL)

    def _complete(self, job: Job, exit_code: int) -> None:
        if job.state is not None:
            write_state(job.folder, job.state.ended(exit_code))
        job.look()

    async def _watch(self, job: Job, plan: JobPlan) -> None:
        """Until the job is complete. A supervisor that vanished without a result is found out here."""
        is_first_look = True
        while not job.result.is_complete:
            has_supervisor = is_locked(job.folder)
            job.look(is_news=not is_first_look)
            is_first_look = False
            if job.result.is_complete:
                return
            if not has_supervisor:
                await asyncio.to_thread(close_lost_job, job.folder, plan)
                job.look()
                return
            if job.is_cancelled:
                signal_supervisor(job.folder)
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await job.moved()
            except TimeoutError:
                continue


def close_lost_job(folder: JobFolder, plan: JobPlan) -> None:
    """End a job whose supervisor was killed: kill what is left of it, report an unknown result, keep its log. Blocking.

    It is never started again: how far the script came, nobody knows.
    """

    def leftovers() -> list[int]:
        marked = list_marked(MARKER_VARIABLE, plan.marker)
        return [*marked, *list_descendants(marked)]

    kill_all(leftovers, lambda: None)
    state = find_state(folder)
    if state is None:
        return
    seal_log(folder)
    write_state(folder, state.ended(ExitCode.UNKNOWN_RESULT, ran_to_completion=False))


def signal_supervisor(folder: JobFolder) -> None:
    """Let the supervisor look for a request to cancel."""
    supervisor = find_supervisor(folder)
    if supervisor is not None:
        send_signal(supervisor, signal.SIGTERM)


def _claim(plan: JobPlan) -> Claim:
    return Claim(plan.task_id, ScriptIsolationLevel(plan.isolation_level))


def _remaining_seconds(job: Job, plan: JobPlan) -> float:
    state = job.state or ScriptState(created=datetime.now(UTC).isoformat())
    waited = datetime.now(UTC) - datetime.fromisoformat(state.created)
    return plan.mutex_timeout_seconds - waited.total_seconds()


def append_lines(folder: JobFolder, lines: list[str], source: str = STDOUT) -> None:
    """Add what the agent itself says to a log that no supervisor writes yet. Blocking."""
    log = LogWriter(folder)
    try:
        log.append(source, lines)
    finally:
        log.close()
