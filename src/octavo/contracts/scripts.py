"""Words shared by every script service: tickets, files, output lines, states, exit codes.

Source: tentacle-services.md §1.4, §6.7.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from octavo.halibut import DataStream, wire_type


class ProcessState(IntEnum):
    """Where a script stands."""

    PENDING = 0
    RUNNING = 1
    COMPLETE = 2


class ProcessOutputSource(IntEnum):
    """Which stream a line came from. DEBUG is what the agent itself says about the run."""

    STDOUT = 0
    STDERR = 1
    DEBUG = 2


class ScriptIsolationLevel(IntEnum):
    """Which scripts of one mutex name wait for each other: FULL excludes every other, NONE only FULL ones."""

    NO_ISOLATION = 0
    FULL_ISOLATION = 1


class ExitCode(IntEnum):
    """Exit codes that the agent makes up. Others are the script's own."""

    KILLED = -1
    FATAL = -41
    SHELL_NOT_STARTED = -42
    CANCELLED = -43
    TIMED_OUT = -44
    UNKNOWN_SCRIPT = -45
    UNKNOWN_RESULT = -46


def _legacy(name: str) -> tuple[str, str]:
    return (
        f"Octopus.Shared.Contracts.{name}, Octopus.Shared",
        f"Octopus.Tentacle.Contracts.{name}, Octopus.Tentacle.Contracts",
    )


@wire_type(*_legacy("ScriptTicket"))
@dataclass(frozen=True, slots=True)
class ScriptTicket:
    """The handle of one script on one agent. Compared ignoring case."""

    task_id: str


@wire_type(*_legacy("ScriptFile"))
@dataclass(frozen=True, slots=True)
class ScriptFile:
    """A file to write into the workspace, at a path relative to it; encrypted when a password is given (§5.4)."""

    name: str
    contents: DataStream
    encryption_password: str | None = None


@wire_type("Octopus.Tentacle.Contracts.ProcessOutput, Octopus.Tentacle.Contracts")
@dataclass(frozen=True, slots=True)
class ProcessOutput:
    """One line of output, without its line end."""

    source: ProcessOutputSource
    occurred: datetime
    text: str
