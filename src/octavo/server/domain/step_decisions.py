"""What a deployment does next: which steps begin together, which run after what happened. Pure.

Source: resources.md §9 (conditions, start triggers).
"""

from collections.abc import Sequence

from octavo.server.domain.deployment_plans import Condition, PlannedStep


def groups_of(steps: Sequence[PlannedStep]) -> list[tuple[PlannedStep, ...]]:
    """The steps in groups that begin together, in order."""
    groups: list[list[PlannedStep]] = []
    for step in steps:
        if step.starts_with_previous and groups:
            groups[-1].append(step)
        else:
            groups.append([step])
    return [tuple(group) for group in groups]


def reason_to_skip(step: PlannedStep, *, has_failed: bool, holds: bool | None) -> str:
    """Why a step does not run now; "" when it does. `holds`: what its condition expression came to."""
    if step.skip_reason:
        return step.skip_reason
    match step.condition:
        case Condition.SUCCESS:
            return "a step before it failed" if has_failed else ""
        case Condition.FAILURE:
            return "" if has_failed else "no step before it failed"
        case Condition.ALWAYS:
            return ""
        case Condition.VARIABLE:
            return "" if holds else "its condition does not hold"
