"""Worker pools: named sets of workers that steps ask for. Each space has one default pool."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.server.domain.permissions import Permission
from octavo.server.operations.context import OperationContext
from octavo.server.operations.defaults import guard_default, keep_one_default, refuse_to_delete_default
from octavo.server.operations.documents import Document, Json
from octavo.server.operations.resource_kinds import Change, ResourceKind, Rights
from octavo.server.store import schema
from octavo.server.store.resources import Query, count_documents

STATIC, DYNAMIC = "StaticWorkerPool", "DynamicWorkerPool"


class WorkerPool(Document):
    """API: resources, section 3."""

    noun: ClassVar[str] = "worker pool"

    name: str
    slug: str = ""
    description: str | None = None
    worker_pool_type: Literal["StaticWorkerPool", "DynamicWorkerPool"] = "StaticWorkerPool"
    is_default: bool = False


async def _before_save(change: Change) -> None:
    guard_default(change)
    if change.old:
        change.new["WorkerPoolType"] = change.old["WorkerPoolType"]
    if change.new["WorkerPoolType"] == DYNAMIC:
        raise Invalid("Dynamic worker pools lease machines from Octopus Cloud, which Octavo cannot: use a static pool.")


async def _after_save(change: Change) -> None:
    await keep_one_default(change, schema.worker_pools)


async def _before_delete(_: OperationContext, connection: AsyncConnection, pool: Json) -> None:
    refuse_to_delete_default("worker pool", pool)
    members = schema.worker_pool_members
    inside = schema.workers.c.id == members.c.worker_id
    workers = await count_documents(
        connection, schema.workers, Query(conditions=(inside, members.c.worker_pool_id == pool["Id"]))
    )
    if workers:
        raise Invalid(f"{pool['Name']} has {workers} workers. Move them to another pool or delete them first.")


def _computed(pool: Json, _: Mapping[str, Any]) -> Json:
    return {"CanAddWorkers": pool["WorkerPoolType"] == STATIC}


WORKER_POOLS = ResourceKind(
    item_type="WorkerPool",
    path="workerpools",
    id_prefix="WorkerPools",
    model=WorkerPool,
    table=schema.worker_pools,
    rights=Rights(Permission.WORKER_VIEW, Permission.WORKER_EDIT, Permission.WORKER_EDIT, Permission.WORKER_EDIT),
    links={
        "Self": "{self}",
        "Workers": "{self}/workers{?skip,take,partialName,isDisabled,healthStatuses,commStyles,shellNames}",
    },
    is_sorted=True,
    list_parameters="name,skip,ids,take,partialName",
    computed=_computed,
    computed_names=frozenset({"canaddworkers"}),
    before_save=_before_save,
    after_save=_after_save,
    before_delete=_before_delete,
    wakes="agents",
)
