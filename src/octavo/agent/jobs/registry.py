"""All jobs of one agent: start once, find, cancel, forget, and take up again what was there before a restart.

Every ticket folder on disk is known in memory from the start of the agent. Calls for one ticket may come at once and
over several connections; starting is serialised per ticket.
"""

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass, field

from octavo.agent.jobs.agent_lock import lock_home
from octavo.agent.jobs.job import Job
from octavo.agent.jobs.launching import Launcher
from octavo.agent.jobs.news import NewsReceiver
from octavo.agent.jobs.orders import JobOrder
from octavo.agent.jobs.output_log import is_sound, seal_log
from octavo.agent.jobs.places import AgentPlaces
from octavo.agent.jobs.preparing import Preparation
from octavo.agent.jobs.running import JobRunner, WaitTimes, append_lines, signal_supervisor
from octavo.agent.jobs.tickets import TicketName, ticket_key
from octavo.agent.jobs.workspace import delete_workspace
from octavo.agent.supervisor.job_folder import (
    COMPLETE,
    PENDING,
    JobFolder,
    JobPlan,
    find_cancel,
    find_state,
    is_locked,
    read_plan,
    request_cancel,
    was_taken,
    write_state,
)
from octavo.agent.supervisor.log_format import STDERR
from octavo.contracts.scripts import ExitCode

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Found:
    """What an agent finds on disk when it starts."""

    running: list[tuple[Job, JobPlan]] = field(default_factory=list)
    pending: list[tuple[Job, JobPlan]] = field(default_factory=list)
    done: list[Job] = field(default_factory=list)


class Jobs:
    """The jobs of one agent. Between `open` and `close`; closing leaves started scripts running."""

    def __init__(self, places: AgentPlaces, preparation: Preparation, agent_lock: int, waits: WaitTimes) -> None:
        self._places, self._preparation = places, preparation
        self._jobs: dict[str, Job] = {}
        self.launcher = Launcher(agent_lock, places.run)
        self._runner = JobRunner(self.launcher, waits)
        self._news = NewsReceiver(places.run, self._on_news)
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Take up what is on disk, then be ready to start jobs."""
        self._news.start()
        self.launcher.start()
        self._own(self.launcher.run(), "launcher")
        found = await asyncio.to_thread(_read_folders, self._places)
        for job in (*found.done, *(job for job, _ in (*found.running, *found.pending))):
            self._jobs[ticket_key(job.ticket)] = job
        for job, plan in found.running:
            self._own(self._runner.resume(job, plan, self._runner.adopt(plan)), job.ticket)
        for job, plan in found.pending:
            self._own(self._guarded(job, self._runner.run(job, plan)), job.ticket)

    async def close(self) -> None:
        """Stop watching. Started scripts go on; waiting ones are taken up by the next agent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._news.close()

    async def start(self, order: JobOrder) -> Job:
        """The job of this ticket, started unless it was before.

        Raises:
            DiskShort, OSError, ValueError: nothing was started; trying again is safe.
        """
        key = ticket_key(order.ticket)
        job = self._jobs.get(key)
        if job is None:
            job = self._jobs[key] = Job(order.ticket, self._places.folder_of(order.ticket))
        async with job.starting:
            if job.plan is None:
                await self._prepare(key, job, order)
        return job

    def find(self, ticket: TicketName) -> Job | None:
        """The job of this ticket; None when it was never started here or is forgotten."""
        return self._jobs.get(ticket_key(ticket))

    def count_running(self) -> int:
        """How many jobs are not complete."""
        return sum(not job.result.is_complete for job in self._jobs.values())

    def is_alive(self, folder_name: str) -> bool:
        """Whether this folder belongs to a job that is not complete."""
        job = self._jobs.get(folder_name.casefold())
        return job is not None and not job.result.is_complete

    async def cancel(self, job: Job, grace_seconds: float = 0) -> None:
        """Ask the job to end; returns at once. Safe to repeat, also on a job that is complete."""
        if job.plan is None or job.result.is_complete:
            return
        job.is_cancelled = True
        await asyncio.to_thread(_request_cancel, job.folder, grace_seconds)
        job.wake()

    async def forget(self, ticket: TicketName) -> None:
        """Drop the ticket and delete its folder. A script that still runs goes on, unheard."""
        job = self._jobs.pop(ticket_key(ticket), None)
        folder = job.folder if job else self._places.folder_of(ticket)
        await asyncio.to_thread(delete_workspace, folder)
        if job:
            job.look()

    def drop(self, folder_name: str) -> None:
        """Note that a folder was cleaned away."""
        self._jobs.pop(folder_name.casefold(), None)

    async def _prepare(self, key: str, job: Job, order: JobOrder) -> None:
        self._jobs[key] = job  # a failed try before us may have taken it out
        try:
            plan = await asyncio.to_thread(self._preparation.prepare, job.folder, order)
        except BaseException:
            del self._jobs[key]
            raise
        job.prepared(plan)
        if not job.result.is_complete:
            self._own(self._guarded(job, self._runner.run(job, plan)), job.ticket)

    async def _guarded(self, job: Job, run: Coroutine[None, None, None]) -> None:
        try:
            await run
        except Exception as error:  # the root of a job's task: whatever it is, the job must not hang
            log.exception("a job failed inside the agent", extra={"ticket": job.ticket})
            await asyncio.to_thread(_fail, job.folder, str(error))
            job.look()

    def _own(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _on_news(self, ticket: str) -> None:
        job = self._jobs.get(ticket.casefold())
        if job is not None:
            job.look()


def open_lock(places: AgentPlaces) -> int:
    """Make the agent's folders and take the lock on its home. Blocking.

    Raises:
        ConfigurationError: another agent runs here.
    """
    places.make()
    return lock_home(places.run)


def _read_folders(places: AgentPlaces) -> _Found:
    found = _Found()
    with_times = []
    for path in places.work.iterdir():
        state = find_state(JobFolder(path)) if path.is_dir() else None
        if state is not None:
            with_times.append((state.created, path))
    for _, path in sorted(with_times):
        _sort_in(found, JobFolder(path))
    return found


def _sort_in(found: _Found, folder: JobFolder) -> None:
    """Running is what a supervisor has or had, pending what nobody ever took, done all else."""
    job = Job(TicketName(folder.path.name), folder)
    has_supervisor = is_locked(folder)
    state = find_state(folder)
    try:
        plan = read_plan(folder)
    except (OSError, ValueError):
        return  # not made by us, or broken: the cleaner takes it
    job.is_cancelled = find_cancel(folder) is not None
    is_over = state is not None and state.state == COMPLETE
    job.is_launched = has_supervisor
    if is_over and not has_supervisor and not is_sound(folder):
        seal_log(folder)
    job.prepared(plan)
    if is_over:
        found.done.append(job)
    elif state is not None and state.state == PENDING and not has_supervisor and not was_taken(folder):
        found.pending.append((job, plan))
    else:
        found.running.append((job, plan))


def _request_cancel(folder: JobFolder, grace_seconds: float) -> None:
    try:
        request_cancel(folder, grace_seconds)
    except FileNotFoundError:
        return
    signal_supervisor(folder)


def _fail(folder: JobFolder, message: str) -> None:
    state = find_state(folder)
    if state is None or state.state == COMPLETE or is_locked(folder):
        return
    append_lines(folder, [message], STDERR)
    write_state(folder, state.ended(ExitCode.FATAL))
