"""Which of several values of a variable holds in a situation: the most specific that applies.

A value applies when every dimension of its scope is met. Between values that apply the one scoped to the more specific
dimension wins; the ranks add up, so that a tenant tag beats everything and any scope beats none. Equal values: the one
defined first in the first set (project before library). Pure. Source: resources.md §13; docs/reference/variables.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Dimension(StrEnum):
    """What a value can be scoped to; the name is the API's."""

    ENVIRONMENT = "Environment"
    MACHINE = "Machine"
    ROLE = "Role"
    ACTION = "Action"
    CHANNEL = "Channel"
    TENANT_TAG = "TenantTag"
    PROCESS_OWNER = "ProcessOwner"


#: From the least to the most specific. Powers of two: one higher rank beats all lower ones together.
_ORDER = (
    Dimension.CHANNEL,
    Dimension.ENVIRONMENT,
    Dimension.ROLE,
    Dimension.MACHINE,
    Dimension.PROCESS_OWNER,
    Dimension.ACTION,
    Dimension.TENANT_TAG,
)
_RANKS = {dimension: 1 << place for place, dimension in enumerate(_ORDER)}


@dataclass(frozen=True, slots=True)
class Variable:
    """One value of a variable. A sensitive value is still sealed."""

    id: str
    name: str
    value: str | None = field(repr=False)
    type: str = "String"
    is_sensitive: bool = False
    scope: Mapping[Dimension, frozenset[str]] = field(default_factory=dict)
    prompt: Mapping[str, Any] | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Situation:
    """Where a value is wanted. Empty means: not applicable, so that values scoped to it do not apply."""

    environment_id: str = ""
    machine_id: str = ""
    roles: frozenset[str] = frozenset()
    action_id: str = ""
    channel_id: str = ""
    tenant_tags: frozenset[str] = frozenset()
    process_owner_id: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value that was looked at, and why it won or not."""

    variable: Variable
    is_chosen: bool
    reason: str


def choose_variables(variables: Iterable[Variable], situation: Situation) -> dict[str, Variable]:
    """For each name (casefolded) the value that holds; names without an applicable value are left out."""
    here = _here(situation)
    chosen: dict[str, tuple[int, Variable]] = {}
    for variable in variables:
        if not _applies(variable, here):
            continue
        key, rank = variable.name.casefold(), rank_of(variable)
        known = chosen.get(key)
        if known is None or rank > known[0]:
            chosen[key] = (rank, variable)
    return {key: variable for key, (_, variable) in chosen.items()}


def explain_choice(variables: Iterable[Variable], name: str, situation: Situation) -> list[Candidate]:
    """Every value of this name, with the reason why it holds or not, the chosen one first."""
    here = _here(situation)
    mine = [variable for variable in variables if variable.name.casefold() == name.casefold()]
    chosen = choose_variables(mine, situation).get(name.casefold())
    candidates = []
    for variable in mine:
        missed = [str(dimension) for dimension in variable.scope if not _is_met(variable, dimension, here)]
        if variable is chosen:
            reason = "the most specific value that applies" if variable.scope else "no scoped value applies"
        elif missed:
            reason = f"its {' and '.join(missed)} scope does not apply here"
        else:
            reason = "another value is scoped more specifically, or was defined before it"
        candidates.append(Candidate(variable, variable is chosen, reason))
    return sorted(candidates, key=lambda candidate: not candidate.is_chosen)


def rank_of(variable: Variable) -> int:
    """How specific a value is: 0 without scope."""
    return sum(_RANKS[dimension] for dimension, wanted in variable.scope.items() if wanted)


def _here(situation: Situation) -> dict[Dimension, frozenset[str]]:
    def only(text: str) -> frozenset[str]:
        return frozenset({text.casefold()} if text else ())

    return {
        Dimension.ENVIRONMENT: only(situation.environment_id),
        Dimension.MACHINE: only(situation.machine_id),
        Dimension.ROLE: frozenset(role.casefold() for role in situation.roles),
        Dimension.ACTION: only(situation.action_id),
        Dimension.CHANNEL: only(situation.channel_id),
        Dimension.TENANT_TAG: frozenset(tag.casefold() for tag in situation.tenant_tags),
        Dimension.PROCESS_OWNER: only(situation.process_owner_id),
    }


def _applies(variable: Variable, here: Mapping[Dimension, frozenset[str]]) -> bool:
    return all(_is_met(variable, dimension, here) for dimension in variable.scope)


def _is_met(variable: Variable, dimension: Dimension, here: Mapping[Dimension, frozenset[str]]) -> bool:
    wanted = variable.scope[dimension]
    return not wanted or not here[dimension].isdisjoint(value.casefold() for value in wanted)
