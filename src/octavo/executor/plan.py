"""The plan of one step, as the server writes it into the job's folder and the executor reads it there.

JSON. Reading is strict: a plan from a newer server that we do not understand is refused, not guessed at.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

PLAN_VERSION = 3


class PlanNotUnderstood(Exception):
    """The plan is no JSON, or says things this executor does not know."""


class Deed(StrEnum):
    """What a step does."""

    RUN_SCRIPT = "run script"
    DEPLOY_PACKAGE = "deploy package"
    TRANSFER_PACKAGE = "transfer package"


@dataclass(frozen=True, slots=True)
class PackagePlan:
    """One package the step needs, and where it comes from: `url` with a bearer `token`, or a file on this machine.

    `path` may start with `~home/`, which is the agent's home folder. `reference` is "" for the step's primary package,
    which is extracted into the working folder itself. `bases` are the SHA-256 of other versions, the nearest first:
    where one of them is cached, `url` has a delta from it.
    """

    reference: str
    package_id: str
    version: str
    file_name: str
    size_bytes: int
    sha256: str
    extract: bool = True
    url: str | None = None
    token: str | None = field(default=None, repr=False)
    path: str | None = None
    bases: tuple[str, ...] = ()
    is_staged_only: bool = False  # it need only be on the machine, for a later step


@dataclass(frozen=True, slots=True)
class ScriptPlan:
    """What to run: `body` as text, or `file`, a path in the primary package. `syntax` is one of `SYNTAXES`."""

    syntax: str
    body: str | None = None
    file: str | None = None
    parameters: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Packages to prepare, then a script to run (None: prepare only), with its variables.

    `deed` says what becomes of the primary package: prepared for the script, deployed, or handed over as a file.
    `image` names the container that its scripts run in; "" is none.
    """

    script: ScriptPlan | None
    packages: tuple[PackagePlan, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    deed: Deed = Deed.RUN_SCRIPT
    image: str = ""


def plan_as_json(plan: Plan) -> str:
    """The plan as text."""
    return json.dumps({"version": PLAN_VERSION, **asdict(plan)})


def plan_from_json(text: str) -> Plan:
    """The plan that `plan_as_json` wrote.

    Raises:
        PlanNotUnderstood: it did not write this.
    """
    try:
        members = json.loads(text)
        version = members.pop("version")
        if version != PLAN_VERSION:
            raise PlanNotUnderstood(f"The plan has version {version}; this executor understands {PLAN_VERSION}.")
        return _plan(members)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PlanNotUnderstood(f"The plan cannot be read: {error}. Was it written by a newer server?") from error


def _plan(members: Mapping[str, Any]) -> Plan:
    packages = tuple(PackagePlan(**{**package, "bases": tuple(package["bases"])}) for package in members["packages"])
    script = ScriptPlan(**members["script"]) if members["script"] is not None else None
    return Plan(script, packages, dict(members["variables"]), Deed(members["deed"]), members["image"])
