"""Whether the server itself runs work: the switch of the story.

On until a worker is in the default pool of some space; an administrator can switch it off for good, and then an
empty pool waits instead. A worker that is there but unhealthy still keeps it off: work never falls back to the server.
Pure: facts in, answer out. Source: DESIGN 1.3.
"""

from dataclasses import dataclass
from enum import StrEnum


class BuiltInWorkerState(StrEnum):
    """As the API spells it."""

    ON = "On"
    OFF = "Off"


@dataclass(frozen=True, slots=True)
class BuiltInWorkerSwitch:
    """What the rule says, why, and what the administrator has set."""

    state: BuiltInWorkerState
    reason: str
    is_allowed: bool

    @property
    def is_on(self) -> bool:
        """Whether scripts and package steps may run on the server's machine."""
        return self.state is BuiltInWorkerState.ON


def built_in_worker_switch(*, is_allowed: bool, workers_in_default_pool: int) -> BuiltInWorkerSwitch:
    """The switch's position. `workers_in_default_pool` counts all, also disabled and unhealthy ones."""
    if not is_allowed:
        return BuiltInWorkerSwitch(BuiltInWorkerState.OFF, "An administrator has switched it off.", is_allowed)
    if workers_in_default_pool:
        workers = "1 worker does" if workers_in_default_pool == 1 else f"{workers_in_default_pool} workers do"
        return BuiltInWorkerSwitch(
            BuiltInWorkerState.OFF, f"{workers} the work of the default worker pool.", is_allowed
        )
    return BuiltInWorkerSwitch(BuiltInWorkerState.ON, "No worker is in the default worker pool.", is_allowed)
