"""Runbooks: processes of a project that are run on demand, without a release."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.server.domain.permissions import Permission
from octavo.server.operations.context import OperationContext
from octavo.server.operations.documents import Document, Json
from octavo.server.operations.kinds.shared_parts import ConnectivityPolicy, GuidedFailureMode, TenantedMode
from octavo.server.operations.references import existing_id, existing_ids
from octavo.server.operations.resource_kinds import Change, ResourceKind, Rights
from octavo.server.operations.sight import named_in
from octavo.server.store import project_schema, schema
from octavo.server.store.processes import StoredProcess, delete_processes, insert_process, runbook_process_id


class RunRetentionPolicy(Document):
    """How many runs are kept."""

    strategy: Literal["Default", "Forever", "Count"] = "Default"
    unit: Literal["Days", "Items"] = "Items"
    quantity_to_keep: int = 100
    should_keep_forever: bool = False


class Runbook(Document):
    """API: resources, section 10."""

    noun: ClassVar[str] = "runbook"

    name: str
    slug: str = ""
    description: str | None = None
    project_id: str
    published_runbook_snapshot_id: str | None = None
    multi_tenancy_mode: TenantedMode = "Untenanted"
    environment_scope: Literal["All", "Specified", "FromProjectLifecycles"] = "All"
    environments: list[str] = []
    default_guided_failure_mode: GuidedFailureMode = "EnvironmentDefault"
    connectivity_policy: ConnectivityPolicy = ConnectivityPolicy(allow_deployments_to_no_targets=True)
    run_retention_policy: RunRetentionPolicy = RunRetentionPolicy()
    runbook_tags: list[str] = []
    force_package_download: bool = False
    fail_target_discovery: bool = False


async def _before_save(change: Change) -> None:
    connection, space_id = change.connection, change.space_id
    wanted = change.old["ProjectId"] if change.old else change.new["ProjectId"]
    project_id = await existing_id(connection, project_schema.projects, space_id, wanted, "project")
    if project_id is None:
        raise Invalid("A runbook needs a ProjectId.")
    change.new["ProjectId"] = project_id
    change.new["Environments"] = await existing_ids(
        connection, schema.environments, space_id, change.new["Environments"], "environment"
    )
    change.new["PublishedRunbookSnapshotId"] = await existing_id(
        connection,
        project_schema.runbook_snapshots,
        space_id,
        change.new["PublishedRunbookSnapshotId"],
        "runbook snapshot",
    )
    change.columns["project_id"] = project_id


async def _after_save(change: Change) -> None:
    """A new runbook comes with an empty process."""
    if change.is_new:
        process = StoredProcess(
            runbook_process_id(change.resource_id),
            change.space_id,
            change.new["ProjectId"],
            change.resource_id,
            0,
            False,
            {"Steps": []},
        )
        await insert_process(change.connection, process)


async def _before_delete(_: OperationContext, connection: AsyncConnection, runbook: Json) -> None:
    await delete_processes(connection, runbook["Id"])


def _computed(runbook: Json, _: Mapping[str, Any]) -> Json:
    return {"RunbookProcessId": runbook_process_id(runbook["Id"])}


RUNBOOKS = ResourceKind(
    item_type="Runbook",
    path="runbooks",
    id_prefix="Runbooks",
    model=Runbook,
    table=project_schema.runbooks,
    rights=Rights(Permission.RUNBOOK_VIEW, Permission.RUNBOOK_EDIT, Permission.RUNBOOK_EDIT, Permission.RUNBOOK_EDIT),
    links={
        "Self": "{self}",
        "RunbookSnapshotTemplate": "{self}/runbookSnapshotTemplate",
        "RunbookProcesses": "{root}/runbookProcesses/RunbookProcess-{id}",
        "RunbookSnapshots": "{self}/runbookSnapshots{?skip,take,searchByName}",
        "CreateRunbookRun": "{root}/runbookRuns",
    },
    list_parameters="skip,take,ids,partialName,clone,projectIds",
    sight={"project": named_in(project_schema.runbooks.c.project_id)},
    filters={
        "projectids": lambda ids: project_schema.runbooks.c.project_id.in_(list(ids)),
        "projectid": lambda ids: project_schema.runbooks.c.project_id.in_(list(ids)),
    },
    computed=_computed,
    computed_names=frozenset({"runbookprocessid"}),
    before_save=_before_save,
    after_save=_after_save,
    before_delete=_before_delete,
)
