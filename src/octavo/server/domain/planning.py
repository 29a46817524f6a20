"""From a frozen process and the facts of the moment to the plan: who does what where, and why something does not.

Pure. The preview and the run call the same function. Source: resources.md §9, §11; DESIGN §6.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from octavo.base.errors import Invalid
from octavo.server.domain.deployment_plans import (
    DeploymentPlan,
    PlannedAction,
    PlannedMachine,
    PlannedStep,
    RunsOn,
)
from octavo.server.domain.processes import (
    RELEASE_PROJECT,
    RUN_ON_SERVER,
    SCRIPT_SYNTAX,
    Action,
    Step,
    is_true,
    split_list,
)


class Doer(Enum):
    """Who can do an action of a type."""

    MACHINE = auto()  # a worker or a target, as the step says
    TARGET = auto()  # targets only
    SERVER = auto()  # the server itself, once
    SERVER_FOR_TARGET = auto()  # the server itself, for each target


#: What this server can do. Source: resources.md §9; the issue's list of types.
ACTION_TYPES: Mapping[str, Doer] = {
    "Octopus.Script": Doer.MACHINE,
    "Octopus.TentaclePackage": Doer.TARGET,
    "Octopus.TransferPackage": Doer.TARGET,
    "Octopus.Manual": Doer.SERVER,
    "Octopus.DeployRelease": Doer.SERVER,
    "Octopus.Email": Doer.SERVER,
    "Octopus.HealthCheck": Doer.SERVER_FOR_TARGET,
}
RUNNABLE_SYNTAXES = ("bash", "python", "powershell")
FEATURES = "Octopus.Action.EnabledFeatures"
#: What "Deploy a package" can do beyond extracting. Lower case.
KNOWN_FEATURES = frozenset(
    f"octopus.features.{name}"
    for name in (
        *("customscripts", "customdirectory", "substituteinfiles", "jsonconfigurationvariables"),
        *("configurationvariables", "configurationtransforms"),
    )
)
TRANSFER_PATH = "Octopus.Action.Package.TransferPath"
#: Where an e-mail may go: properties after `Octopus.Action.Email.`.
RECIPIENTS = ("To", "CC", "Bcc", "ToTeamIds", "CCTeamIds", "BccTeamIds")
_CHECKED_MACHINES = "Octopus.Action.HealthCheck.IncludeMachinesInDeployment"


class PlanProblem(Invalid):
    """The process cannot run like this; the message names the step, what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """A deployment target as planning sees it."""

    id: str
    name: str
    roles: frozenset[str]
    environment_ids: frozenset[str]
    health: str = "Healthy"
    is_disabled: bool = False
    tenant_ids: frozenset[str] = frozenset()
    tenant_tags: frozenset[str] = frozenset()
    participation: str = "Untenanted"


@dataclass(frozen=True, slots=True)
class PlanningFacts:
    """Everything outside the process that a plan depends on."""

    environment_id: str
    channel_id: str = ""
    tenant_id: str = ""
    tenant_tags: frozenset[str] = frozenset()
    targets: Sequence[TargetFacts] = ()
    pool_ids: frozenset[str] = frozenset()
    pool_ids_without_containers: frozenset[str] = frozenset()  # whose workers all say that they have no engine
    default_pool_id: str = ""
    skipped_action_ids: frozenset[str] = frozenset()
    specific_machine_ids: frozenset[str] = frozenset()
    excluded_machine_ids: frozenset[str] = frozenset()
    skips_unavailable: bool = False
    excludes_unhealthy: bool = False
    allows_no_targets: bool = False
    own_project_ids: frozenset[str] = frozenset()  # this project, and those that deploy it as a step of theirs
    action_types: Mapping[str, Doer] = field(default_factory=lambda: ACTION_TYPES)


def plan_deployment(steps: Sequence[Step], facts: PlanningFacts) -> DeploymentPlan:
    """The plan.

    Raises:
        PlanProblem: a step cannot be carried out as it is written.
    """
    usable, left_out = _usable_targets(facts)
    planned = tuple(_plan_step(number, step, facts, usable) for number, step in enumerate(steps, 1))
    bound = [
        step for step in planned if step.is_bound_to_targets and not all(each.skip_reason for each in step.actions)
    ]
    if bound and not facts.allows_no_targets and not any(step.machines for step in bound):
        raise PlanProblem(
            f"There are no deployment targets for this: {_name(bound[0].name)} and every other step on targets finds "
            "none in this environment. Add targets with its roles, or let the project deploy to no targets."
        )
    return DeploymentPlan(planned, left_out)


def _plan_step(number: int, step: Step, facts: PlanningFacts, usable: Sequence[TargetFacts]) -> PlannedStep:
    actions = tuple(
        _plan_action(f"{number}.{place}" if len(step.actions) > 1 else str(number), action, step, facts)
        for place, action in enumerate(step.actions, 1)
    )
    runs = [action for action in actions if not action.skip_reason]
    is_bound = bool(step.roles) and any(
        action.runs_on in (RunsOn.TARGET, RunsOn.WORKER_FOR_TARGET, RunsOn.SERVER_FOR_TARGET) for action in actions
    )
    machines = _machines_for(step, usable) if is_bound else ()
    skip_reason = ""
    if not runs:
        skip_reason = next((action.skip_reason for action in actions), "it has no actions")
    elif is_bound and not machines:
        skip_reason = f"no machine here has one of its roles ({', '.join(step.roles)})"
    return PlannedStep(
        number=number,
        id=step.id,
        name=step.name,
        actions=actions,
        machines=machines,
        is_bound_to_targets=is_bound,
        condition=step.condition,
        condition_expression=step.condition_expression,
        starts_with_previous=step.starts_with_previous and number > 1,
        window=int(step.window) if step.window.isdigit() else 0,
        window_expression="" if step.window.isdigit() else step.window,
        skip_reason=skip_reason,
    )


def _plan_action(number: str, action: Action, step: Step, facts: PlanningFacts) -> PlannedAction:
    skip_reason = _skip_reason(action, facts)
    runs_on = _runs_on(action, step)
    pool_id = ""
    if not skip_reason:
        _refuse_unknown(action, facts)
        _refuse_incomplete(action, step, facts)
        if runs_on in (RunsOn.WORKER, RunsOn.WORKER_FOR_TARGET):
            pool_id = _pool_of(action, facts)
            if action.container_image and pool_id in facts.pool_ids_without_containers:
                raise PlanProblem(
                    f"{_name(action.name)} wants to run in a container, but no worker of its pool has podman or "
                    "docker. Install one there, or choose another pool."
                )
    return PlannedAction(
        id=action.id,
        number=number,
        name=action.name,
        action_type=action.action_type,
        runs_on=runs_on,
        pool_id=pool_id,
        pool_variable=action.worker_pool_variable,
        condition_expression=action.condition_expression,
        is_required=action.is_required,
        skip_reason=skip_reason,
    )


def _skip_reason(action: Action, facts: PlanningFacts) -> str:
    if action.is_disabled:
        return "it is disabled"
    if action.environments and facts.environment_id not in action.environments:
        return "it does not run in this environment"
    if facts.environment_id in action.excluded_environments:
        return "it is excluded from this environment"
    if action.channels and facts.channel_id not in action.channels:
        return "it does not run for this channel"
    if action.tenant_tags and not _tags_match(action.tenant_tags, facts.tenant_tags):
        return "it does not run for this tenant"
    if action.id in facts.skipped_action_ids:
        if action.is_required:
            raise PlanProblem(f"{_name(action.name)} is required and cannot be skipped.")
        return "it was asked to be skipped"
    return ""


def _tags_match(wanted: Sequence[str], has: frozenset[str]) -> bool:
    """One tag of each set that is wanted: `Ring/Alpha` or `Ring/Beta`, and `Size/Big`."""
    sets: dict[str, set[str]] = {}
    for tag in wanted:
        sets.setdefault(tag.partition("/")[0].casefold(), set()).add(tag.casefold())
    mine = {tag.casefold() for tag in has}
    return all(not tags.isdisjoint(mine) for tags in sets.values())


def _runs_on(action: Action, step: Step) -> RunsOn:
    doer = _doer_of(action)
    if doer is Doer.SERVER:
        return RunsOn.SERVER
    if doer is Doer.SERVER_FOR_TARGET:
        return RunsOn.SERVER_FOR_TARGET
    if doer is Doer.TARGET:
        return RunsOn.TARGET
    on_server = is_true(action.properties.get(RUN_ON_SERVER, "false"))
    if not step.roles:
        return RunsOn.WORKER
    return RunsOn.WORKER_FOR_TARGET if on_server else RunsOn.TARGET


def _doer_of(action: Action) -> Doer:
    doers = {name.lower(): doer for name, doer in ACTION_TYPES.items()}
    return doers.get(action.action_type.lower(), Doer.MACHINE)


def _refuse_unknown(action: Action, facts: PlanningFacts) -> None:
    known = {name.lower() for name in facts.action_types}
    if action.action_type.lower() not in known:
        raise PlanProblem(
            f"{_name(action.name)} has the type '{action.action_type}', which this server does not run. It runs: "
            f"{', '.join(sorted(facts.action_types))}. Disable the step, or write it as a script."
        )
    if action.container_image and action.action_type.lower() != "octopus.script":
        raise PlanProblem(f"{_name(action.name)} wants to run in a container, which only script steps can. Name none.")
    if action.text("Octopus.Action.Script.ScriptSource").lower() == "gitrepository":
        raise PlanProblem(
            f"{_name(action.name)} takes its script from a Git repository, which this server does not do. Write it in "
            "the step, or put it into a package."
        )
    syntax = action.text(SCRIPT_SYNTAX, "Bash")
    if action.action_type.lower() == "octopus.script" and syntax.lower() not in RUNNABLE_SYNTAXES:
        raise PlanProblem(
            f"{_name(action.name)} is written in {syntax}, which workers of this server do not run. Use Bash, "
            "Python or PowerShell."
        )


def _refuse_incomplete(action: Action, step: Step, facts: PlanningFacts) -> None:
    """What an action of its type must say, before anything has been done."""
    kind = action.action_type.lower()
    if _doer_of(action) in (Doer.TARGET, Doer.SERVER_FOR_TARGET) and not step.roles:
        raise PlanProblem(f"{_name(action.name)} works on deployment targets. Give its step their roles.")
    if _doer_of(action) is Doer.TARGET and not any(not package.name for package in action.packages):
        raise PlanProblem(f"{_name(action.name)} names no package to put on its targets. Choose one.")
    if kind == "octopus.tentaclepackage":
        unknown = [each for each in split_list(action.text(FEATURES)) if each.lower() not in KNOWN_FEATURES]
        if unknown:
            raise PlanProblem(
                f"{_name(action.name)} uses {', '.join(unknown)}, which this server does not have yet. Switch it off, "
                "or do the same in a script of the package."
            )
    if kind == "octopus.transferpackage" and not action.text(TRANSFER_PATH).strip():
        raise PlanProblem(f"{_name(action.name)} does not say where its package goes. Give it a folder.")
    if kind == "octopus.deployrelease":
        _refuse_circle(action, facts)
    if kind == "octopus.healthcheck" and action.text(_CHECKED_MACHINES).lower() == "includecheckedmachines":
        raise PlanProblem(
            f"{_name(action.name)} wants to add machines to a deployment that runs already, which this server does not "
            "do: a plan is fixed when it starts. Choose not to alter the machines."
        )
    if kind == "octopus.email" and not any(action.text(f"Octopus.Action.Email.{who}") for who in RECIPIENTS):
        raise PlanProblem(f"{_name(action.name)} names nobody to write to.")


def _refuse_circle(action: Action, facts: PlanningFacts) -> None:
    project_id = action.text(RELEASE_PROJECT)
    if not project_id:
        raise PlanProblem(f"{_name(action.name)} does not say which project's release it deploys.")
    if project_id in facts.own_project_ids:
        raise PlanProblem(
            f"{_name(action.name)} would deploy {project_id} as a part of itself, and each would wait for the other."
        )


def _pool_of(action: Action, facts: PlanningFacts) -> str:
    if action.worker_pool_variable:
        return ""
    pool_id = action.worker_pool_id or facts.default_pool_id
    if pool_id not in facts.pool_ids:
        raise PlanProblem(
            f"{_name(action.name)} runs in the worker pool {pool_id or '(none)'}, which is not there. Choose another."
        )
    return pool_id


def _usable_targets(facts: PlanningFacts) -> tuple[list[TargetFacts], tuple[tuple[str, str], ...]]:
    usable, left_out = [], []
    for target in sorted(facts.targets, key=lambda each: (each.name.casefold(), each.id)):
        if facts.environment_id not in target.environment_ids or not _serves_tenant(target, facts):
            continue
        reason = _reason_to_leave_out(target, facts)
        if reason:
            left_out.append((target.id, reason))
        else:
            usable.append(target)
    return usable, tuple(left_out)


def _serves_tenant(target: TargetFacts, facts: PlanningFacts) -> bool:
    if not facts.tenant_id:
        return target.participation != "Tenanted"
    if target.participation == "Untenanted":
        return False
    return facts.tenant_id in target.tenant_ids or (
        bool(target.tenant_tags) and not target.tenant_tags.isdisjoint(facts.tenant_tags)
    )


def _reason_to_leave_out(target: TargetFacts, facts: PlanningFacts) -> str:
    if target.is_disabled:
        return "it is disabled"
    if target.id in facts.excluded_machine_ids:
        return "it was excluded"
    if facts.specific_machine_ids and target.id not in facts.specific_machine_ids:
        return "it is not one of the machines that were asked for"
    if facts.skips_unavailable and target.health == "Unavailable":
        return "it is unavailable, and the project skips such machines"
    if facts.excludes_unhealthy and target.health == "Unhealthy":
        return "it is unhealthy, and the project leaves such machines out"
    return ""


def _machines_for(step: Step, usable: Sequence[TargetFacts]) -> tuple[PlannedMachine, ...]:
    roles = {role.casefold() for role in step.roles}
    return tuple(
        PlannedMachine(target.id, target.name)
        for target in usable
        if not roles.isdisjoint(role.casefold() for role in target.roles)
    )


def _name(step: str) -> str:
    return f"The step '{step}'"
