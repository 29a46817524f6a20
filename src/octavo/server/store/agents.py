"""What the server must know to talk to machines: where they are, and what their last check found.

Workers and targets are documents (`resources.py`); here are the statements that look at both. Source: DESIGN §6.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Table, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.server.store.resources import Document, find_document
from octavo.server.store.schema import machine_policies, machines, proxies, workers

TENTACLE_STYLES = ("TentaclePassive", "TentacleActive")


@dataclass(frozen=True, slots=True)
class KnownAgent:
    """A machine as trust and health checks see it."""

    machine_id: str
    name: str
    space_id: str
    thumbprint: str
    subscription: str | None
    is_disabled: bool
    health_status: str
    health_checked_at: datetime | None
    machine_policy_id: str | None
    skips_first_check: bool


@dataclass(frozen=True, slots=True)
class HealthFinding:
    """What a check found. `members` are the document members that it fills (`OperatingSystem`, …)."""

    health_status: str
    summary: str
    members: Mapping[str, object] = field(default_factory=dict)
    agent_version: str | None = None


async def list_agents(connection: AsyncConnection) -> list[KnownAgent]:
    """Every worker and target that runs an agent."""
    found: list[KnownAgent] = []
    for kind in (workers, machines):
        columns = kind.c
        statement = select(
            columns.id,
            columns.name,
            columns.space_id,
            columns.thumbprint,
            columns.subscription,
            columns.is_disabled,
            columns.health_status,
            columns.health_checked_at,
            columns.machine_policy_id,
            columns.doc["SkipInitialHealthCheck"].as_boolean(),
        ).where(columns.communication_style.in_(TENTACLE_STYLES), columns.thumbprint.is_not(None))
        rows = await connection.execute(statement)
        found += [_as_agent(row) for row in rows]
    return found


async def find_machine(connection: AsyncConnection, machine_id: str) -> Document | None:
    """The worker or target with this id."""
    return await find_document(connection, kind_of(machine_id), machine_id)


async def find_proxy(connection: AsyncConnection, proxy_id: str) -> Document | None:
    """The proxy with this id."""
    return await find_document(connection, proxies, proxy_id)


async def find_policy(connection: AsyncConnection, policy_id: str) -> Document | None:
    """The machine policy with this id."""
    return await find_document(connection, machine_policies, policy_id)


async def record_health(
    connection: AsyncConnection, machine_id: str, finding: HealthFinding, now: datetime, *, was_seen: bool
) -> None:
    """Write what a check found into the machine's document. Its version stays: nobody edited it."""
    kind = kind_of(machine_id)
    row = (await connection.execute(select(kind.c.doc).where(kind.c.id == machine_id).with_for_update())).first()
    if row is None:
        return
    doc = {**row.doc, **finding.members, "StatusSummary": finding.summary, "IsInProcess": False}
    if finding.agent_version:
        doc["Endpoint"] = {**doc.get("Endpoint", {}), "TentacleVersionDetails": _version_details(finding.agent_version)}
    values: dict[str, Any] = {"doc": doc, "health_status": finding.health_status, "health_checked_at": now}
    if was_seen:
        values["last_seen_at"] = now
    await connection.execute(update(kind).where(kind.c.id == machine_id).values(**values))


async def mark_unavailable(connection: AsyncConnection, machine_id: str, reason: str, now: datetime) -> None:
    """Take a machine that does not answer out of service until a check finds it well again."""
    await record_health(connection, machine_id, HealthFinding("Unavailable", reason), now, was_seen=False)


def kind_of(machine_id: str) -> Table:
    """The table that a machine's id belongs to."""
    return workers if machine_id.casefold().startswith("workers-") else machines


def _as_agent(row: Row[*tuple[Any, ...]]) -> KnownAgent:
    machine_id, name, space_id, thumbprint, subscription, is_disabled, health, checked_at, policy, skips = row
    return KnownAgent(
        machine_id, name, space_id, thumbprint, subscription, is_disabled, health, checked_at, policy, bool(skips)
    )


def _version_details(version: str) -> dict[str, object]:
    return {"Version": version, "UpgradeLocked": False, "UpgradeSuggested": False, "UpgradeRequired": False}
