"""An agent without a wire: its services as plain objects over a home of their own. And builders for its commands."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from octavo.agent.jobs.opening import OpenedJobs, Tuning, open_jobs
from octavo.agent.jobs.running import WaitTimes
from octavo.agent.services.file_transfer import FileTransfer
from octavo.agent.services.machine_facts import MachineFactsSource
from octavo.agent.services.octavo_script_service import OctavoScripts
from octavo.agent.services.script_service_v1 import ScriptServiceOne
from octavo.agent.services.script_service_v2 import ScriptServiceTwo
from octavo.agent.settings import AgentSettings
from octavo.base.clock import SystemClock
from octavo.contracts.octavo_script_service import JobLimits, JobStatus, JobStatusRequest, StartJobCommand
from octavo.contracts.script_service_v2 import ScriptStatusRequestV2, ScriptStatusResponseV2, StartScriptCommandV2
from octavo.contracts.scripts import ProcessOutputSource, ProcessState, ScriptFile, ScriptIsolationLevel, ScriptTicket
from octavo.halibut import Long

PATIENCE_SECONDS = 30.0

#: Disk space is not what most tests are about; waits for a mutex are told of at once.
QUICK = Tuning(needed_bytes=0, waits=WaitTimes(first_seconds=0.01, later_seconds=PATIENCE_SECONDS))


@dataclass(frozen=True, slots=True)
class OpenedAgent:
    """An agent's services, and its home."""

    home: Path
    opened: OpenedJobs
    v1: ScriptServiceOne
    v2: ScriptServiceTwo
    ours: OctavoScripts
    files: FileTransfer

    def workspace(self, ticket: str) -> Path:
        return self.home / "Work" / ticket


def settings_for(home: Path, variables: Mapping[str, str] | None = None) -> AgentSettings:
    """Settings of an agent that nobody reaches by wire."""
    return AgentSettings(
        home=home,
        applications=home / "Applications",
        certificate_pem=b"",
        private_key_pem=b"",
        script_variables=variables or {},
    )


@asynccontextmanager
async def open_agent(
    home: Path, *, tuning: Tuning = QUICK, confinement: str = "none", variables: Mapping[str, str] | None = None
) -> AsyncIterator[OpenedAgent]:
    """An agent at `home`, closed at the end; what it started goes on, as in life."""
    async with open_jobs(settings_for(home, variables), tuning) as opened:
        levels = tuple(str(level) for level in opened.offer.available)
        yield OpenedAgent(
            home,
            opened,
            ScriptServiceOne(opened.jobs, confinement, SystemClock()),
            ScriptServiceTwo(opened.jobs, confinement),
            OctavoScripts(opened.jobs, MachineFactsSource(opened.places.work, levels, ("executor",))),
            FileTransfer(home),
        )


def a_script(
    body: str,
    ticket: str = "ticket",
    *,
    task_id: str = "ServerTasks-1",
    wait_seconds: float | None = PATIENCE_SECONDS,
    isolation: ScriptIsolationLevel = ScriptIsolationLevel.NO_ISOLATION,
    mutex_name: str | None = None,
    mutex_timeout: timedelta = timedelta(),
    scripts: Mapping[str, str] | None = None,
    files: tuple[ScriptFile, ...] = (),
    arguments: tuple[str, ...] = (),
) -> StartScriptCommandV2:
    """A command that waits for the end of its script unless told otherwise."""
    return StartScriptCommandV2(
        ScriptTicket(ticket),
        body,
        task_id,
        None if wait_seconds is None else timedelta(seconds=wait_seconds),
        isolation,
        mutex_timeout,
        mutex_name,
        scripts or {},
        files,
        arguments,
    )


def a_job(
    body: str,
    ticket: str = "ticket",
    *,
    confinement: str = "none",
    owner: str = "Projects-1",
    limits: JobLimits | None = None,
    wait_seconds: float = 0,
) -> StartJobCommand:
    """A command of our own service."""
    wait = timedelta(seconds=wait_seconds)
    command = StartJobCommand(a_script(body, ticket), confinement, owner, wait_for_news=wait)
    return replace(command, limits=limits) if limits else command


def texts(response: ScriptStatusResponseV2, *sources: ProcessOutputSource, with_noise: bool = False) -> list[str]:
    """The lines of a response from these sources (all); what every script says before its own lines is left out."""
    lines = response.logs if with_noise else response.logs[3:]
    return [line.text for line in lines if not sources or line.source in sources]


def output(response: ScriptStatusResponseV2) -> list[str]:
    """What the script itself wrote."""
    return texts(response, ProcessOutputSource.STDOUT, ProcessOutputSource.STDERR)


async def wait_for_state(agent: OpenedAgent, ticket: str, state: ProcessState) -> ScriptStatusResponseV2:
    """Ask until the script has come to this state."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            response = await agent.v2.get_status(ScriptStatusRequestV2(ScriptTicket(ticket), Long(0)))
            if response.state is state:
                return response
            await asyncio.sleep(0.005)


async def wait_for_path(path: Path) -> None:
    """Wait until a script has made this file."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not path.exists():
            await asyncio.sleep(0.005)


async def run_job(agent: OpenedAgent, command: StartJobCommand) -> JobStatus:
    """Run a job to its end; the whole log in the status."""
    await agent.ours.start_job(command)
    return await finish_job(agent, command.script.script_ticket)


async def finish_job(agent: OpenedAgent, ticket: ScriptTicket) -> JobStatus:
    """Follow a job to its end; the whole log in the status."""
    log, after = b"", Long(0)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            status = await agent.ours.get_job_status(JobStatusRequest(ticket, after, timedelta(seconds=5)))
            log, after = log + status.log, status.next_log_sequence
            if status.state is ProcessState.COMPLETE and not status.has_more:
                return replace(status, log=log)
