"""How much of what was deployed stays on machines: what the lifecycle's phase says. Source: resources.md §6."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.server.domain.executions import Execution
from octavo.server.store.project_schema import channels, projects
from octavo.server.store.resources import find_document
from octavo.server.store.schema import lifecycles

_POLICY = "TentacleRetentionPolicy"


@dataclass(frozen=True, slots=True)
class Retention:
    """How much to keep. `unit`: `Days` or `Items`."""

    unit: str
    quantity: int


async def find_retention(connection: AsyncConnection, execution: Execution) -> Retention | None:
    """What the lifecycle says of deployments to this environment; None: keep all."""
    project = await find_document(connection, projects, execution.project_id)
    channel = await find_document(connection, channels, execution.channel_id) if execution.channel_id else None
    lifecycle_id = (channel and channel.columns["lifecycle_id"]) or (project and project.columns["lifecycle_id"])
    lifecycle = await find_document(connection, lifecycles, lifecycle_id) if lifecycle_id else None
    return retention_of(lifecycle.doc, execution.environment_id) if lifecycle is not None else None


def retention_of(lifecycle: Mapping[str, Any], environment_id: str) -> Retention | None:
    """What a lifecycle says of an environment: its phase, or, where that says nothing, the lifecycle itself."""
    policies = [
        phase.get(_POLICY)
        for phase in lifecycle.get("Phases", ())
        if environment_id in (*phase["AutomaticDeploymentTargets"], *phase["OptionalDeploymentTargets"])
    ]
    policy = next((each for each in policies if each), None) or lifecycle.get(_POLICY) or {}
    if policy.get("ShouldKeepForever", True):
        return None
    return Retention(str(policy.get("Unit", "Items")), int(policy.get("QuantityToKeep", 0)))
