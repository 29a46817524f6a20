"""How an action of a deployment ended in one place, and how that is stored. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from octavo.server.store.task_units import TaskUnit, UnitStatus


class Ending(Enum):
    """How an action ended in one place."""

    DONE = auto()
    SKIPPED = auto()
    IGNORED = auto()  # it failed, and somebody said to go on
    EXCLUDED = auto()  # it failed, and somebody left the machine out
    FAILED = auto()
    CANCELLED = auto()


@dataclass(frozen=True, slots=True)
class UnitEnd:
    """The ending, and for people why."""

    ending: Ending
    error: str = ""


#: What is stored of each.
STATUSES: Mapping[Ending, UnitStatus] = {
    Ending.DONE: UnitStatus.SUCCESS,
    Ending.SKIPPED: UnitStatus.SKIPPED,
    Ending.IGNORED: UnitStatus.WARNING,
    Ending.EXCLUDED: UnitStatus.WARNING,
    Ending.FAILED: UnitStatus.FAILED,
    Ending.CANCELLED: UnitStatus.CANCELED,
}


def as_end(unit: TaskUnit) -> UnitEnd:
    """The ending that was stored."""
    error = str(unit.outcome.get("Error") or "")
    match unit.status:
        case UnitStatus.FAILED:
            return UnitEnd(Ending.FAILED, error)
        case UnitStatus.WARNING:
            return UnitEnd(Ending.IGNORED, error)
        case UnitStatus.SKIPPED:
            return UnitEnd(Ending.SKIPPED)
        case UnitStatus.CANCELED:
            return UnitEnd(Ending.CANCELLED, error)
        case _:
            return UnitEnd(Ending.DONE)
