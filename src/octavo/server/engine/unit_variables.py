"""All variables of one action in one place, evaluated: project, library and tenant values, what was asked for, what the
server knows, and what earlier steps handed on. The only place where secrets of a deployment are opened.

Source: script-execution.md §3.8, §3.9, §4.2; resources.md §13.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.sensitive import Sensitive
from octavo.executor.templates import Variables
from octavo.server.domain.deployment_plans import DeploymentPlan, PlannedAction, PlannedMachine, PlannedStep
from octavo.server.domain.executions import Execution, ExecutionKind
from octavo.server.domain.output_variables import OutputVariable, readable_outputs
from octavo.server.domain.processes import Action
from octavo.server.domain.system_variables import (
    ExecutionFacts,
    Named,
    UnitFacts,
    system_variables,
    unit_variables,
)
from octavo.server.domain.tasks import Task
from octavo.server.domain.variable_scopes import Situation, Variable, choose_variables
from octavo.server.engine.output_variables import open_output
from octavo.server.engine.parts import EngineParts
from octavo.server.operations.process_documents import opened_property
from octavo.server.operations.resource_variables import RESOURCE_TYPES, resource_parts
from octavo.server.operations.variable_sets import tenant_values, variable_place, variables_of
from octavo.server.store.output_variables import list_output_variables
from octavo.server.store.project_schema import (
    accounts,
    certificates,
    channels,
    library_variable_sets,
    projects,
    releases,
    runbook_snapshots,
    runbooks,
)
from octavo.server.store.resources import Document, Query, find_document, get_document, list_documents
from octavo.server.store.schema import environments, machines, project_groups, spaces, tenants, worker_pools
from octavo.server.store.variable_sets import get_variable_set

SEALED = "Sealed"


@dataclass(frozen=True, slots=True)
class Place:
    """An action of the plan, where it is done, and what the process says of it."""

    step: PlannedStep
    planned: PlannedAction
    action: Action
    machine: PlannedMachine | None = None
    pool_id: str = ""


@dataclass(frozen=True, slots=True)
class UnitVariables:
    """The variables, and the values among them that the log must not show."""

    variables: Variables
    secrets: Sequence[Sensitive] = field(repr=False)


class ExecutionVariables:
    """Reads what is frozen once, and what moves for each unit anew."""

    def __init__(self, parts: EngineParts, task: Task, execution: Execution, plan: DeploymentPlan) -> None:
        self._parts = parts
        self._task = task
        self._execution = execution
        self._plan = plan
        self._frozen: list[Variable] | None = None
        self._facts: ExecutionFacts | None = None
        self._tenant_tags: frozenset[str] = frozenset()
        self._named: dict[str, Document] = {}
        self._action_names = {
            step.unit_path(machine, place): (action.name, step.machines[machine].name if step.machines else "")
            for step in plan.steps
            for machine in range(max(1, len(step.machines)))
            for place, action in enumerate(step.actions)
        }

    async def of_unit(self, place: Place, error: str = "") -> UnitVariables:
        """Everything that the action may refer to there. `error`: what failed before it."""
        async with self._parts.context.store.reading() as connection:
            if self._frozen is None or self._facts is None:
                self._frozen = await self._read_frozen(connection)
                self._facts = await self._read_facts(connection)
                self._named = await self._read_named(connection)
            machine = await find_document(connection, machines, place.machine.id) if place.machine else None
            pool = await find_document(connection, worker_pools, place.pool_id) if place.pool_id else None
            outputs = await self._outputs(connection)
        secrets: list[Sensitive] = []
        values = self._chosen(self._frozen, place, machine, secrets)
        facts = self._facts
        values |= system_variables(facts)
        if error:
            values |= {"Octopus.Deployment.Error": error, "Octopus.Deployment.ErrorDetail": error}
        values |= unit_variables(_unit_facts(place, machine, pool))
        values |= self._properties(place.action, secrets)
        values |= self._packages(place.action)
        for name, output in readable_outputs(outputs, place.machine.name if place.machine else "").items():
            values[name] = output.value
            if output.is_sensitive:
                secrets.append(Sensitive(output.value))
        return UnitVariables(Variables(values), secrets)

    def _chosen(
        self, variables: Sequence[Variable], place: Place, machine: Document | None, secrets: list[Sensitive]
    ) -> dict[str, str]:
        situation = Situation(
            environment_id=self._execution.environment_id,
            machine_id=place.machine.id if place.machine else "",
            roles=frozenset(machine.doc.get("Roles", ())) if machine else frozenset(),
            action_id=place.action.id,
            channel_id=self._execution.channel_id or "",
            tenant_tags=self._tenant_tags,
            process_owner_id=self._execution.process_owner_id,
        )
        values = {}
        for variable in choose_variables(variables, situation).values():
            values[variable.name] = self._opened(variable, secrets)
            values |= self._parts_of_resources(variable.name, values[variable.name], secrets)
        return values

    def _parts_of_resources(self, name: str, value: str, secrets: list[Sensitive]) -> dict[str, str]:
        """What a variable that names an account or certificate stands for: `<name>.Username` and so on."""
        document = self._named.get(value)
        if document is None:
            return {}
        found = resource_parts(self._parts.context.vault, document)
        secrets.extend(part for part in found.values() if isinstance(part, Sensitive))
        return {
            f"{name}.{part}": text.reveal() if isinstance(text, Sensitive) else text for part, text in found.items()
        }

    def _opened(self, variable: Variable, secrets: list[Sensitive]) -> str:
        given = (self._execution.doc.get("FormValues") or {}).get(variable.id) if variable.prompt is not None else None
        sealed = given.get(SEALED) if isinstance(given, dict) else (variable.value if variable.is_sensitive else None)
        if isinstance(given, str):
            return given
        if not sealed:
            return "" if variable.is_sensitive else variable.value or ""
        secret = self._parts.context.vault.open(sealed, variable_place(variable.id))
        secrets.append(secret)
        return secret.reveal()

    def _properties(self, action: Action, secrets: list[Sensitive]) -> dict[str, str]:
        values = {}
        for name, value in action.properties.items():
            opened = opened_property(value, action.id, name, self._parts.context.vault)
            if isinstance(opened, Sensitive):
                secrets.append(opened)
                opened = opened.reveal()
            values[name] = opened
        return values

    def _packages(self, action: Action) -> dict[str, str]:
        values = {}
        for package in action.packages:
            version = self.version_of(action.name, package.name)
            facts = {"PackageId": package.package_id, "FeedId": package.feed_id, "PackageVersion": version}
            for name, value in facts.items():
                values[f"Octopus.Action.Package[{package.name}].{name}"] = value
                if not package.name:
                    values[f"Octopus.Action.Package.{name}"] = value
        return values

    def version_of(self, action_name: str, reference: str) -> str:
        """The version that was frozen for a package reference; "" when none was."""
        wanted = (action_name.casefold(), reference.casefold())
        return next(
            (
                each.version
                for each in self._execution.packages
                if (each.action_name.casefold(), each.reference.casefold()) == wanted
            ),
            "",
        )

    async def _outputs(self, connection: AsyncConnection) -> list[OutputVariable]:
        """What ended units handed on, in the order of the plan; of a unit's tries the last."""
        found = []
        vault = self._parts.context.vault
        stored = await list_output_variables(connection, self._task.id)
        for each in sorted(stored, key=lambda output: _unit_order(output.unit)):
            known = self._action_names.get(each.unit.partition("~")[0])
            if known is not None:
                value = open_output(vault, self._task.id, each)
                found.append(OutputVariable(*known, each.name, value, each.is_sensitive))
        return found

    async def _read_frozen(self, connection: AsyncConnection) -> list[Variable]:
        frozen = [
            variable
            for set_id in self._execution.variable_set_ids
            for variable in variables_of(await get_variable_set(connection, set_id))
        ]
        if not self._execution.tenant_id:
            return frozen
        tenant = await get_document(connection, tenants, self._execution.tenant_id)
        self._tenant_tags = frozenset(tenant.doc.get("TenantTags", ()))
        project = await get_document(connection, projects, self._execution.project_id)
        owners: dict[str, Sequence[Mapping[str, Any]]] = {project.id: project.doc.get("Templates", [])}
        for set_id in project.doc.get("IncludedLibraryVariableSetIds", []):
            library = await find_document(connection, library_variable_sets, set_id)
            owners[set_id] = library.doc.get("Templates", []) if library else []
        given = await tenant_values(connection, tenant.id, owners, self._execution.environment_id)
        return [*given, *frozen]

    async def _read_named(self, connection: AsyncConnection) -> dict[str, Document]:
        """The accounts and certificates of the space, when some variable may name one."""
        if not any(variable.type in RESOURCE_TYPES for variable in self._frozen or ()):
            return {}
        query = Query(self._execution.space_id)
        found = [(await list_documents(connection, table, query)).documents for table in (accounts, certificates)]
        return {document.id: document for documents in found for document in documents}

    async def _read_facts(self, connection: AsyncConnection) -> ExecutionFacts:
        execution = self._execution

        async def named(table: Any, resource_id: str | None) -> Named:
            document = await find_document(connection, table, resource_id) if resource_id else None
            return Named(document.id, document.name) if document else Named(resource_id or "", "")

        project = await get_document(connection, projects, execution.project_id)
        place = await find_document(connection, environments, execution.environment_id)
        is_run = execution.kind is ExecutionKind.RUNBOOK_RUN
        release = await find_document(connection, releases, execution.release_id) if execution.release_id else None
        machine_ids = {machine.id for step in self._plan.steps for machine in step.machines}
        doc = execution.doc
        return ExecutionFacts(
            space=await named(spaces, execution.space_id),
            project=Named(project.id, project.name),
            project_group=await named(project_groups, project.columns["project_group_id"]),
            environment=Named(execution.environment_id, place.name if place else ""),
            environment_sort_order=place.sort_order if place else 0,
            task=Named(self._task.id, self._task.kind.value),
            queued_at=self._task.queued_at.isoformat(),
            execution=Named(execution.id, str(doc.get("Name") or "")),
            created_at=execution.created_at.isoformat(),
            comments=str(doc.get("Comments") or ""),
            created_by=Named(str(doc.get("DeployedById") or ""), str(doc.get("DeployedBy") or "")),
            server_url="",
            tenant=await named(tenants, execution.tenant_id) if execution.tenant_id else None,
            tenant_tags=sorted(self._tenant_tags),
            release=Named(release.id, release.name) if release else None,
            release_notes=str(release.doc.get("ReleaseNotes") or "") if release else "",
            release_created_at=release.columns["assembled_at"].isoformat() if release else "",
            channel_name=(await named(channels, execution.channel_id)).name,
            runbook=await named(runbooks, execution.runbook_id) if is_run else None,
            runbook_snapshot=await named(runbook_snapshots, execution.runbook_snapshot_id) if is_run else None,
            machine_ids=sorted(machine_ids),
            specific_machine_ids=doc.get("SpecificMachineIds") or (),
            excluded_machine_ids=doc.get("ExcludedMachineIds") or (),
        )


def _unit_facts(place: Place, machine: Document | None, pool: Document | None) -> UnitFacts:
    return UnitFacts(
        step=Named(place.step.id, place.step.name),
        step_number=str(place.step.number),
        action=Named(place.action.id, place.action.name),
        action_number=place.planned.number,
        machine=Named(place.machine.id, place.machine.name) if place.machine else None,
        machine_roles=machine.doc.get("Roles", ()) if machine else (),
        pool=Named(pool.id, pool.name) if pool else None,
    )


def _unit_order(unit: str) -> tuple[list[int], int]:
    path, _, attempt = unit.partition("~")
    return [int(part) for part in path.split("/")], int(attempt or 1)
