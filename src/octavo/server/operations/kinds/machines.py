"""Machines: workers, which run work for the server, and targets, which are deployed to.

Both are records of an agent. What the health check finds out (`server_owned`, and the column `health_status`) is the
server's: clients send back whatever they read, or the .NET client's defaults, and that must change nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from sqlalchemy import ColumnElement, String, Table, and_, cast, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.server.domain.permissions import Permission
from octavo.server.domain.tasks import TaskKind
from octavo.server.operations.context import SYSTEM, OperationContext
from octavo.server.operations.documents import Document, Json
from octavo.server.operations.kinds.endpoints import (
    LISTENING,
    POLLING,
    Endpoint,
    checked_endpoint,
    is_same_agent,
    subscription_of,
)
from octavo.server.operations.moments import moment
from octavo.server.operations.references import existing_id, existing_ids
from octavo.server.operations.resource_kinds import Change, FilterMaker, ResourceKind, Rights
from octavo.server.operations.tasks import queue_task
from octavo.server.store import schema
from octavo.server.store.resources import Query, list_documents, set_links


class Machine(Document):
    """What workers and targets share. API: resources, section 4."""

    name: str
    slug: str = ""
    is_disabled: bool = False
    is_draining: bool = False  # ours: finish what runs, take nothing new
    machine_policy_id: str | None = None
    endpoint: Endpoint
    skip_initial_health_check: bool = False


class Worker(Machine):
    """A machine that runs work for the server."""

    noun: ClassVar[str] = "worker"

    worker_pool_ids: list[str] = []


class Target(Machine):
    """A machine that is deployed to."""

    noun: ClassVar[str] = "machine"

    environment_ids: list[str] = []
    roles: list[str] = []
    tenant_ids: list[str] = []
    tenant_tags: list[str] = []
    tenanted_deployment_participation: Literal["Untenanted", "TenantedOrUntenanted", "Tenanted"] = "Untenanted"


#: What the health check finds out, with the values before the first one.
FOUND_OUT: Mapping[str, object] = {
    "StatusSummary": "This machine was added and has not been checked yet.",
    "HasLatestCalamari": False,
    "IsInProcess": False,
    "OperatingSystem": "Unknown",
    "OperatingSystemVersion": "Unknown",
    "ShellName": "Unknown",
    "ShellVersion": "Unknown",
    "Architecture": "Unknown",
}

_STATUS = {"Healthy": "Online", "HasWarnings": "Online", "Unhealthy": "Offline", "Unavailable": "Offline"}


async def _before_save(change: Change) -> None:
    before = change.old.get("Endpoint") if change.old else None
    endpoint = change.new["Endpoint"] = checked_endpoint(change.new["Endpoint"], before)
    connection, space_id = change.connection, change.space_id
    if endpoint.get("ProxyId"):
        endpoint["ProxyId"] = await existing_id(connection, schema.proxies, space_id, endpoint["ProxyId"], "proxy")
    policy = await _policy_id(change)
    change.new["MachinePolicyId"] = policy
    await _refuse_known_subscription(change, subscription_of(endpoint), endpoint.get("Thumbprint"))
    change.columns.update(
        communication_style=endpoint["CommunicationStyle"],
        thumbprint=endpoint.get("Thumbprint"),
        subscription=subscription_of(endpoint),
        machine_policy_id=policy,
        is_disabled=change.new["IsDisabled"],
        is_draining=change.new["IsDraining"],
    )
    if not is_same_agent(endpoint, before):
        change.new.update(FOUND_OUT)
        change.columns.update(health_status="Unknown", health_checked_at=None)


async def _policy_id(change: Change) -> str:
    wanted = change.new.get("MachinePolicyId")
    connection, space_id, policies = change.connection, change.space_id, schema.machine_policies
    if wanted:
        return (await existing_ids(connection, policies, space_id, [wanted], "machine policy"))[0]
    default = Query(space_id, conditions=(policies.c.is_default.is_(True),))
    return (await list_documents(connection, policies, default)).documents[0].id


async def _refuse_known_subscription(change: Change, subscription: str | None, thumbprint: str | None) -> None:
    """A `poll://` id belongs to one certificate: another one asking for it would read the first one's work."""
    if subscription is None:
        return
    for table in (schema.workers, schema.machines):
        stolen = and_(table.c.subscription == subscription, table.c.thumbprint != thumbprint)
        query = Query(conditions=(stolen, table.c.id != change.resource_id))
        for other in (await list_documents(change.connection, table, query)).documents:
            raise Invalid(
                f"The subscription {subscription} belongs to {other.name} ({other.id}), which has another certificate. "
                "Give this agent its own subscription: run its registration command again."
            )


async def _before_worker(change: Change) -> None:
    await _before_save(change)
    ids = change.new["WorkerPoolIds"]
    if not ids:
        raise Invalid("A worker must belong to at least one worker pool. Name one in WorkerPoolIds.")
    change.new["WorkerPoolIds"] = await existing_ids(
        change.connection, schema.worker_pools, change.space_id, ids, "worker pool"
    )


async def _after_worker(change: Change) -> None:
    await set_links(change.connection, schema.worker_pool_members, change.resource_id, change.new["WorkerPoolIds"])


async def _before_target(change: Change) -> None:
    await _before_save(change)
    for member, table, noun in (
        ("EnvironmentIds", schema.environments, "environment"),
        ("TenantIds", schema.tenants, "tenant"),
    ):
        change.new[member] = await existing_ids(change.connection, table, change.space_id, change.new[member], noun)


async def _after_target(change: Change) -> None:
    await set_links(change.connection, schema.machine_environments, change.resource_id, change.new["EnvironmentIds"])


async def _check_health(context: OperationContext, machine: Json) -> None:
    """An agent that nobody has talked to yet is checked at once; the server asks, whoever registered it."""
    is_agent = machine["Endpoint"]["CommunicationStyle"] in {LISTENING, POLLING}
    if not is_agent or machine["HealthStatus"] != "Unknown" or machine["IsDisabled"]:
        return
    member = "WorkerIds" if machine["Id"].startswith("Workers-") else "MachineIds"
    description = f"Check the health of {machine['Name']}"
    await queue_task(
        replace(context, caller=SYSTEM), TaskKind.HEALTH, {member: [machine["Id"]]}, description=description
    )


def _computed(machine: Json, columns: Mapping[str, Any]) -> Json:
    health = columns["health_status"]
    endpoint = machine["Endpoint"]
    computed = {
        "HealthStatus": health,
        "Status": "Disabled" if machine["IsDisabled"] else _STATUS.get(health, "Unknown"),
        "HealthLastChecked": moment(columns["health_checked_at"]),
        "SkipInitialHealthCheck": False,
    }
    for member in ("Thumbprint", "Uri"):
        if endpoint.get(member):
            computed[member] = endpoint[member]
    return computed


def _flag(values: Sequence[str]) -> bool:
    return values[0].lower() == "true"


def _any_text(table: Table, member: str) -> FilterMaker:
    """Any of the values equals the member, or one entry of it when the member is a list."""

    def make(values: Sequence[str]) -> ColumnElement[bool]:
        text = cast(table.c.doc[member], String)
        return or_(*(text.icontains(f'"{value}"', autoescape=True) for value in values))

    return make


def _styles(table: Table) -> FilterMaker:
    def make(values: Sequence[str]) -> ColumnElement[bool]:
        return table.c.communication_style.in_(["None" if value == "CloudRegion" else value for value in values])

    return make


def _machine_filters(table: Table) -> dict[str, FilterMaker]:
    return {
        "thumbprint": lambda values: table.c.thumbprint == values[0].upper(),
        "isdisabled": lambda values: table.c.is_disabled.is_(_flag(values)),
        "healthstatuses": table.c.health_status.in_,
        "commstyles": _styles(table),
        "shellnames": _any_text(table, "ShellName"),
    }


def _linked(table: Table, links: Table, wanted: Sequence[str]) -> ColumnElement[bool]:
    owner, member = links.primary_key.columns
    return table.c.id.in_(select(owner).where(member.in_(wanted)))


_LINKS = {"Self": "{self}", "Connection": "{self}/connection", "TasksTemplate": "{self}/tasks{?skip,take,type}"}
_COMPUTED = frozenset({"healthstatus", "status", "thumbprint", "uri"})

WORKERS = ResourceKind(
    item_type="Worker",
    path="workers",
    id_prefix="Workers",
    model=Worker,
    table=schema.workers,
    rights=Rights(Permission.WORKER_VIEW, Permission.WORKER_EDIT, Permission.WORKER_EDIT, Permission.WORKER_EDIT),
    links=_LINKS,
    list_parameters="skip,take,name,ids,partialName,isDisabled,healthStatuses,commStyles,workerPoolIds,thumbprint,"
    "shellNames",
    filters={
        **_machine_filters(schema.workers),
        "workerpoolids": lambda values: _linked(schema.workers, schema.worker_pool_members, values),
    },
    server_owned=FOUND_OUT,
    computed=_computed,
    computed_names=_COMPUTED,
    before_save=_before_worker,
    after_save=_after_worker,
    after_commit=_check_health,
    wakes="agents",
)

MACHINES = ResourceKind(
    item_type="DeploymentTarget",
    path="machines",
    id_prefix="Machines",
    model=Target,
    table=schema.machines,
    rights=Rights(
        Permission.MACHINE_VIEW, Permission.MACHINE_CREATE, Permission.MACHINE_EDIT, Permission.MACHINE_DELETE
    ),
    links=_LINKS,
    list_parameters="skip,take,name,ids,partialName,roles,isDisabled,healthStatuses,commStyles,tenantIds,tenantTags,"
    "environmentIds,thumbprint,deploymentId,shellNames,deploymentTargetTypes",
    filters={
        **_machine_filters(schema.machines),
        "deploymenttargettypes": _styles(schema.machines),
        "environmentids": lambda values: _linked(schema.machines, schema.machine_environments, values),
        "roles": _any_text(schema.machines, "Roles"),
        "tenantids": _any_text(schema.machines, "TenantIds"),
        "tenanttags": _any_text(schema.machines, "TenantTags"),
    },
    server_owned=FOUND_OUT,
    sight={"environment": lambda ids: _linked(schema.machines, schema.machine_environments, list(ids))},
    computed=_computed,
    computed_names=_COMPUTED,
    before_save=_before_target,
    after_save=_after_target,
    after_commit=_check_health,
    wakes="agents",
)


async def names_in_use(connection: AsyncConnection, table: Table, space_id: str, member: str) -> list[str]:
    """The different values of a member over the machines of a space, sorted; entries where it is a list."""
    found: set[str] = set()
    for machine in (await list_documents(connection, table, Query(space_id))).documents:
        value = machine.doc.get(member)
        found.update(value if isinstance(value, list) else [value] if value else [])
    return sorted(found, key=str.lower)
