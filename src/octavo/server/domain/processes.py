"""A deployment or runbook process as planning and running read it: typed, forgiving, unknown members left aside.

Source: resources.md §9 (members and properties).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from octavo.server.domain.deployment_plans import Condition

RUN_ON_SERVER = "Octopus.Action.RunOnServer"
TARGET_ROLES = "Octopus.Action.TargetRoles"
MAX_PARALLELISM = "Octopus.Action.MaxParallelism"
SCRIPT_SYNTAX = "Octopus.Action.Script.Syntax"
DEPLOY_RELEASE, RELEASE_PROJECT = "octopus.deployrelease", "Octopus.Action.DeployRelease.ProjectId"
#: The feed of releases: the "package" of an action that deploys a release is the other project.
RELEASES_FEED = "feeds-octopus-releases"
_STEP_CONDITIONS = ("Octopus.Step.ConditionVariableExpression", "Octopus.Action.ConditionVariableExpression")
_ACTION_CONDITION = "Octopus.Action.ConditionVariableExpression"


@dataclass(frozen=True, slots=True)
class PackageReference:
    """A package that an action needs. `name` is "" for its primary package, `version` "" unless it is fixed."""

    id: str
    name: str
    package_id: str
    feed_id: str
    version: str = ""
    acquisition_location: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_extracted(self) -> bool:
        """Whether the package is unpacked for the step; the primary one is unless it says no."""
        return is_true(self.properties.get("Extract", "True"))


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a step does."""

    id: str
    name: str
    slug: str
    action_type: str
    is_disabled: bool = False
    is_required: bool = False
    worker_pool_id: str = ""
    worker_pool_variable: str = ""
    container_image: str = ""
    environments: frozenset[str] = frozenset()
    excluded_environments: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    tenant_tags: tuple[str, ...] = ()
    condition_expression: str = ""
    packages: tuple[PackageReference, ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def text(self, name: str, default: str = "") -> str:
        """A property as a text; a sensitive one is empty here."""
        value = self.properties.get(name)
        return value if isinstance(value, str) else default


@dataclass(frozen=True, slots=True)
class Step:
    """Actions that run together. `window` is a number or a template; "" means all machines at once."""

    id: str
    name: str
    condition: Condition
    condition_expression: str
    starts_with_previous: bool
    roles: tuple[str, ...]
    window: str
    actions: tuple[Action, ...]


def steps_of(document: Mapping[str, Any]) -> tuple[Step, ...]:
    """The steps of a process document, in order."""
    return tuple(_step(step) for step in document.get("Steps") or ())


def is_true(value: object) -> bool:
    """How properties spell a boolean: `True`, `true`, or a JSON boolean."""
    return str(value).strip().lower() == "true"


def split_list(text: str) -> tuple[str, ...]:
    """The entries of a comma list, without blanks around them."""
    return tuple(entry.strip() for entry in text.split(",") if entry.strip())


def _step(document: Mapping[str, Any]) -> Step:
    properties = document.get("Properties") or {}
    actions = tuple(_action(action) for action in document.get("Actions") or ())
    roles = _text(properties, TARGET_ROLES) or next((each.text(TARGET_ROLES) for each in actions), "")
    expression = next((_text(properties, name) for name in _STEP_CONDITIONS if _text(properties, name)), "")
    return Step(
        id=str(document.get("Id") or ""),
        name=str(document.get("Name") or ""),
        condition=_condition(document.get("Condition")),
        condition_expression=expression,
        starts_with_previous=str(document.get("StartTrigger") or "").lower() == "startwithprevious",
        roles=split_list(roles),
        window=_text(properties, MAX_PARALLELISM).strip(),
        actions=actions,
    )


def _action(document: Mapping[str, Any]) -> Action:
    properties = document.get("Properties") or {}
    has_condition = str(document.get("Condition") or "").lower() == "variable"
    return Action(
        id=str(document.get("Id") or ""),
        name=str(document.get("Name") or ""),
        slug=str(document.get("Slug") or ""),
        action_type=str(document.get("ActionType") or ""),
        is_disabled=bool(document.get("IsDisabled")),
        is_required=bool(document.get("IsRequired")),
        worker_pool_id=str(document.get("WorkerPoolId") or ""),
        worker_pool_variable=str(document.get("WorkerPoolVariable") or ""),
        container_image=str((document.get("Container") or {}).get("Image") or ""),
        environments=frozenset(document.get("Environments") or ()),
        excluded_environments=frozenset(document.get("ExcludedEnvironments") or ()),
        channels=frozenset(document.get("Channels") or ()),
        tenant_tags=tuple(document.get("TenantTags") or ()),
        condition_expression=_text(properties, _ACTION_CONDITION) if has_condition else "",
        packages=_packages(document, properties),
        properties=properties,
    )


def _packages(document: Mapping[str, Any], properties: Mapping[str, Any]) -> tuple[PackageReference, ...]:
    if str(document.get("ActionType") or "").lower() == DEPLOY_RELEASE:
        return (PackageReference("", "", _text(properties, RELEASE_PROJECT), RELEASES_FEED),)
    return tuple(_package(package) for package in document.get("Packages") or ())


def _package(document: Mapping[str, Any]) -> PackageReference:
    return PackageReference(
        id=str(document.get("Id") or ""),
        name=str(document.get("Name") or ""),
        package_id=str(document.get("PackageId") or ""),
        feed_id=str(document.get("FeedId") or ""),
        version=str(document.get("Version") or ""),
        acquisition_location=str(document.get("AcquisitionLocation") or ""),
        properties=document.get("Properties") or {},
    )


def _condition(value: object) -> Condition:
    wanted = str(value or "").lower()
    return next((condition for condition in Condition if condition.value.lower() == wanted), Condition.SUCCESS)


def _text(properties: Mapping[str, Any], name: str) -> str:
    value = properties.get(name)
    return value if isinstance(value, str) else ""


def all_actions(steps: Sequence[Step]) -> tuple[Action, ...]:
    """Every action, in order."""
    return tuple(action for step in steps for action in step.actions)
