"""Which worker takes the next piece of work.

Pure: facts in, decision out. `store/leases.py` acts on it.
Source: DESIGN §6: pool → healthy, enabled, not draining, labels, free slot →
fewest leases, warm cache preferred, ties to the longest idle.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

#: How the built-in worker is named where other workers have an id.
BUILT_IN_WORKER_ID = "built-in"
BUILT_IN_WORKER_NAME = "Built-in worker"


class Hindrance(StrEnum):
    """Why a worker cannot take a piece of work now; the value is what people read."""

    DISABLED = "it is disabled"
    DRAINING = "it is being drained and takes no new work"
    UNCHECKED = "its health has not been checked yet"
    UNHEALTHY = "its last health check failed"
    LABELS = "it lacks a label that the work asks for"
    BUSY = "all its slots are taken"


class Health(StrEnum):
    """What the last check of a machine found. The values are the API's."""

    HEALTHY = "Healthy"
    HAS_WARNINGS = "HasWarnings"
    UNHEALTHY = "Unhealthy"
    UNAVAILABLE = "Unavailable"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A worker as the choice sees it. `idle_since` is None for one that never worked: it has been idle longest."""

    worker_id: str
    name: str
    health: Health = Health.UNKNOWN
    is_enabled: bool = True
    is_draining: bool = False
    labels: frozenset[str] = frozenset()
    leases: int = 0
    slots: int = 1
    has_warm_cache: bool = False
    idle_since: datetime | None = None


def find_hindrance(candidate: Candidate, labels: frozenset[str] = frozenset()) -> Hindrance | None:
    """What keeps `candidate` from work that asks for `labels`; None when nothing does."""
    if not candidate.is_enabled:
        return Hindrance.DISABLED
    if candidate.is_draining:
        return Hindrance.DRAINING
    if candidate.health is Health.UNKNOWN:
        return Hindrance.UNCHECKED
    if candidate.health not in (Health.HEALTHY, Health.HAS_WARNINGS):
        return Hindrance.UNHEALTHY
    if not labels <= candidate.labels:
        return Hindrance.LABELS
    if candidate.leases >= candidate.slots:
        return Hindrance.BUSY
    return None


def choose_worker(candidates: Sequence[Candidate], labels: frozenset[str] = frozenset()) -> Candidate | None:
    """The best candidate that nothing hinders.

    None when there is none: the caller says why (`domain/waiting.py`), we do not raise.
    """
    able = [candidate for candidate in candidates if find_hindrance(candidate, labels) is None]
    return min(able, key=_preference, default=None)


def _preference(candidate: Candidate) -> tuple[int, bool, float, str]:
    idle_since = candidate.idle_since.timestamp() if candidate.idle_since else 0.0
    return candidate.leases, not candidate.has_warm_cache, idle_since, candidate.worker_id
