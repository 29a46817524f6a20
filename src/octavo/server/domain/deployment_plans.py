"""What a deployment or runbook run will do, as a frozen tree: steps, in each the machines, on each the actions.

A plan names things; what an action says stands in the frozen process, under its action's id. It is made when the task
starts, stored with the task and never changed. A unit is one action in one place; its path is also its place in the
task's tree: `2/3` is step 2 on its third machine, `2/3/1` the first of several actions there. Pure.
Source: DESIGN §6; docs/decisions/0080-projects-and-deployments.md.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Condition(StrEnum):
    """When a step runs, by what happened before it."""

    SUCCESS = "Success"
    FAILURE = "Failure"
    ALWAYS = "Always"
    VARIABLE = "Variable"


class RunsOn(StrEnum):
    """Who does an action: the server, once or for each target; a worker, once or for each target; each target."""

    SERVER = "server"
    SERVER_FOR_TARGET = "server for target"
    WORKER = "worker"
    WORKER_FOR_TARGET = "worker for target"
    TARGET = "target"


@dataclass(frozen=True, slots=True)
class PlannedMachine:
    """A deployment target of a step."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class PlannedAction:
    """One action of a step. `pool_id` is "" where no worker is needed, or where a variable names the pool.

    `skip_reason` is "" for an action that runs.
    """

    id: str
    number: str  # "2", or "2.1" in a step of several
    name: str
    action_type: str
    runs_on: RunsOn
    pool_id: str = ""
    pool_variable: str = ""
    condition_expression: str = ""  # "" means: whenever its step runs
    is_required: bool = False
    skip_reason: str = ""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step. `machines` is empty for a step that is bound to no target.

    `window` is how many machines go at once, 0 for all; `window_expression` is a template that says it at run time.
    """

    number: int
    id: str
    name: str
    actions: tuple[PlannedAction, ...]
    machines: tuple[PlannedMachine, ...] = ()
    is_bound_to_targets: bool = False
    condition: Condition = Condition.SUCCESS
    condition_expression: str = ""
    starts_with_previous: bool = False
    window: int = 0
    window_expression: str = ""
    skip_reason: str = ""

    def unit_path(self, machine: int, action: int) -> str:
        """The path of an action (from 0) on a machine (from 0; 0 also where the step has none)."""
        place = f"{self.number}/{machine + 1}"
        return place if len(self.actions) == 1 else f"{place}/{action + 1}"


@dataclass(frozen=True, slots=True)
class DeploymentPlan:
    """All steps, in order. `left_out` says for each machine id why it takes no part."""

    steps: tuple[PlannedStep, ...]
    left_out: tuple[tuple[str, str], ...] = ()


def deployment_plan_as_json(plan: DeploymentPlan) -> dict[str, Any]:
    """The plan as it is stored."""
    return asdict(plan)


def deployment_plan_from_json(stored: Mapping[str, Any]) -> DeploymentPlan:
    """The plan that `deployment_plan_as_json` made."""
    return DeploymentPlan(
        tuple(_step_from_json(step) for step in stored["steps"]),
        tuple((machine_id, reason) for machine_id, reason in stored["left_out"]),
    )


def _step_from_json(stored: Mapping[str, Any]) -> PlannedStep:
    actions = tuple(PlannedAction(**{**action, "runs_on": RunsOn(action["runs_on"])}) for action in stored["actions"])
    machines = tuple(PlannedMachine(**machine) for machine in stored["machines"])
    condition = Condition(stored["condition"])
    return PlannedStep(**{**stored, "actions": actions, "machines": machines, "condition": condition})
