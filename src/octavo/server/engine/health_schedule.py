"""Queues health checks when they are due: for suspected machines at once, else by their policy.

Whoever registers a machine queues its first check; here it is only made up for, should that have failed.

Source: DESIGN §6; tentacle-cli.md §7.
"""

import asyncio
import contextlib
import logging
from collections import defaultdict

from octavo.base.errors import NotFound, StoreUnavailable
from octavo.server.domain.health import Checked, HealthPolicy, health_policy, is_due
from octavo.server.domain.placement import Health
from octavo.server.domain.plans import plan_from_json
from octavo.server.domain.tasks import TaskKind, TaskState
from octavo.server.engine.health_checks import HealthChecks
from octavo.server.engine.parts import EngineParts
from octavo.server.operations.tasks import queue_task
from octavo.server.store.agents import KnownAgent, list_agents
from octavo.server.store.resources import Query, list_documents
from octavo.server.store.schema import machine_policies
from octavo.server.store.tasks import TaskQuery, list_tasks

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0


class HealthSchedule:
    """Looks for due machines while `run` is active."""

    def __init__(self, parts: EngineParts, checks: HealthChecks) -> None:
        self._parts = parts
        self._checks = checks
        self._suspects: set[str] = set()
        self._news = asyncio.Event()

    def suspect(self, machine_id: str) -> None:
        """Check this machine soon: it did not answer."""
        self._suspects.add(machine_id)
        self._news.set()

    async def run(self) -> None:
        """Queue checks until cancelled."""
        while True:
            self._news.clear()
            try:
                await self.look_once()
            except StoreUnavailable:
                log.warning("the store is away; health checks wait")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._news.wait()

    async def look_once(self) -> None:
        """Queue one task for each space with machines that are due and in no check yet."""
        async with self._parts.context.store.reading() as connection:
            agents = await list_agents(connection)
            policies = (await list_documents(connection, machine_policies, Query())).documents
            under_way, _ = await list_tasks(
                connection,
                TaskQuery(
                    name=TaskKind.HEALTH.value, states=[TaskState.QUEUED, TaskState.EXECUTING, TaskState.CANCELLING]
                ),
            )
        by_id = {policy.id: health_policy(policy.doc) for policy in policies}
        busy = {unit.place_id for task in under_way for unit in plan_from_json(task.plan).units}
        due = defaultdict[str, list[str]](list)
        for agent in agents:
            policy = by_id.get(agent.machine_policy_id or "", HealthPolicy())
            if agent.machine_id not in busy and is_due(self._as_checked(agent, policy), self._parts.now()):
                due[agent.space_id].append(agent.machine_id)
        self._suspects.clear()
        for space_id, machine_ids in due.items():
            await self._queue(space_id, machine_ids)

    async def _queue(self, space_id: str, machine_ids: list[str]) -> None:
        workers = [each for each in machine_ids if each.startswith("Workers-")]
        targets = [each for each in machine_ids if not each.startswith("Workers-")]
        arguments = {"WorkerIds": workers, "MachineIds": targets}
        try:
            await queue_task(self._parts.context.in_space(space_id), TaskKind.HEALTH, arguments)
        except NotFound:
            log.info("a machine was deleted before its check was queued", extra={"machine_ids": machine_ids})

    def _as_checked(self, agent: KnownAgent, policy: HealthPolicy) -> Checked:
        return Checked(
            machine_id=agent.machine_id,
            space_id=agent.space_id,
            health=Health(agent.health_status),
            is_disabled=agent.is_disabled,
            checked_at=agent.health_checked_at,
            skips_first_check=agent.skips_first_check,
            policy=policy,
            failures=self._checks.failures.get(agent.machine_id, 0),
            is_suspect=agent.machine_id in self._suspects,
        )
