"""What a task will do, as a frozen tree: a step, and under it a unit for each machine or pool.

A plan is made when the task is queued and never changes; it is stored as JSON with the task.
Source: DESIGN §6; resources.md §12 (the tree of `details`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Place(StrEnum):
    """Where a unit runs: on a named target, on a named worker, or on whichever worker of a pool is free."""

    TARGET = "target"
    WORKER = "worker"
    POOL = "pool"


class LossPolicy(StrEnum):
    """What to do when the worker is lost while a script runs on it and does not come back in time."""

    NEVER = "never"
    ASK = "ask"
    RETRY = "retry"


@dataclass(frozen=True, slots=True)
class Unit:
    """One thing done in one place. `id` is the step's number and its own: `1/2`."""

    id: str
    name: str
    place: Place
    place_id: str


@dataclass(frozen=True, slots=True)
class Step:
    """An ordered part of a task; its units run at the same time."""

    id: str
    name: str
    units: tuple[Unit, ...]
    loss_policy: LossPolicy = LossPolicy.NEVER


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps of a task, in order."""

    steps: tuple[Step, ...]

    @property
    def units(self) -> tuple[Unit, ...]:
        """Every unit, in the order of the tree."""
        return tuple(unit for step in self.steps for unit in step.units)

    @property
    def only_unit(self) -> Unit | None:
        """The unit of a plan that has just one."""
        units = self.units
        return units[0] if len(units) == 1 else None


@dataclass(frozen=True, slots=True)
class Destination:
    """A place by its id, with the name that people know it by."""

    place: Place
    id: str
    name: str


def plan_script(step_name: str, destinations: Sequence[Destination]) -> Plan:
    """Run one script once in each destination."""
    return _one_step(step_name, destinations)


def plan_health_check(machines: Sequence[Destination]) -> Plan:
    """Check each machine once."""
    return _one_step("Check health", machines)


def _one_step(name: str, destinations: Sequence[Destination]) -> Plan:
    units = tuple(
        Unit(f"1/{number}", destination.name, destination.place, destination.id)
        for number, destination in enumerate(destinations, 1)
    )
    return Plan((Step("1", name, units),))


def plan_as_json(plan: Plan) -> dict[str, object]:
    """The plan as it is stored."""
    return {
        "steps": [
            {
                "id": step.id,
                "name": step.name,
                "loss_policy": step.loss_policy.value,
                "units": [
                    {"id": unit.id, "name": unit.name, "place": unit.place.value, "place_id": unit.place_id}
                    for unit in step.units
                ],
            }
            for step in plan.steps
        ]
    }


def plan_from_json(stored: Mapping[str, Any]) -> Plan:
    """The plan that `plan_as_json` wrote."""
    return Plan(
        tuple(
            Step(
                step["id"],
                step["name"],
                tuple(Unit(unit["id"], unit["name"], Place(unit["place"]), unit["place_id"]) for unit in step["units"]),
                LossPolicy(step["loss_policy"]),
            )
            for step in stored["steps"]
        )
    )
