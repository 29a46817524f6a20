"""`IScriptService`, the first script service: tickets made by the agent, never safe to repeat.

Source: tentacle-services.md §2.3, §4.5.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from octavo.contracts.scripts import ProcessOutput, ProcessState, ScriptFile, ScriptIsolationLevel, ScriptTicket
from octavo.halibut import Contract, Long, wire_type


def _legacy(name: str) -> tuple[str, str]:
    return (
        f"Octopus.Shared.Contracts.{name}, Octopus.Shared",
        f"Octopus.Tentacle.Contracts.{name}, Octopus.Tentacle.Contracts",
    )


@wire_type(*_legacy("StartScriptCommand"))
@dataclass(frozen=True, slots=True)
class StartScriptCommand:
    """Start a script; the agent answers with the ticket it made."""

    script_body: str
    isolation: ScriptIsolationLevel
    scripts: Mapping[str, str] = field(default_factory=dict)
    files: tuple[ScriptFile, ...] = ()
    arguments: tuple[str, ...] = ()
    task_id: str | None = None
    script_isolation_mutex_timeout: timedelta = timedelta()
    isolation_mutex_name: str | None = None


@wire_type(*_legacy("ScriptStatusRequest"))
@dataclass(frozen=True, slots=True)
class ScriptStatusRequest:
    """Ask for the lines after `last_log_sequence` and the state."""

    ticket: ScriptTicket
    last_log_sequence: Long


@wire_type(*_legacy("CancelScriptCommand"))
@dataclass(frozen=True, slots=True)
class CancelScriptCommand:
    """End the script; the answer is the state at that moment."""

    ticket: ScriptTicket
    last_log_sequence: Long


@wire_type(*_legacy("CompleteScriptCommand"))
@dataclass(frozen=True, slots=True)
class CompleteScriptCommand:
    """Return the remaining lines and the result, then delete the workspace."""

    ticket: ScriptTicket
    last_log_sequence: Long


@wire_type(*_legacy("ScriptStatusResponse"))
@dataclass(frozen=True, slots=True)
class ScriptStatusResponse:
    """State, exit code (0 until complete) and the lines since the sequence that was asked for."""

    ticket: ScriptTicket
    logs: tuple[ProcessOutput, ...]
    next_log_sequence: Long
    state: ProcessState
    exit_code: int


class ScriptService(Protocol):
    """The methods of `IScriptService`. None may be repeated after a lost response."""

    async def start_script(self, command: StartScriptCommand) -> ScriptTicket: ...

    async def get_status(self, request: ScriptStatusRequest) -> ScriptStatusResponse: ...

    async def cancel_script(self, command: CancelScriptCommand) -> ScriptStatusResponse: ...

    async def complete_script(self, command: CompleteScriptCommand) -> ScriptStatusResponse: ...


SCRIPT_SERVICE_V1 = Contract("IScriptService", ScriptService)
