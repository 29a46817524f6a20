"""What an action of a deployment sends to a machine: a script with its variables, or a package and what to do with it.

Source: script-execution.md §2, §3.5.8; resources.md §9 (properties).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from octavo.base.errors import Invalid
from octavo.base.sensitive import Sensitive
from octavo.contracts.scripts import ScriptIsolationLevel
from octavo.executor.plan import Deed
from octavo.executor.retention import QUANTITY, UNIT
from octavo.executor.templates import ParseMode, Variables
from octavo.halibut import Endpoint
from octavo.server.domain.executions import Execution
from octavo.server.domain.printed_variables import printed_variables
from octavo.server.domain.processes import SCRIPT_SYNTAX, Action, is_true
from octavo.server.domain.script_runs import ServiceVersion
from octavo.server.engine.parts import EngineParts
from octavo.server.engine.script_source import deliver, files_of
from octavo.server.engine.unit_variables import ExecutionVariables, Place, UnitVariables
from octavo.server.operations.packages import PackageReference, resolve_references
from octavo.server.operations.retention import find_retention
from octavo.server.packages.delivery import PackageToDeliver, Recipient, ScriptToDeliver, Syntax, parse_syntax
from octavo.server.workers.script_client import BEST_CONFINEMENT, NO_CONFINEMENT, Script

_SCRIPT = "Octopus.Action.Script."
_DEEDS: Mapping[str, Deed] = {
    "octopus.tentaclepackage": Deed.DEPLOY_PACKAGE,
    "octopus.transferpackage": Deed.TRANSFER_PACKAGE,
}
FAILS_ON_ERROR_OUTPUT = "Octopus.Action.FailScriptOnErrorOutput"


@dataclass(frozen=True, slots=True)
class MachineActionSource:
    """An action that a machine does, ready for any machine."""

    parts: EngineParts
    execution: Execution
    syntax: Syntax
    body: str | None = field(repr=False)
    file: str | None
    parameters: str
    variables: Mapping[str, str] = field(repr=False)
    secrets: Sequence[Sensitive] = field(repr=False)
    packages: Sequence[PackageToDeliver]
    target_id: str  # "" where there is no target
    fails_on_error_output: bool
    deed: Deed = Deed.RUN_SCRIPT
    image: str = ""
    opening_lines: Sequence[str] = field(default=(), repr=False)

    @property
    def space_id(self) -> str:
        """The space whose artifacts and packages these are."""
        return self.execution.space_id

    @property
    def output_machine_id(self) -> str:
        """Later steps read what it hands on, by its target."""
        return self.target_id

    async def prepare(self, machine_id: str, endpoint: Endpoint, version: ServiceVersion) -> Script:
        """The script as this machine needs it; see `ActionSource`."""
        script = ScriptToDeliver(
            syntax=self.syntax,
            body=self.body,
            file=self.file,
            parameters=self.parameters,
            variables=self.variables,
            packages=self.packages,
            deed=self.deed,
            image=self.image,
        )
        recipient = Recipient(machine_id, self.execution.task_id)
        prepared = await deliver(self.parts, script, recipient, endpoint, version)
        is_target = self.target_id == machine_id
        return Script(
            body=prepared.body,
            task_id=self.execution.task_id,
            owner=self.execution.project_id,
            files=files_of(prepared),
            isolation=ScriptIsolationLevel.FULL_ISOLATION if is_target else ScriptIsolationLevel.NO_ISOLATION,
            confinement=NO_CONFINEMENT if self.image else BEST_CONFINEMENT,
        )


async def action_source(
    parts: EngineParts, execution: Execution, frozen: ExecutionVariables, place: Place, unit: UnitVariables
) -> MachineActionSource:
    """The source of an action that a machine does.

    Raises:
        Invalid: the script is missing, in a language that we do not run, or a package is not there.
        TemplateError: a variable refers to itself.
    """
    deed = _DEEDS.get(place.action.action_type.lower(), Deed.RUN_SCRIPT)
    if deed is Deed.RUN_SCRIPT:
        return await _script_source(parts, execution, frozen, place, unit)
    packages = await _packages(parts, execution, frozen, place, unit)
    primary = [package for package in packages if not package.reference]
    if not primary:
        raise Invalid(f"The step '{place.action.name}' names no package to put on its targets.")
    return MachineActionSource(
        parts=parts,
        execution=execution,
        syntax=Syntax.BASH,
        body=None,
        file=None,
        parameters="",
        variables=unit.variables.evaluated() | await _of_deployed_package(parts, execution, place),
        secrets=unit.secrets,
        packages=primary,
        target_id=place.machine.id if place.machine else "",
        fails_on_error_output=is_true(unit.variables.find(FAILS_ON_ERROR_OUTPUT)),
        deed=deed,
        opening_lines=_printed(unit),
    )


async def _of_deployed_package(parts: EngineParts, execution: Execution, place: Place) -> dict[str, str]:
    """What the machine's journal keeps apart (a step of a project, in an environment, for a tenant), and how much."""
    machine_id = place.machine.id if place.machine else ""
    names = (execution.environment_id, execution.project_id, place.step.name, machine_id, execution.tenant_id or "")
    variables = {"OctopusRetentionPolicySet": "/".join(names)}
    if execution.doc.get("ForcePackageRedeployment"):
        variables["Octopus.Action.Package.SkipIfAlreadyInstalled"] = "False"
    async with parts.context.store.reading() as connection:
        kept = await find_retention(connection, execution)
    if kept is not None:
        variables |= {UNIT: kept.unit, QUANTITY: str(kept.quantity)}
    return variables


async def _script_source(
    parts: EngineParts, execution: Execution, frozen: ExecutionVariables, place: Place, unit: UnitVariables
) -> MachineActionSource:
    action, variables = place.action, unit.variables
    is_packaged = action.text(f"{_SCRIPT}ScriptSource", "Inline").lower() == "package"
    syntax, text = _inline_script(action)
    body = None if is_packaged else text
    file = variables.evaluate(action.text(f"{_SCRIPT}ScriptFileName")).text if is_packaged else None
    if not is_packaged and not (body or "").strip():
        raise Invalid(f"The step '{action.name}' has no script.")
    if is_packaged and not file:
        raise Invalid(f"The step '{action.name}' names no script file in its package.")
    return MachineActionSource(
        parts=parts,
        execution=execution,
        syntax=parse_syntax(syntax),
        body=None if body is None else _substituted(action, body, variables),
        file=file,
        parameters=variables.evaluate(action.text(f"{_SCRIPT}ScriptParameters")).text,
        variables=variables.evaluated(),
        secrets=unit.secrets,
        packages=await _packages(parts, execution, frozen, place, unit),
        target_id=place.machine.id if place.machine else "",
        fails_on_error_output=is_true(variables.find(FAILS_ON_ERROR_OUTPUT)),
        image=variables.evaluate(action.container_image).text.strip(),
        opening_lines=_printed(unit),
    )


def _printed(unit: UnitVariables) -> list[str]:
    return printed_variables(unit.variables, {secret.reveal() for secret in unit.secrets})


def _inline_script(action: Action) -> tuple[str, str]:
    """The step's syntax and script: of scripts in several languages the first that we run well."""
    body = action.text(f"{_SCRIPT}ScriptBody")
    if not body.strip():
        for syntax in Syntax:
            if each := action.text(f"{_SCRIPT}ScriptBody[{syntax}]"):
                return syntax, each
    return action.text(SCRIPT_SYNTAX, Syntax.BASH), body


def _substituted(action: Action, body: str, variables: Variables) -> str:
    """The script with what its tokens stand for; those that stand for nothing stay, unless the step minds."""
    evaluation = variables.evaluate(body, ParseMode.CONTINUE)
    if evaluation.unresolved and is_true(variables.find("OctopusShouldFailDeploymentOnSubstitutionFails")):
        what = ", ".join(dict.fromkeys(evaluation.unresolved))
        raise Invalid(f"The script of '{action.name}' names what is not known: {what}.")
    return evaluation.text


async def _packages(
    parts: EngineParts, execution: Execution, frozen: ExecutionVariables, place: Place, unit: UnitVariables
) -> Sequence[PackageToDeliver]:
    references = [
        PackageReference(
            unit.variables.evaluate(package.package_id).text,
            frozen.version_of(place.action.name, package.name),
            package.name,
            package.is_extracted,
            unit.variables.evaluate(package.feed_id).text,
        )
        for package in place.action.packages
        if package.acquisition_location.lower() != "notacquired"
    ]
    if not references:
        return ()
    return await resolve_references(parts.context.in_space(execution.space_id), references, parts.spool)
