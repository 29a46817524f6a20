"""What a unit sends to its machine: the script composed, its packages on their way.

`ActionSource` is all that an attempt (`script_unit.py`) knows of what it runs. `ScriptSource` is an ad hoc script;
`actions/` has the sources of a deployment's actions. Packages are pulled by our agents and uploaded to official ones.
Source: DESIGN §5, §6; script-execution.md §2.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from octavo.base.sensitive import Sensitive
from octavo.contracts.octavo_script_service import OCTAVO_SCRIPT_SERVICE
from octavo.contracts.scripts import ScriptFile, ScriptIsolationLevel
from octavo.halibut import DataStream, Endpoint
from octavo.server.domain.plans import Place
from octavo.server.domain.script_runs import ServiceVersion
from octavo.server.domain.tasks import Task
from octavo.server.engine.agent_files import AgentFiles
from octavo.server.engine.parts import EngineParts
from octavo.server.operations.packages import resolve_references
from octavo.server.operations.task_plans import package_references
from octavo.server.packages.delivery import (
    PreparedScript,
    Recipient,
    ScriptToDeliver,
    compose_script,
    parse_syntax,
)
from octavo.server.workers.retries import call_with_retries
from octavo.server.workers.script_client import Script

#: Scripts from the console are short; twenty lines about the environment before each would bury their output.
_VARIABLES = {"Octopus.Action.Script.SuppressEnvironmentLogging": "True"}


class ActionSource(Protocol):
    """What an attempt runs, and what is to be known while it runs."""

    @property
    def space_id(self) -> str:
        """The space whose artifacts and packages these are."""

    @property
    def secrets(self) -> Sequence[Sensitive]:
        """What the log must not show from its first line on."""

    @property
    def output_machine_id(self) -> str | None:
        """Whose output variables these are: a target's, "" for no target's. None: they are not kept."""

    @property
    def fails_on_error_output(self) -> bool:
        """Whether a script that wrote to stderr failed, whatever its exit code (script-execution.md §2.7)."""

    @property
    def opening_lines(self) -> Sequence[str]:
        """What the log says before the script does; the first line is a warning, the others are verbose."""

    async def prepare(self, machine_id: str, endpoint: Endpoint, version: ServiceVersion) -> Script:
        """The script as this machine needs it; files that it must have before are uploaded. Safe to repeat.

        Raises:
            Invalid, NotFound: the script or its packages cannot be had.
            HalibutError, AgentUnavailable: the machine did not take an upload.
        """


async def deliver(
    parts: EngineParts, script: ScriptToDeliver, recipient: Recipient, endpoint: Endpoint, version: ServiceVersion
) -> PreparedScript:
    """Make a script ready for a machine; what must be there before it starts is uploaded.

    Raises:
        Invalid, NotFound, HalibutError, AgentUnavailable: as `ActionSource.prepare`.
    """
    if not script.needs_executor:
        return compose_script(script)
    if version is ServiceVersion.OCTAVO:
        recipient = replace(recipient, executor_command=await _executor_command(parts, endpoint))
    prepared = await parts.delivery.prepare_script(script, recipient)
    if prepared.uploads:
        await AgentFiles(parts, endpoint, version).bring(prepared.uploads)
    return prepared


def files_of(prepared: PreparedScript) -> dict[str, ScriptFile]:
    """The files that travel beside a script's body."""
    return {name: ScriptFile(name, DataStream.from_bytes(data)) for name, data in prepared.files.items()}


@dataclass(frozen=True, slots=True)
class ScriptSource:
    """The script of a task, before it is known which machine runs it."""

    parts: EngineParts
    task: Task
    place: Place

    @property
    def space_id(self) -> str:
        """The space that the task belongs to."""
        return self.task.space_id or ""

    @property
    def secrets(self) -> Sequence[Sensitive]:
        """An ad hoc script has no variables, so no secrets but those that it names itself."""
        return ()

    @property
    def output_machine_id(self) -> str | None:
        """Nobody could read them: the task ends with its script."""
        return None

    @property
    def fails_on_error_output(self) -> bool:
        """Only its exit code counts."""
        return False

    @property
    def opening_lines(self) -> Sequence[str]:
        """An ad hoc script has no variables to be shown."""
        return ()

    async def prepare(self, machine_id: str, endpoint: Endpoint, version: ServiceVersion) -> Script:
        """The script as this machine needs it; see `ActionSource`."""
        arguments, task = self.task.arguments, self.task
        references = package_references(arguments)
        context = self.parts.context.in_space(self.space_id)
        script = ScriptToDeliver(
            syntax=parse_syntax(str(arguments.get("Syntax") or "Bash")),
            body=str(arguments["ScriptBody"]),
            variables=_VARIABLES,
            packages=await resolve_references(context, references, self.parts.spool) if references else (),
        )
        prepared = await deliver(self.parts, script, Recipient(machine_id, task.id), endpoint, version)
        is_target = self.place is Place.TARGET
        return Script(
            body=prepared.body,
            task_id=task.id,
            owner=task.project_id or task.space_id or "",
            files=files_of(prepared),
            isolation=ScriptIsolationLevel.FULL_ISOLATION if is_target else ScriptIsolationLevel.NO_ISOLATION,
        )


async def _executor_command(parts: EngineParts, endpoint: Endpoint) -> tuple[str, ...]:
    service = parts.connections.runtime.call(OCTAVO_SCRIPT_SERVICE, endpoint)
    facts = await call_with_retries(service.get_machine_facts, parts.retries)
    return tuple(facts.executor_command)
