"""`IScriptService`, the first script service: tickets made here. Source: tentacle-services.md §4.5."""

import itertools

from octavo.agent.jobs.isolation import DEFAULT_MUTEX_NAME
from octavo.agent.jobs.job import Job
from octavo.agent.jobs.orders import JobOrder, choose_body, mutex_timeout
from octavo.agent.jobs.registry import Jobs
from octavo.agent.jobs.tickets import parse_ticket
from octavo.agent.services.answering import Answer, answer_for
from octavo.base.clock import Clock
from octavo.contracts.script_service_v1 import (
    CancelScriptCommand,
    CompleteScriptCommand,
    ScriptStatusRequest,
    ScriptStatusResponse,
    StartScriptCommand,
)
from octavo.contracts.scripts import ProcessState, ScriptTicket
from octavo.halibut import Long


class ScriptServiceOne:
    """Starts a script at every call; nothing of it may be repeated."""

    def __init__(self, jobs: Jobs, confinement: str, clock: Clock) -> None:
        self._jobs, self._confinement, self._clock = jobs, confinement, clock
        self._counter = itertools.count(1)

    async def start_script(self, command: StartScriptCommand) -> ScriptTicket:
        """Start the script and answer with its ticket."""
        ticket = self._new_ticket(command.task_id)
        order = JobOrder(
            ticket=parse_ticket(ticket),
            task_id=command.task_id or ticket.task_id,
            body=choose_body(command.script_body, command.scripts),
            confinement=self._confinement,
            files=tuple(command.files),
            arguments=tuple(command.arguments),
            isolation=command.isolation,
            mutex_name=command.isolation_mutex_name or DEFAULT_MUTEX_NAME,
            mutex_timeout=mutex_timeout(command.script_isolation_mutex_timeout),
        )
        await self._jobs.start(order)
        return ticket

    async def get_status(self, request: ScriptStatusRequest) -> ScriptStatusResponse:
        """The lines after a sequence number, and the state; an unknown ticket is complete with 0."""
        job = self._jobs.find(parse_ticket(request.ticket))
        return await _status(request.ticket, job, request.last_log_sequence)

    async def cancel_script(self, command: CancelScriptCommand) -> ScriptStatusResponse:
        """Ask the script to end and answer at once."""
        job = self._jobs.find(parse_ticket(command.ticket))
        if job is not None:
            await self._jobs.cancel(job)
        return await _status(command.ticket, job, command.last_log_sequence)

    async def complete_script(self, command: CompleteScriptCommand) -> ScriptStatusResponse:
        """The remaining lines and the result; then the workspace is deleted."""
        ticket = parse_ticket(command.ticket)
        answer = await _status(command.ticket, self._jobs.find(ticket), command.last_log_sequence)
        await self._jobs.forget(ticket)
        return answer

    def _new_ticket(self, task_id: str | None) -> ScriptTicket:
        task = (task_id or "").replace("ServerTasks-", "")
        safe = "".join(character if character.isalnum() or character in "-_." else "_" for character in task)
        return ScriptTicket(f"{self._clock.now():%Y%m%d%H%M%S}-{safe}-{next(self._counter)}")


async def _status(ticket: ScriptTicket, job: Job | None, after: int) -> ScriptStatusResponse:
    answer = await answer_for(job, after) if job is not None else Answer((), after, ProcessState.COMPLETE, 0)
    return ScriptStatusResponse(ticket, answer.logs, Long(answer.next_sequence), answer.state, answer.exit_code)
