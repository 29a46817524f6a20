"""`IScriptServiceV2`: scripts by server-made tickets, safe to repeat. Source: tentacle-services.md §2.1, §2.2."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from octavo.contracts.scripts import ProcessOutput, ProcessState, ScriptFile, ScriptIsolationLevel, ScriptTicket
from octavo.halibut import Contract, Long, wire_type


def _name(name: str) -> str:
    return f"Octopus.Tentacle.Contracts.ScriptServiceV2.{name}, Octopus.Tentacle.Contracts"


@wire_type(_name("StartScriptCommandV2"))
@dataclass(frozen=True, slots=True)
class StartScriptCommandV2:
    """Start a script unless its ticket is known. `scripts` holds bodies by syntax name (`Bash`, `PowerShell`)."""

    script_ticket: ScriptTicket
    script_body: str
    task_id: str
    duration_to_wait_for_script_to_finish: timedelta | None
    isolation: ScriptIsolationLevel
    script_isolation_mutex_timeout: timedelta
    isolation_mutex_name: str | None = None
    scripts: Mapping[str, str] = field(default_factory=dict)
    files: tuple[ScriptFile, ...] = ()
    arguments: tuple[str, ...] = ()


@wire_type(_name("ScriptStatusRequestV2"))
@dataclass(frozen=True, slots=True)
class ScriptStatusRequestV2:
    """Ask for the lines after `last_log_sequence` and the state."""

    ticket: ScriptTicket
    last_log_sequence: Long


@wire_type(_name("CancelScriptCommandV2"))
@dataclass(frozen=True, slots=True)
class CancelScriptCommandV2:
    """End the script; the answer is the state at that moment."""

    ticket: ScriptTicket
    last_log_sequence: Long


@wire_type(_name("CompleteScriptCommandV2"))
@dataclass(frozen=True, slots=True)
class CompleteScriptCommandV2:
    """Forget the ticket and delete its workspace."""

    ticket: ScriptTicket


@wire_type(_name("ScriptStatusResponseV2"))
@dataclass(frozen=True, slots=True)
class ScriptStatusResponseV2:
    """State, exit code (0 until complete) and the lines since the sequence that was asked for."""

    ticket: ScriptTicket
    logs: tuple[ProcessOutput, ...]
    next_log_sequence: Long
    state: ProcessState
    exit_code: int


class ScriptServiceV2(Protocol):
    """The methods of `IScriptServiceV2`. All but `complete_script` may be repeated after a lost response."""

    async def start_script(self, command: StartScriptCommandV2) -> ScriptStatusResponseV2: ...

    async def get_status(self, request: ScriptStatusRequestV2) -> ScriptStatusResponseV2: ...

    async def cancel_script(self, command: CancelScriptCommandV2) -> ScriptStatusResponseV2: ...

    async def complete_script(self, command: CompleteScriptCommandV2) -> None: ...


SCRIPT_SERVICE_V2 = Contract("IScriptServiceV2", ScriptServiceV2)
