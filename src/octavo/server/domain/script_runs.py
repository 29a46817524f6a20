"""One attempt to run a script on one machine, as it is remembered across restarts.

Pure. Source: DESIGN §6; tentacle-services.md §9.8 (persist ticket, sequence and service version before the start).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from octavo.server.domain.tasks import TaskId


class RunState(StrEnum):
    """Where an attempt stands. `PENDING` means that the agent was not asked yet."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCESS = "Success"
    FAILED = "Failed"
    CANCELLED = "Cancelled"
    LOST = "Lost"


FINAL_RUN_STATES = frozenset({RunState.SUCCESS, RunState.FAILED, RunState.CANCELLED, RunState.LOST})


class ServiceVersion(StrEnum):
    """Which script service an agent is spoken to with. `UNKNOWN`: not negotiated yet."""

    UNKNOWN = ""
    OCTAVO = "Octavo1"
    V2 = "V2"
    V1 = "V1"


@dataclass(frozen=True, slots=True)
class ScriptRun:
    """An attempt. `next_sequence` is how many entries of the agent's log are stored here.

    `agent_ticket` is the ticket that the agent knows it by: our own, but V1 agents make theirs.
    """

    ticket: str
    task_id: TaskId
    unit: str
    machine_id: str
    machine_name: str
    attempt: int
    fence: int
    state: RunState = RunState.PENDING
    service: ServiceVersion = ServiceVersion.UNKNOWN
    agent_ticket: str = ""
    next_sequence: int = 0
    exit_code: int | None = None
    confinement: str = ""
    progress_percentage: int = 0  # as the script says; 0 to 100
    progress_message: str = ""
    created_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
