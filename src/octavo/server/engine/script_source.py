"""What a unit of an ad hoc script sends to its machine: the script composed, its packages on their way.

Packages are pulled by our agents and uploaded to official ones (`packages/delivery.py`).
Source: DESIGN §5, §6; script-execution.md §2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from octavo.base.errors import AgentUnavailable
from octavo.contracts.file_transfer import FILE_TRANSFER_SERVICE
from octavo.contracts.octavo_script_service import OCTAVO_SCRIPT_SERVICE
from octavo.contracts.scripts import ScriptFile, ScriptIsolationLevel
from octavo.halibut import DataStream, Endpoint
from octavo.server.domain.plans import Place
from octavo.server.domain.script_runs import ServiceVersion
from octavo.server.domain.tasks import Task
from octavo.server.engine.parts import EngineParts
from octavo.server.operations.packages import PackageReference, resolve_references
from octavo.server.packages.delivery import (
    PreparedScript,
    Recipient,
    ScriptToDeliver,
    Upload,
    compose_script,
    parse_syntax,
)
from octavo.server.workers.retries import call_with_retries
from octavo.server.workers.script_client import Script

#: Scripts from the console are short; twenty lines about the environment before each would bury their output.
_VARIABLES = {"Octopus.Action.Script.SuppressEnvironmentLogging": "True"}


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

    async def prepare(self, machine_id: str, endpoint: Endpoint, version: ServiceVersion) -> Script:
        """The script as this machine needs it; files that it must have before are uploaded.

        Raises:
            Invalid, NotFound: the script or its packages cannot be had.
            HalibutError: the machine did not take an upload.
        """
        prepared = await self._prepare(machine_id, endpoint, version)
        for upload in prepared.uploads:
            await self._upload(upload, endpoint)
        is_target = self.place is Place.TARGET
        return Script(
            body=prepared.body,
            task_id=self.task.id,
            owner=self.task.project_id or self.task.space_id or "",
            files={name: ScriptFile(name, DataStream.from_bytes(data)) for name, data in prepared.files.items()},
            isolation=ScriptIsolationLevel.FULL_ISOLATION if is_target else ScriptIsolationLevel.NO_ISOLATION,
        )

    async def _prepare(self, machine_id: str, endpoint: Endpoint, version: ServiceVersion) -> PreparedScript:
        arguments = self.task.arguments
        references = _references(arguments)
        context = self.parts.context.in_space(self.task.space_id or "")
        script = ScriptToDeliver(
            syntax=parse_syntax(str(arguments.get("Syntax") or "Bash")),
            body=str(arguments["ScriptBody"]),
            variables=_VARIABLES,
            packages=await resolve_references(context, references) if references else (),
        )
        if not script.packages:
            return compose_script(script)
        command = await self._executor_command(endpoint) if version is ServiceVersion.OCTAVO else ()
        return await self.parts.delivery.prepare_script(script, Recipient(machine_id, self.task.id, command))

    async def _executor_command(self, endpoint: Endpoint) -> tuple[str, ...]:
        service = self.parts.connections.runtime.call(OCTAVO_SCRIPT_SERVICE, endpoint)
        facts = await call_with_retries(service.get_machine_facts, self.parts.retries)
        return tuple(facts.executor_command)

    async def _upload(self, upload: Upload, endpoint: Endpoint) -> None:
        """Send a file, and check what arrived (services §11)."""
        service = self.parts.connections.runtime.call(FILE_TRANSFER_SERVICE, endpoint)
        stream = DataStream(upload.source, upload.size_bytes)
        result = await call_with_retries(lambda: service.upload_file(upload.remote_path, stream), self.parts.retries)
        if result.length != upload.size_bytes or (result.hash or "").lower() != upload.sha1:
            raise AgentUnavailable(
                f"{upload.remote_path} arrived damaged: {result.length} bytes with SHA-1 {result.hash}, expected "
                f"{upload.size_bytes} bytes with {upload.sha1}. Is the machine's disk full or failing?"
            )


def _references(arguments: Mapping[str, Any]) -> Sequence[PackageReference]:
    return [
        PackageReference(
            str(reference["PackageId"]),
            str(reference.get("Version") or ""),
            str(reference.get("Name") or ""),
            bool(reference.get("Extract", True)),
        )
        for reference in arguments.get("PackageReferences") or []
    ]
