"""Fetches the files that a script asked to hand back, after its end and before its workspace goes.

Source: script-execution.md §1.5, §4.3; tentacle-services.md §11 (absolute paths).
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from octavo.base.errors import Invalid, NotFound
from octavo.contracts.file_transfer import FILE_TRANSFER_SERVICE
from octavo.halibut import Endpoint, HalibutError
from octavo.server.domain.script_effects import CollectArtifact
from octavo.server.domain.script_runs import ScriptRun
from octavo.server.engine.parts import EngineParts
from octavo.server.operations.artifacts import create_artifact, list_artifacts, set_content
from octavo.server.store.artifacts import ArtifactQuery
from octavo.server.workers.retries import call_with_retries

log = logging.getLogger(__name__)

_READ_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class ArtifactCollection:
    """Collects what one attempt asked for. Repeatable: what is there already is not fetched again."""

    parts: EngineParts
    space_id: str
    run: ScriptRun
    endpoint: Endpoint

    async def collect(self, wanted: Sequence[CollectArtifact]) -> list[str]:
        """Fetch and keep these files; a sentence for each that could not be had."""
        if not wanted:
            return []
        context = self.parts.context.in_space(self.space_id)
        query = ArtifactQuery(context.space_id, task_ids=[self.run.task_id], take=None)
        known, _ = await list_artifacts(context, query)
        here = Counter(artifact.file_name for artifact in known if artifact.unit == self.run.unit)
        problems = []
        for each in dict.fromkeys(wanted):  # names need not be unique: both files are kept
            if here[each.name] > 0:  # as many of this name as an interrupted attempt has kept
                here[each.name] -= 1
                continue
            try:
                await self._collect(each)
            except (HalibutError, NotFound, Invalid) as error:
                log.warning("an artifact could not be collected", extra={"ticket": self.run.ticket, "path": each.path})
                problems.append(f"The artifact {each.name} could not be collected: {error}")
        return problems

    async def _collect(self, wanted: CollectArtifact) -> None:
        service = self.parts.connections.runtime.call(FILE_TRANSFER_SERVICE, self.endpoint)
        stream = await call_with_retries(lambda: service.download_file(wanted.path), self.parts.retries)
        if stream is None:
            raise NotFound(f"there is no file {wanted.path} on {self.run.machine_name}.")
        context = self.parts.context.in_space(self.space_id)
        artifact = await create_artifact(context, wanted.name, task_id=self.run.task_id, unit=self.run.unit)
        try:
            await set_content(context, artifact.id, _pieces(stream.source), self.parts.spool)
        finally:
            if isinstance(stream.source, Path):
                await asyncio.to_thread(stream.source.unlink, missing_ok=True)


async def _pieces(source: Path | bytes) -> AsyncIterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    with source.open("rb") as file:  # opening is quick; reading goes to a thread
        while piece := await asyncio.to_thread(file.read, _READ_BYTES):
            yield piece
