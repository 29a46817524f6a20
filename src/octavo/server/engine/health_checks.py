"""Checks machines: can we talk to the agent, what does it say of itself, and what does the policy's script say.

Every unit may be done again at any time, so a check that was interrupted is simply made anew. Source: DESIGN §6;
resources.md §4; tentacle-services.md §9.1.
"""

import asyncio
import logging
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import AgentUnavailable, NotFound
from octavo.contracts.octavo_script_service import OCTAVO_SCRIPT_SERVICE
from octavo.halibut import Endpoint, HalibutError
from octavo.server.domain.health import FACTS_SCRIPT, HealthPolicy, health_policy, judge_script, read_facts
from octavo.server.domain.placement import Health
from octavo.server.domain.plans import Plan, Unit
from octavo.server.domain.script_output import ScriptOutput
from octavo.server.domain.script_runs import RunState, ScriptRun, ServiceVersion
from octavo.server.domain.service_messages import Level
from octavo.server.domain.task_log import BrokenLog, Line
from octavo.server.domain.tasks import Claim, TaskEnd, TaskState
from octavo.server.domain.tickets import ticket_for
from octavo.server.engine.parts import EngineParts
from octavo.server.store.agents import HealthFinding, find_machine, find_policy, record_health
from octavo.server.store.script_runs import RunChange, change_script_run, insert_script_runs, list_script_runs
from octavo.server.store.task_log import NewChunk, append_chunk
from octavo.server.workers.capabilities import Freshness, choose_version
from octavo.server.workers.connections import NoAgent
from octavo.server.workers.retries import RetryPolicy
from octavo.server.workers.script_client import Script
from octavo.server.workers.script_session import Cancelled
from octavo.server.workers.short_scripts import ShortScripts

log = logging.getLogger(__name__)

CHECKS_AT_ONCE = 32
#: A check asks whether the machine answers now; a long patience would answer another question.
PATIENCE = RetryPolicy(5)
CHECK_SECONDS = 60.0


@dataclass(slots=True)
class _Finding:
    health: Health
    summary: str
    members: dict[str, object] = field(default_factory=dict)
    version: str | None = None
    lines: list[Line] = field(default_factory=list)


class HealthChecks:
    """Carries out the plan of a `Health` task. `when_checked` hears each machine's result."""

    def __init__(self, parts: EngineParts) -> None:
        self._parts = parts
        self.failures: dict[str, int] = {}

    async def check(self, claim: Claim, plan: Plan, cancel: asyncio.Event) -> TaskEnd:
        """Check every machine of the plan, some at a time."""
        places = asyncio.Semaphore(CHECKS_AT_ONCE)
        async with self._parts.context.store.reading() as connection:
            done = {run.unit for run in await list_script_runs(connection, claim.task_id) if run.completed_at}

        async def one(unit: Unit) -> bool:
            async with places:
                return cancel.is_set() or await self._check_unit(claim, unit, cancel)

        async with asyncio.TaskGroup() as group:
            checks = [
                group.create_task(one(unit), name=f"check {unit.name}") for unit in plan.units if unit.id not in done
            ]
        await self._parts.context.bus.publish("agents.checked")
        if cancel.is_set():
            return TaskEnd(TaskState.CANCELLED, "The task was cancelled.")
        bad = sum(not check.result() for check in checks)
        return (
            TaskEnd(TaskState.FAILED, f"{bad} of {len(plan.units)} machines are not well.")
            if bad
            else TaskEnd(TaskState.SUCCESS)
        )

    async def _check_unit(self, claim: Claim, unit: Unit, cancel: asyncio.Event) -> bool:
        is_well, _ = await self.check_machine(claim, unit, cancel)
        return is_well

    async def check_machine(
        self, claim: Claim, unit: Unit, cancel: asyncio.Event, *, only_connection: bool = False
    ) -> tuple[bool, str]:
        """Check one machine and write down what was found; whether it is well, and what is said of it."""
        ticket = ticket_for(claim.task_id, unit.id, unit.place_id, 1)
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                finding = await self._examine(unit, ticket, cancel, only_connection)
        except (HalibutError, AgentUnavailable, NoAgent, NotFound, BrokenLog) as error:
            finding = _Finding(Health.UNAVAILABLE, f"The agent does not answer: {error}")
        except Cancelled:
            return True, ""
        except TimeoutError:
            finding = _Finding(Health.UNAVAILABLE, f"The check took longer than {CHECK_SECONDS:.0f} s.")
        is_well = finding.health in (Health.HEALTHY, Health.HAS_WARNINGS)
        self.failures[unit.place_id] = 0 if is_well else self.failures.get(unit.place_id, 0) + 1
        await self._parts.write(lambda connection: self._record(connection, claim, unit, ticket, finding))
        await self._parts.publish_task(claim.task_id)
        await self._parts.context.bus.publish("tasks")
        return is_well, finding.summary

    async def _examine(self, unit: Unit, ticket: str, cancel: asyncio.Event, only_connection: bool) -> _Finding:
        endpoint = await self._parts.get_endpoint(unit.place_id)
        names = await self._parts.capabilities.get_capabilities(endpoint, PATIENCE, freshness=Freshness.ASKED_NOW)
        version = choose_version(names)
        if version is ServiceVersion.OCTAVO:
            finding = await self._ask_for_facts(endpoint)
        else:
            finding = await self._run_facts_script(endpoint, version, ticket, cancel)
        policy = await self._policy_of(unit.place_id)
        if policy.script is None or only_connection:
            return finding
        exit_code, lines = await self._run_script(endpoint, version, f"{ticket}p", policy.script, cancel)
        finding.health, finding.summary = judge_script(exit_code, lines)
        finding.lines += lines
        return finding

    async def _ask_for_facts(self, endpoint: Endpoint) -> _Finding:
        facts = await self._parts.connections.runtime.call(OCTAVO_SCRIPT_SERVICE, endpoint).get_machine_facts()
        shell, _, shell_version = facts.shell.partition(" ")
        members = {
            "OperatingSystem": facts.operating_system,
            "Architecture": facts.architecture,
            "ShellName": shell or "Bash",
            "ShellVersion": shell_version or "Unknown",
            "HasLatestCalamari": True,
            "ContainerEngine": facts.container_engine,
        }
        return _Finding(Health.HEALTHY, "The machine is healthy.", members, facts.agent_version)

    async def _run_facts_script(
        self, endpoint: Endpoint, version: ServiceVersion, ticket: str, cancel: asyncio.Event
    ) -> _Finding:
        exit_code, lines = await self._run_script(endpoint, version, ticket, FACTS_SCRIPT, cancel)
        health, summary = judge_script(exit_code, [])
        members, agent_version = read_facts(lines)
        return _Finding(health, summary, members, agent_version)

    async def _run_script(
        self, endpoint: Endpoint, version: ServiceVersion, ticket: str, body: str, cancel: asyncio.Event
    ) -> tuple[int, list[Line]]:
        """Run a script of the check; its exit code and lines."""
        client = self._parts.capabilities.client_for(endpoint, version)

        async def notify(text: str) -> None:
            log.info("a health check is repeated", extra={"ticket": ticket, "reason": text})

        scripts = ShortScripts(client, endpoint, PATIENCE, notify)
        end = await scripts.run(Script(body, ticket), cancel)
        return end.exit_code, list(ScriptOutput().feed(end.entries, 1, is_last=True).lines)

    async def _policy_of(self, machine_id: str) -> HealthPolicy:
        async with self._parts.context.store.reading() as connection:
            machine = await find_machine(connection, machine_id)
            policy_id = machine.columns.get("machine_policy_id") if machine else None
            policy = await find_policy(connection, policy_id) if policy_id else None
        return health_policy(policy.doc) if policy else HealthPolicy()

    async def _record(
        self, connection: AsyncConnection, claim: Claim, unit: Unit, ticket: str, finding: _Finding
    ) -> None:
        now = self._parts.now()
        is_well = finding.health in (Health.HEALTHY, Health.HAS_WARNINGS)
        level = Level.INFO if is_well else Level.ERROR
        summary = Line(level.value, now.isoformat(timespec="milliseconds"), f"{unit.name}: {finding.summary}")
        await append_chunk(connection, claim, NewChunk(unit.id, [*finding.lines, summary]), now)
        run = ScriptRun(ticket, claim.task_id, unit.id, unit.place_id, unit.name, 1, claim.fence)
        known = {each.ticket for each in await list_script_runs(connection, claim.task_id, unit.id)}
        if ticket not in known:
            await insert_script_runs(connection, [run], now)
        end = RunChange(state=RunState.SUCCESS if is_well else RunState.FAILED, completed_at=now, started_at=now)
        await change_script_run(connection, ticket, claim.fence, end)
        found = HealthFinding(finding.health.value, finding.summary, finding.members, finding.version)
        await record_health(connection, unit.place_id, found, now, was_seen=is_well)
