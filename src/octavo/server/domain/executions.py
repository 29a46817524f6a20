"""Deployments and runbook runs: one shape, because planning and running treat them alike.

Both run a frozen process with frozen variables in one environment, for one tenant or none. Pure.
Source: DESIGN §6; resources.md §10, §11; docs/decisions/0080-projects-and-deployments.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from octavo.server.domain.tasks import TaskId


class ExecutionKind(StrEnum):
    """What was asked for."""

    DEPLOYMENT = "Deployment"
    RUNBOOK_RUN = "RunbookRun"


@dataclass(frozen=True, slots=True)
class SelectedPackage:
    """The version that was frozen for one package reference; `reference` is "" for an action's primary package."""

    action_name: str
    reference: str
    version: str


@dataclass(frozen=True, slots=True)
class Execution:
    """A deployment or a runbook run as it is stored.

    `process_id` and `variable_set_ids` name frozen copies: the project's variables first, then those of its library
    sets. `doc` has what the API shows besides: Name, Comments, FormValues, SkipActions (action ids),
    SpecificMachineIds, ExcludedMachineIds, UseGuidedFailure, ForcePackageDownload, ForcePackageRedeployment,
    DeployedBy, DeployedById and others.
    """

    id: str
    kind: ExecutionKind
    space_id: str
    project_id: str
    environment_id: str
    task_id: TaskId
    process_id: str
    variable_set_ids: Sequence[str]
    packages: Sequence[SelectedPackage]
    created_at: datetime
    tenant_id: str | None = None
    release_id: str | None = None
    channel_id: str | None = None
    runbook_id: str | None = None
    runbook_snapshot_id: str | None = None
    doc: Mapping[str, Any] = field(default_factory=dict)

    @property
    def process_owner_id(self) -> str:
        """Whose process runs: the runbook or the project. Variables may be scoped to it."""
        return self.runbook_id or self.project_id
