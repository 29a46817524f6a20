"""Machine policies: how machines are reached, checked, updated and cleaned away."""

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.server.domain.permissions import Permission
from octavo.server.operations.context import OperationContext
from octavo.server.operations.defaults import guard_default, keep_one_default, refuse_to_delete_default
from octavo.server.operations.documents import Document, Json
from octavo.server.operations.resource_kinds import Change, ResourceKind, Rights
from octavo.server.store import schema
from octavo.server.store.resources import Query, count_documents

_TIME_SPAN = re.compile(r"(\d+\.)?\d{1,2}:\d{2}:\d{2}(\.\d{1,7})?")


def _time_span(text: str) -> str:
    if not _TIME_SPAN.fullmatch(text):
        raise ValueError(f"'{text}' is not a time span such as 00:05:00 or 1.00:00:00")
    return text


TimeSpan = Annotated[str, AfterValidator(_time_span)]


class ScriptPolicy(Document):
    """Which script a health check runs."""

    run_type: Literal["InheritFromDefault", "Inline", "OnlyConnectivity"] = "InheritFromDefault"
    script_body: str | None = None


class HealthCheckPolicy(Document):
    """When and how machines are checked."""

    health_check_type: Literal["RunScript", "OnlyConnectivity"] = "RunScript"
    health_check_interval: TimeSpan | None = "1.00:00:00"
    health_check_cron: str | None = None
    health_check_cron_timezone: str = "UTC"
    bash_health_check_policy: ScriptPolicy = Field(default_factory=ScriptPolicy)
    power_shell_health_check_policy: ScriptPolicy = Field(default_factory=ScriptPolicy)


class MachineConnectivityPolicy(Document):
    """Whether an absent machine is a fault."""

    machine_connectivity_behavior: Literal["ExpectedToBeOnline", "MayBeOfflineAndCanBeSkipped"] = "ExpectedToBeOnline"


class CleanupPolicy(Document):
    """Whether machines that stay away are deleted."""

    delete_machines_behavior: Literal["DoNotDelete", "DeleteUnavailableMachines"] = "DoNotDelete"
    delete_machines_elapsed_time_span: TimeSpan = "00:00:00"


class UpdatePolicy(Document):
    """Whether agents are updated."""

    calamari_update_behavior: Literal["UpdateOnDeployment", "UpdateOnNewMachine", "UpdateAlways"] = "UpdateOnDeployment"
    tentacle_update_behavior: Literal["NeverUpdate", "Update"] = "NeverUpdate"
    tentacle_update_account_id: str | None = None
    kubernetes_agent_update_behavior: Literal["Update", "NeverUpdate", "Block"] = "Update"


class PackageCachePolicy(Document):
    """How many packages a machine keeps."""

    strategy: Literal["Default", "Quantities"] = "Default"
    quantity_of_packages_to_keep: int | None = None
    package_unit: str = "Items"
    quantity_of_versions_to_keep: int | None = None
    version_unit: str = "Items"


class MachinePolicy(Document):
    """API: resources, section 4. Every member is always answered: the Go client validates them."""

    noun: ClassVar[str] = "machine policy"

    name: str
    slug: str = ""
    description: str = ""
    is_default: bool = False
    connection_connect_timeout: TimeSpan = "00:01:00"
    connection_retry_count_limit: int = Field(default=5, ge=2)
    connection_retry_sleep_interval: TimeSpan = "00:00:01"
    connection_retry_time_limit: TimeSpan = "00:05:00"
    polling_request_queue_timeout: TimeSpan = "00:02:00"
    polling_request_maximum_message_processing_timeout: TimeSpan = "00:10:00"
    machine_health_check_policy: HealthCheckPolicy = Field(default_factory=HealthCheckPolicy)
    machine_connectivity_policy: MachineConnectivityPolicy = Field(default_factory=MachineConnectivityPolicy)
    machine_cleanup_policy: CleanupPolicy = Field(default_factory=CleanupPolicy)
    machine_update_policy: UpdatePolicy = Field(default_factory=UpdatePolicy)
    machine_package_cache_retention_policy: PackageCachePolicy = Field(default_factory=PackageCachePolicy)


async def _before_save(change: Change) -> None:
    guard_default(change)


async def _after_save(change: Change) -> None:
    await keep_one_default(change, schema.machine_policies)


async def _before_delete(_: OperationContext, connection: AsyncConnection, policy: Json) -> None:
    refuse_to_delete_default("machine policy", policy)
    for table in (schema.workers, schema.machines):
        users = await count_documents(connection, table, Query(conditions=(table.c.machine_policy_id == policy["Id"],)))
        if users:
            raise Invalid(f"{policy['Name']} is the policy of {users} {table.name}. Give them another policy first.")


MACHINE_POLICIES = ResourceKind(
    item_type="MachinePolicy",
    path="machinepolicies",
    id_prefix="MachinePolicies",
    model=MachinePolicy,
    table=schema.machine_policies,
    rights=Rights(
        Permission.MACHINE_POLICY_VIEW,
        Permission.MACHINE_POLICY_CREATE,
        Permission.MACHINE_POLICY_EDIT,
        Permission.MACHINE_POLICY_DELETE,
    ),
    links={"Self": "{self}"},
    before_save=_before_save,
    after_save=_after_save,
    before_delete=_before_delete,
)
