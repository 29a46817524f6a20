"""One job as the agent sees it: what its folder says, and whoever waits for that to change.

The folder is the truth; nothing here is remembered that an agent started a moment ago could not read there.
"""

import asyncio
from dataclasses import dataclass

from octavo.agent.jobs.output_log import LogSlice, count_entries, read_slice
from octavo.agent.jobs.tickets import TicketName
from octavo.agent.supervisor.job_folder import COMPLETE, PENDING, JobFolder, JobPlan, ScriptState, find_state
from octavo.contracts.scripts import ExitCode, ProcessState

#: A first line is held back this long for the end that may follow it: a short script needs one answer, not two.
_COALESCE_SECONDS = 0.002


@dataclass(frozen=True, slots=True)
class Result:
    """Where a job stands; the exit code is 0 until it is complete."""

    state: ProcessState
    exit_code: int

    @property
    def is_complete(self) -> bool:
        return self.state is ProcessState.COMPLETE


class Job:
    """A ticket known to this agent. `plan` is None until the workspace is prepared."""

    def __init__(self, ticket: TicketName, folder: JobFolder) -> None:
        self.ticket = ticket
        self.folder = folder
        self.plan: JobPlan | None = None
        self.is_launched = False
        self.is_cancelled = False
        self.starting = asyncio.Lock()
        self._is_preparing = True
        self._state: ScriptState | None = None
        self._announced = 0
        self._moved = asyncio.Event()

    def prepared(self, plan: JobPlan) -> None:
        """The folder is complete; from now on it says what is so."""
        self.plan = plan
        self._is_preparing = False
        self.look(is_news=False)

    def look(self, *, is_news: bool = True) -> None:
        """Read what the folder says now and wake those who wait, if it moved.

        Without `is_news` lines count as old: what every script says first wakes nobody.
        """
        state = None if self._is_preparing else find_state(self.folder)
        moved = state != self._state
        self._state = state
        if is_news or self.result.is_complete:
            announced = count_entries(self.folder)
            moved = moved or announced != self._announced
            self._announced = announced
        if moved:
            self.wake()

    def wake(self) -> None:
        """Let everybody who waits look again."""
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def moved(self) -> None:
        """Wait until something is new."""
        await self._moved.wait()

    @property
    def result(self) -> Result:
        """Where the job stood at the last look."""
        if self._is_preparing:
            return Result(ProcessState.PENDING, 0)
        if self._state is None:
            return Result(ProcessState.COMPLETE, ExitCode.UNKNOWN_SCRIPT)
        if self._state.state == COMPLETE:
            return Result(ProcessState.COMPLETE, self._state.exit_code or 0)
        if self._state.state == PENDING and not self.is_launched:
            return Result(ProcessState.PENDING, 0)
        return Result(ProcessState.RUNNING, 0)

    @property
    def state(self) -> ScriptState | None:
        """The state on disk at the last look; None before it is prepared and after it was deleted."""
        return self._state

    async def wait_complete(self, timeout_seconds: float) -> None:
        """Wait until the job is complete, or this long."""
        try:
            async with asyncio.timeout(timeout_seconds):
                while not self.result.is_complete:
                    await self._moved.wait()
        except TimeoutError:
            return

    async def wait_news(self, after: int, timeout_seconds: float) -> None:
        """Wait until there are lines after this sequence number or the job is complete, or this long."""
        if self._has_news(after):
            return
        try:
            async with asyncio.timeout(timeout_seconds):
                while not self._has_news(after):
                    await self._moved.wait()
        except TimeoutError:
            return
        await self.wait_complete(_COALESCE_SECONDS)

    def read_log(self, after: int, maximum_bytes: int) -> LogSlice:
        """Lines after a sequence number. Take `result` first: then a complete job's answer lacks no line."""
        return read_slice(self.folder, after, maximum_bytes)

    def _has_news(self, after: int) -> bool:
        return self._announced > after or self.result.is_complete
