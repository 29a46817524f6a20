"""What a task is, which states it can be in, and which moves between them are legal.

Pure. `store/tasks.py` keeps tasks, `domain/admission.py` decides when one may start.
Source: DESIGN §6; resources.md §12 (the API spells `CANCELLED` `Canceled`: that lives in `api/schemas`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

TaskId = NewType("TaskId", str)
NodeId = NewType("NodeId", str)


class TaskState(StrEnum):
    """Where a task stands."""

    QUEUED = "Queued"
    EXECUTING = "Executing"
    CANCELLING = "Cancelling"
    SUCCESS = "Success"
    FAILED = "Failed"
    CANCELLED = "Cancelled"
    TIMED_OUT = "TimedOut"


#: Every legal move. A state without an entry is final.
TRANSITIONS: Mapping[TaskState, frozenset[TaskState]] = {
    TaskState.QUEUED: frozenset(
        {TaskState.EXECUTING, TaskState.CANCELLED, TaskState.TIMED_OUT, TaskState.FAILED},
    ),
    TaskState.EXECUTING: frozenset({TaskState.CANCELLING, TaskState.SUCCESS, TaskState.FAILED}),
    # A script that ended before the cancellation reached it keeps its own result.
    TaskState.CANCELLING: frozenset({TaskState.CANCELLED, TaskState.SUCCESS, TaskState.FAILED}),
}
FINAL_STATES = frozenset(state for state in TaskState if state not in TRANSITIONS)
RUNNING_STATES = frozenset({TaskState.EXECUTING, TaskState.CANCELLING})


def may_become(state: TaskState, next_state: TaskState) -> bool:
    """Whether a task may go from `state` to `next_state`."""
    return next_state in TRANSITIONS.get(state, frozenset())


class TaskKind(StrEnum):
    """The task types that this server runs; the name is what the API calls them."""

    AD_HOC_SCRIPT = "AdHocScript"
    HEALTH = "Health"
    DEPLOY = "Deploy"
    RUNBOOK_RUN = "RunbookRun"


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task as it is queued. `plan` is the frozen tree of what it will do, as `domain/plans.py` writes it."""

    kind: TaskKind
    space_id: str | None
    description: str
    arguments: Mapping[str, object]
    plan: Mapping[str, object]
    mutex_key: str | None = None
    not_before: datetime | None = None
    expires_at: datetime | None = None
    project_id: str | None = None
    environment_id: str | None = None
    tenant_id: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A task as the store has it.

    `fence` counts its owners: whoever runs it writes only while the number is still his. `lines` is how many lines
    its log has.
    """

    id: TaskId
    kind: TaskKind
    space_id: str | None
    description: str
    arguments: Mapping[str, object]
    plan: Mapping[str, object]
    state: TaskState
    queued_at: datetime
    queued_by: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    not_before: datetime | None = None
    expires_at: datetime | None = None
    mutex_key: str | None = None
    project_id: str | None = None
    node: NodeId | None = None
    fence: int = 0
    lines: int = 0
    log_bytes: int = 0
    error: str = ""
    has_warnings: bool = False
    has_pending_interruptions: bool = False
    updated_at: datetime | None = None

    @property
    def is_final(self) -> bool:
        """Whether nothing about its state will change any more."""
        return self.state in FINAL_STATES


@dataclass(frozen=True, slots=True)
class Claim:
    """What lets a node write about a task that it executes: the task, and the node's fence number."""

    task_id: TaskId
    fence: int


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """A final state, and for people why it is not Success."""

    state: TaskState
    error: str = ""
