"""One way to talk to every agent about a script, whatever service it offers: ours, V2 or V1.

The differences end here: our service waits for news and sends slices of its log, V2 sends a document per line, V1 makes
its own tickets and must never be asked twice. Retrying and pausing are `script_session.py`'s matter.
Source: tentacle-services.md §3, §4.5, §9; docs/decisions/0061-one-script-client.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from octavo.contracts.octavo_script_service import (
    CancelJobCommand,
    JobLimits,
    JobStatus,
    JobStatusRequest,
    OctavoScriptService,
    StartJobCommand,
)
from octavo.contracts.script_service_v1 import (
    CancelScriptCommand,
    CompleteScriptCommand,
    ScriptService,
    ScriptStatusRequest,
    ScriptStatusResponse,
    StartScriptCommand,
)
from octavo.contracts.script_service_v2 import (
    CancelScriptCommandV2,
    CompleteScriptCommandV2,
    ScriptServiceV2,
    ScriptStatusRequestV2,
    ScriptStatusResponseV2,
    StartScriptCommandV2,
)
from octavo.contracts.scripts import (
    ProcessOutput,
    ProcessOutputSource,
    ProcessState,
    ScriptFile,
    ScriptIsolationLevel,
    ScriptTicket,
)
from octavo.halibut import Long
from octavo.server.domain.script_runs import ServiceVersion
from octavo.server.domain.task_log import Entry, decode_slice

#: The .NET builder's «no limit» for the isolation mutex: 2³¹ − 1 ms (§9.1).
MUTEX_TIMEOUT = timedelta(milliseconds=2**31 - 1)
#: How long our agent may hold an answer back. Under every time-out of §9.9, and short enough that a cut line shows.
NEWS_WAIT = timedelta(seconds=20)
START_WAIT = timedelta(seconds=5)  # what the .NET server asks of V2 (§9.1)
SLICE_BYTES = 512 * 1024
BEST_CONFINEMENT, NO_CONFINEMENT = "best", "none"
CANCEL_GRACE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Script:
    """What to run. `body` is bash; `files` lie beside it in the workspace. `owner` separates projects on one worker."""

    body: str
    task_id: str
    owner: str = ""
    files: Mapping[str, ScriptFile] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    isolation: ScriptIsolationLevel = ScriptIsolationLevel.NO_ISOLATION
    mutex_name: str = "RunningScript"
    confinement: str = BEST_CONFINEMENT
    limits: JobLimits = field(default_factory=JobLimits)


@dataclass(frozen=True, slots=True)
class Progress:
    """An agent's answer. `entries` follow the sequence asked for; the last has the number `next_sequence`.

    `is_finished`: the script ended and the agent has no more lines.
    """

    ticket: str
    state: ProcessState
    exit_code: int
    entries: Sequence[Entry]
    next_sequence: int
    is_finished: bool
    confinement: str = ""

    @property
    def first_sequence(self) -> int:
        """The number of the first entry."""
        return self.next_sequence - len(self.entries) + 1


class ScriptClient(Protocol):
    """Talks to one agent about scripts. Every method is one call and raises `octavo.halibut`'s errors.

    All but `complete` may be repeated after a lost answer, unless `is_repeatable` is false: then nothing may.
    """

    version: ServiceVersion
    is_repeatable: bool
    waits_for_news: bool

    async def start(self, ticket: str, script: Script) -> Progress:
        """Start the script unless its ticket is known. Lines come from sequence 0."""

    async def get_status(self, ticket: str, sequence: int) -> Progress:
        """What came after `sequence`."""

    async def cancel(self, ticket: str, sequence: int) -> Progress:
        """End the script; what came after `sequence`."""

    async def complete(self, ticket: str, sequence: int) -> Progress | None:
        """Forget the ticket and its workspace. V1 answers with the last lines and the result."""


class OctavoClient:
    """Our own service: answers come when there is news."""

    version = ServiceVersion.OCTAVO
    is_repeatable = True
    waits_for_news = True

    def __init__(self, service: OctavoScriptService) -> None:
        self._service = service

    async def start(self, ticket: str, script: Script) -> Progress:
        """As `ScriptClient`; the answer waits for the first line."""
        command = StartJobCommand(
            _v2_command(ticket, script, None), script.confinement, script.owner, script.limits, NEWS_WAIT
        )
        return _from_job(await self._service.start_job(command))

    async def get_status(self, ticket: str, sequence: int) -> Progress:
        """As `ScriptClient`; the answer waits for news."""
        request = JobStatusRequest(ScriptTicket(ticket), Long(sequence), NEWS_WAIT, SLICE_BYTES)
        return _from_job(await self._service.get_job_status(request))

    async def cancel(self, ticket: str, sequence: int) -> Progress:
        """As `ScriptClient`. The command asks for no lines: they follow by `get_status`."""
        status = await self._service.cancel_job(CancelJobCommand(ScriptTicket(ticket), CANCEL_GRACE))
        return Progress(ticket, status.state, status.exit_code, (), sequence, is_finished=False)

    async def complete(self, ticket: str, sequence: int) -> Progress | None:  # noqa: ARG002  # V1 needs it
        """As `ScriptClient`."""
        await self._service.complete_job(ScriptTicket(ticket))
        return None


class V2Client:
    """`IScriptServiceV2`."""

    version = ServiceVersion.V2
    is_repeatable = True
    waits_for_news = False

    def __init__(self, service: ScriptServiceV2) -> None:
        self._service = service

    async def start(self, ticket: str, script: Script) -> Progress:
        """As `ScriptClient`."""
        return _from_response(await self._service.start_script(_v2_command(ticket, script, START_WAIT)))

    async def get_status(self, ticket: str, sequence: int) -> Progress:
        """As `ScriptClient`."""
        request = ScriptStatusRequestV2(ScriptTicket(ticket), Long(sequence))
        return _from_response(await self._service.get_status(request))

    async def cancel(self, ticket: str, sequence: int) -> Progress:
        """As `ScriptClient`."""
        command = CancelScriptCommandV2(ScriptTicket(ticket), Long(sequence))
        return _from_response(await self._service.cancel_script(command))

    async def complete(self, ticket: str, sequence: int) -> Progress | None:  # noqa: ARG002  # V1 needs it
        """As `ScriptClient`."""
        await self._service.complete_script(CompleteScriptCommandV2(ScriptTicket(ticket)))
        return None


class V1Client:
    """`IScriptService`: the agent makes the ticket; nothing may be repeated."""

    version = ServiceVersion.V1
    is_repeatable = False
    waits_for_news = False

    def __init__(self, service: ScriptService) -> None:
        self._service = service

    async def start(self, ticket: str, script: Script) -> Progress:  # noqa: ARG002  # V1 makes its own
        """As `ScriptClient`; the answer has the agent's ticket and no lines."""
        command = StartScriptCommand(
            script.body,
            script.isolation,
            {"Bash": script.body},
            tuple(script.files.values()),
            script.arguments,
            script.task_id,
            MUTEX_TIMEOUT,
            script.mutex_name,
        )
        theirs = await self._service.start_script(command)
        return Progress(theirs.task_id, ProcessState.PENDING, 0, (), 0, is_finished=False)

    async def get_status(self, ticket: str, sequence: int) -> Progress:
        """As `ScriptClient`."""
        return _from_response(await self._service.get_status(ScriptStatusRequest(ScriptTicket(ticket), Long(sequence))))

    async def cancel(self, ticket: str, sequence: int) -> Progress:
        """As `ScriptClient`."""
        command = CancelScriptCommand(ScriptTicket(ticket), Long(sequence))
        return _from_response(await self._service.cancel_script(command))

    async def complete(self, ticket: str, sequence: int) -> Progress | None:
        """As `ScriptClient`."""
        command = CompleteScriptCommand(ScriptTicket(ticket), Long(sequence))
        return _from_response(await self._service.complete_script(command))


_SOURCES = {
    ProcessOutputSource.STDOUT: "stdout",
    ProcessOutputSource.STDERR: "stderr",
    ProcessOutputSource.DEBUG: "debug",
}


def _v2_command(ticket: str, script: Script, wait: timedelta | None) -> StartScriptCommandV2:
    return StartScriptCommandV2(
        ScriptTicket(ticket),
        script.body,
        script.task_id,
        wait,
        script.isolation,
        MUTEX_TIMEOUT,
        script.mutex_name,
        {"Bash": script.body},
        tuple(script.files.values()),
        script.arguments,
    )


def _from_job(status: JobStatus) -> Progress:
    is_finished = status.state is ProcessState.COMPLETE and not status.has_more
    return Progress(
        status.ticket.task_id,
        status.state,
        status.exit_code,
        decode_slice(status.log),
        status.next_log_sequence,
        is_finished,
        status.confinement,
    )


def _from_response(response: ScriptStatusResponse | ScriptStatusResponseV2) -> Progress:
    return Progress(
        response.ticket.task_id,
        response.state,
        response.exit_code,
        [_as_entry(line) for line in response.logs],
        response.next_log_sequence,
        response.state is ProcessState.COMPLETE,
    )


def _as_entry(line: ProcessOutput) -> Entry:
    return Entry(_SOURCES[line.source], _iso(line.occurred), line.text)


def _iso(moment: datetime) -> str:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.isoformat(timespec="milliseconds")
