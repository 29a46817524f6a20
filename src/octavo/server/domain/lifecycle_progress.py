"""How far a release has come through its lifecycle, and where it may go next. Pure.

A phase is complete when enough of its environments have a successful deployment; a release may be deployed to the
environments of all phases up to the first that is neither complete nor optional. A lifecycle without phases lets it go
anywhere. Source: resources.md §6, §11 (LifecycleProgression).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Progress(StrEnum):
    """Where a phase stands."""

    PENDING = "Pending"
    CURRENT = "Current"
    COMPLETE = "Complete"


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase as a lifecycle's document has it."""

    id: str
    name: str
    automatic: tuple[str, ...]
    optional: tuple[str, ...]
    least: int  # environments before promotion; 0: all
    is_optional: bool

    @property
    def environment_ids(self) -> tuple[str, ...]:
        """All of them, automatic ones first."""
        return (*self.automatic, *(each for each in self.optional if each not in self.automatic))


@dataclass(frozen=True, slots=True)
class PhaseProgress:
    """A phase and where it stands. `is_blocked`: a defect holds the release back before it."""

    phase: Phase
    progress: Progress
    is_blocked: bool


@dataclass(frozen=True, slots=True)
class LifecycleProgress:
    """All phases, the environments that may be deployed to now, and those to which deployment is next."""

    phases: tuple[PhaseProgress, ...]
    allowed: tuple[str, ...]
    following: tuple[str, ...]
    least_following: int


def phases_of(document: Mapping[str, Any], environment_ids: Sequence[str]) -> tuple[Phase, ...]:
    """The phases of a lifecycle; without any, one optional phase for each environment of the space, in their order."""
    phases = document.get("Phases") or ()
    if not phases:
        return tuple(Phase(each, each, (), (each,), 0, is_optional=True) for each in environment_ids)
    return tuple(_phase(phase, environment_ids) for phase in phases)


def progress_through(
    phases: Sequence[Phase], deployed: frozenset[str], *, has_defect: bool = False
) -> LifecycleProgress:
    """Where a release stands that was deployed successfully to the environments `deployed`."""
    progressed: list[PhaseProgress] = []
    allowed: list[str] = []
    following: list[str] = []
    least_following = 0
    is_open = True  # whether the release may enter this phase
    for phase in phases:
        is_complete = _is_complete(phase, deployed)
        is_entered = any(each in deployed for each in phase.environment_ids)
        progress = Progress.COMPLETE if is_complete else (Progress.CURRENT if is_open else Progress.PENDING)
        is_blocked = has_defect and not is_entered and bool(deployed)
        progressed.append(PhaseProgress(phase, progress, is_blocked))
        if is_open and not is_blocked:
            allowed += [each for each in phase.environment_ids if each not in allowed]
            missing = [each for each in phase.environment_ids if each not in deployed]
            if missing and not is_complete:
                following += [each for each in missing if each not in following]
                least_following = max(least_following, phase.least)
        is_open = is_open and (is_complete or phase.is_optional)
    return LifecycleProgress(tuple(progressed), tuple(allowed), tuple(following), least_following)


def automatic_targets(phases: Sequence[Phase], before: frozenset[str], after: frozenset[str]) -> tuple[str, ...]:
    """The environments that open with the last success and are deployed to without being asked."""
    was, now = progress_through(phases, before), progress_through(phases, after)
    automatic = {each for phase in phases for each in phase.automatic}
    return tuple(each for each in now.allowed if each in automatic and each not in was.allowed and each not in after)


def _is_complete(phase: Phase, deployed: frozenset[str]) -> bool:
    done = sum(each in deployed for each in phase.environment_ids)
    return done >= (phase.least or len(phase.environment_ids)) and bool(phase.environment_ids)


def _phase(document: Mapping[str, Any], environment_ids: Sequence[str]) -> Phase:
    automatic = tuple(document.get("AutomaticDeploymentTargets") or ())
    optional = tuple(document.get("OptionalDeploymentTargets") or ())
    if not automatic and not optional:
        optional = tuple(environment_ids)  # a phase without environments lets all of them in
    return Phase(
        id=str(document.get("Id") or ""),
        name=str(document.get("Name") or ""),
        automatic=automatic,
        optional=optional,
        least=int(document.get("MinimumEnvironmentsBeforePromotion") or 0),
        is_optional=bool(document.get("IsOptionalPhase")),
    )
