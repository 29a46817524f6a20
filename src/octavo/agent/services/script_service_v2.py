"""`IScriptServiceV2`: scripts by server-made tickets. Source: tentacle-services.md §4.1–4.4."""

from octavo.agent.jobs.isolation import DEFAULT_MUTEX_NAME
from octavo.agent.jobs.job import Job
from octavo.agent.jobs.orders import JobOrder, choose_body, mutex_timeout
from octavo.agent.jobs.registry import Jobs
from octavo.agent.jobs.tickets import parse_ticket
from octavo.agent.services.answering import Answer, answer_for
from octavo.contracts.script_service_v2 import (
    CancelScriptCommandV2,
    CompleteScriptCommandV2,
    ScriptStatusRequestV2,
    ScriptStatusResponseV2,
    StartScriptCommandV2,
)
from octavo.contracts.scripts import ExitCode, ProcessState, ScriptTicket
from octavo.halibut import Long


class ScriptServiceTwo:
    """Starts scripts at most once per ticket and tells how they are doing."""

    def __init__(self, jobs: Jobs, confinement: str) -> None:
        self._jobs, self._confinement = jobs, confinement

    async def start_script(self, command: StartScriptCommandV2) -> ScriptStatusResponseV2:
        """Start the script unless its ticket is known, wait as long as the command allows, answer from sequence 0."""
        job = await self._jobs.start(order_from(command, self._confinement))
        wait = command.duration_to_wait_for_script_to_finish
        if wait is not None:
            await job.wait_complete(wait.total_seconds())
        return await _status(command.script_ticket, job, 0)

    async def get_status(self, request: ScriptStatusRequestV2) -> ScriptStatusResponseV2:
        """The lines after a sequence number, and the state; an unknown ticket is complete with −45."""
        job = self._jobs.find(parse_ticket(request.ticket))
        return await _status(request.ticket, job, request.last_log_sequence)

    async def cancel_script(self, command: CancelScriptCommandV2) -> ScriptStatusResponseV2:
        """Ask the script to end and answer at once."""
        job = self._jobs.find(parse_ticket(command.ticket))
        if job is not None:
            await self._jobs.cancel(job)
        return await _status(command.ticket, job, command.last_log_sequence)

    async def complete_script(self, command: CompleteScriptCommandV2) -> None:
        """Forget the ticket and delete its workspace."""
        await self._jobs.forget(parse_ticket(command.ticket))


def order_from(command: StartScriptCommandV2, confinement: str) -> JobOrder:
    """The command as an order.

    Raises:
        InvalidTicket: its ticket cannot name a folder.
    """
    return JobOrder(
        ticket=parse_ticket(command.script_ticket),
        task_id=command.task_id,
        body=choose_body(command.script_body, command.scripts),
        confinement=confinement,
        files=tuple(command.files),
        arguments=tuple(command.arguments),
        isolation=command.isolation,
        mutex_name=command.isolation_mutex_name or DEFAULT_MUTEX_NAME,
        mutex_timeout=mutex_timeout(command.script_isolation_mutex_timeout),
    )


async def _status(ticket: ScriptTicket, job: Job | None, after: int) -> ScriptStatusResponseV2:
    answer = (
        await answer_for(job, after)
        if job is not None
        else Answer((), after, ProcessState.COMPLETE, ExitCode.UNKNOWN_SCRIPT)
    )
    return ScriptStatusResponseV2(ticket, answer.logs, Long(answer.next_sequence), answer.state, answer.exit_code)
