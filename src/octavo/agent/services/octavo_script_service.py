"""`IOctavoScriptServiceV1`: answers when there is news, log slices, confinement, limits, facts.

Source: `contracts/octavo_script_service.py`.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta

from octavo.agent.jobs.job import Job
from octavo.agent.jobs.orders import JobOrder
from octavo.agent.jobs.output_log import LogSlice
from octavo.agent.jobs.registry import Jobs
from octavo.agent.jobs.tickets import parse_ticket
from octavo.agent.services.machine_facts import MachineFactsSource
from octavo.agent.services.script_service_v2 import order_from
from octavo.agent.supervisor.job_folder import Limits
from octavo.contracts.octavo_script_service import (
    CancelJobCommand,
    JobLimits,
    JobStatus,
    JobStatusRequest,
    MachineFacts,
    StartJobCommand,
)
from octavo.contracts.scripts import ExitCode, ProcessState, ScriptTicket
from octavo.halibut import Long

#: A call holds its connection; longer waits are cut to this, and the caller simply asks again.
_MAX_WAIT = timedelta(minutes=2)

_FIRST_SLICE_BYTES = 1 << 20


class OctavoScripts:
    """Our own script service. All methods may be repeated."""

    def __init__(self, jobs: Jobs, facts: MachineFactsSource) -> None:
        self._jobs, self._facts = jobs, facts

    async def start_job(self, command: StartJobCommand) -> JobStatus:
        """Start the job unless its ticket is known; wait for its first line or its end as long as allowed."""
        job = await self._jobs.start(_order(command))
        await job.wait_news(0, _seconds(command.wait_for_news))
        return await _status(command.script.script_ticket, job, 0, _FIRST_SLICE_BYTES)

    async def get_job_status(self, request: JobStatusRequest) -> JobStatus:
        """State and log slice, as soon as there is something after the sequence number."""
        job = self._jobs.find(parse_ticket(request.ticket))
        if job is None:
            return _unknown(request.ticket, request.last_log_sequence)
        await job.wait_news(request.last_log_sequence, _seconds(request.wait_for_news))
        return await _status(request.ticket, job, request.last_log_sequence, max(1, request.maximum_bytes))

    async def cancel_job(self, command: CancelJobCommand) -> JobStatus:
        """Ask the job to end; its lines are fetched by `get_job_status`."""
        job = self._jobs.find(parse_ticket(command.ticket))
        if job is None:
            return _unknown(command.ticket, 0)
        await self._jobs.cancel(job, max(0.0, command.grace.total_seconds()))
        return await _status(command.ticket, job, 0, 1)

    async def complete_job(self, ticket: ScriptTicket) -> None:
        """Forget the ticket and delete its workspace."""
        await self._jobs.forget(parse_ticket(ticket))

    async def get_machine_facts(self) -> MachineFacts:
        """What this machine is and can."""
        return await asyncio.to_thread(self._facts.get, self._jobs.count_running())


def _order(command: StartJobCommand) -> JobOrder:
    order = order_from(command.script, command.confinement)
    return replace(order, owner=command.owner, limits=_limits(command.limits))


def _limits(limits: JobLimits) -> Limits:
    return Limits(
        cpu_seconds=limits.cpu_seconds,
        memory_bytes=limits.memory_bytes,
        processes=limits.processes,
        open_files=limits.open_files,
        file_bytes=limits.file_bytes,
    )


def _seconds(wait: timedelta) -> float:
    return min(max(wait, timedelta()), _MAX_WAIT).total_seconds()


async def _status(ticket: ScriptTicket, job: Job, after: int, maximum_bytes: int) -> JobStatus:
    result = job.result
    piece: LogSlice = await asyncio.to_thread(job.read_log, after, maximum_bytes)
    return JobStatus(
        ticket=ticket,
        state=result.state,
        exit_code=result.exit_code,
        next_log_sequence=Long(piece.next_sequence),
        log=piece.data,
        has_more=piece.has_more,
        confinement=job.plan.confinement if job.plan else "",
    )


def _unknown(ticket: ScriptTicket, after: int) -> JobStatus:
    return JobStatus(
        ticket, ProcessState.COMPLETE, ExitCode.UNKNOWN_SCRIPT, Long(after), b"", has_more=False, confinement=""
    )
