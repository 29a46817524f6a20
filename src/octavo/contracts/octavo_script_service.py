"""`IOctavoScriptServiceV1`: our own script service, for peers that announce it. Standard peers never see it.

It differs from V2 in three things: a call may wait until there is news, output travels as slices of the log file
instead of a document per line, and a job says how it wants to be isolated and limited.

Source: DESIGN §5; docs/decisions/0003-octavo-script-service.md.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from octavo.contracts.script_service_v2 import StartScriptCommandV2
from octavo.contracts.scripts import ProcessState, ScriptTicket
from octavo.halibut import Contract, Long, wire_type


def _name(name: str) -> str:
    return f"Octavo.Contracts.{name}, Octavo"


@wire_type(_name("JobLimits"))
@dataclass(frozen=True, slots=True)
class JobLimits:
    """Bounds of one job; 0 means none."""

    cpu_seconds: Long = Long(0)
    memory_bytes: Long = Long(0)
    processes: int = 0
    open_files: int = 0
    file_bytes: Long = Long(0)


@wire_type(_name("StartJobCommand"))
@dataclass(frozen=True, slots=True)
class StartJobCommand:
    """Start a script under a ticket, isolated as asked.

    `confinement` is `sandbox`, `account`, `none`, or `best` for the strictest that this machine can give; a level that
    cannot be had fails the job. `owner` names who the job belongs to (a project's id): under `account` each owner has
    an OS account of its own. `wait_for_news` bounds how long the answer may be held back for a first line or the end.
    """

    script: StartScriptCommandV2
    confinement: str = "best"
    owner: str = ""
    limits: JobLimits = field(default_factory=JobLimits)
    wait_for_news: timedelta = timedelta()


@wire_type(_name("JobStatusRequest"))
@dataclass(frozen=True, slots=True)
class JobStatusRequest:
    """Ask for what came after `last_log_sequence`, waiting up to `wait_for_news` when nothing did.

    `maximum_bytes` bounds the slice (at least one entry is returned when there is one).
    """

    ticket: ScriptTicket
    last_log_sequence: Long
    wait_for_news: timedelta
    maximum_bytes: int = 1_048_576


@wire_type(_name("CancelJobCommand"))
@dataclass(frozen=True, slots=True)
class CancelJobCommand:
    """End the job: `grace` after a polite signal, the whole process tree is killed."""

    ticket: ScriptTicket
    grace: timedelta = timedelta()


@wire_type(_name("JobStatus"))
@dataclass(frozen=True, slots=True)
class JobStatus:
    """State, exit code (0 until complete) and a slice of the job's log.

    `log` holds whole entries of `Output.log` (tentacle-services.md §6.6: JSON arrays without separators); the first
    has the sequence number `last_log_sequence` + 1 of the request, the last `next_log_sequence`. A job is finished
    for the caller when `state` is COMPLETE and `has_more` is false. `confinement` is the level really in force.
    """

    ticket: ScriptTicket
    state: ProcessState
    exit_code: int
    next_log_sequence: Long
    log: bytes
    has_more: bool
    confinement: str


@wire_type(_name("MachineFacts"))
@dataclass(frozen=True, slots=True)
class MachineFacts:
    """What the agent knows of its machine. `confinements`: the levels that work here, strictest first.

    `container_engine`: `podman` or `docker`; "" is neither.
    """

    agent_version: str
    operating_system: str
    architecture: str
    shell: str
    host_name: str
    account: str
    processors: int
    memory_bytes: Long
    disk_free_bytes: Long
    running_jobs: int
    confinements: tuple[str, ...]
    executor_command: tuple[str, ...]
    container_engine: str = ""


class OctavoScriptService(Protocol):
    """The methods of `IOctavoScriptServiceV1`. All may be repeated after a lost response."""

    async def start_job(self, command: StartJobCommand) -> JobStatus: ...

    async def get_job_status(self, request: JobStatusRequest) -> JobStatus: ...

    async def cancel_job(self, command: CancelJobCommand) -> JobStatus: ...

    async def complete_job(self, ticket: ScriptTicket) -> None: ...

    async def get_machine_facts(self) -> MachineFacts: ...


OCTAVO_SCRIPT_SERVICE = Contract("IOctavoScriptServiceV1", OctavoScriptService)
