"""Brings files to an agent that does not fetch them itself: those that it lacks, by delta where it has another version.

What the agent has is asked of it by a script, by SHA-1, each time: its disk is its own, and people tidy up. A delta
that cannot be applied, for whatever reason, costs its bytes; then the whole file is sent.
Source: script-execution.md §5.6, §5.7; tentacle-services.md §11.
"""

import asyncio
import logging
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from octavo.base.errors import AgentUnavailable
from octavo.contracts.file_transfer import FILE_TRANSFER_SERVICE
from octavo.halibut import DataStream, Endpoint
from octavo.server.domain.script_runs import ServiceVersion
from octavo.server.domain.service_messages import OutputReader, ServiceMessage, Stream
from octavo.server.domain.task_log import Entry
from octavo.server.engine.parts import EngineParts
from octavo.server.packages.delivery import PackageToDeliver, Upload, remote_path
from octavo.server.workers.retries import call_with_retries
from octavo.server.workers.script_client import Script
from octavo.server.workers.short_scripts import ShortScriptEnd, ShortScripts

log = logging.getLogger(__name__)

SMALLEST_DELTA_BYTES = 1_048_576  # smaller packages arrive sooner whole than two more scripts run


@dataclass(frozen=True, slots=True)
class AgentFiles:
    """The files of one agent. `version` is the script service that it speaks."""

    parts: EngineParts
    endpoint: Endpoint
    version: ServiceVersion

    async def bring(self, uploads: Sequence[Upload]) -> None:
        """See that all of them are there.

        Raises:
            HalibutError, AgentUnavailable: the machine did not take one.
            NotFound: the bytes of a package are gone.
        """
        here = await self._digests([path for upload in uploads for path in _paths_of(upload)])
        executor = uploads[0].remote_path  # the first upload is what the others need
        for upload in uploads:
            if here.get(upload.remote_path) == upload.sha1:
                continue
            if not await self._make_from_other_version(upload, here, executor):
                await self._send(upload.remote_path, upload.source, upload.size_bytes, upload.sha1)

    async def _digests(self, paths: Sequence[str]) -> Mapping[str, str]:
        """The SHA-1 of those files that are there."""
        checks = "".join(
            f'[ -f {shlex.quote(path)} ] && echo "{number} $(sha1sum <{shlex.quote(path)})"\n'
            for number, path in enumerate(paths)
        )
        end = await self._run(f'cd "$TentacleHome" && type -P sha1sum >/dev/null || exit 0\n{checks}exit 0\n')
        digests = {}
        for entry in end.entries:
            number, _, digest = entry.text.partition(" ")
            if number.isdigit() and int(number) < len(paths):
                digests[paths[int(number)]] = digest.split(" ")[0].lower()
        return digests

    async def _make_from_other_version(self, upload: Upload, here: Mapping[str, str], executor: str) -> bool:
        """Send what differs from a version that is there; whether that gave the package."""
        package = upload.package
        if package is None or package.size_bytes < SMALLEST_DELTA_BYTES:
            return False
        base = next((each for each in package.bases if here.get(remote_path(each)) == each.sha1), None)
        delta = await self.parts.deltas.get(base, package, is_octodiff=True) if base is not None else None
        if base is None or delta is None:
            return False
        path = f"{upload.remote_path}.{uuid4().hex[:8]}.delta"
        await self._send(path, delta.path, delta.size_bytes, delta.sha1)
        end = await self._run(_apply(executor, base, path, upload))
        made = _verification(end.entries)
        if (made.get("hash"), made.get("size")) == (upload.sha1, str(upload.size_bytes)):
            return True
        log.warning("a delta was not applied", extra={"package": upload.remote_path, "reason": made.get("error", "")})
        return False

    async def _send(self, path: str, source: Path, size_bytes: int, sha1: str) -> None:
        """Send a file, and check what arrived (services §11)."""
        service = self.parts.connections.runtime.call(FILE_TRANSFER_SERVICE, self.endpoint)
        stream = DataStream(source, size_bytes)
        result = await call_with_retries(lambda: service.upload_file(path, stream), self.parts.retries)
        if result.length != size_bytes or (result.hash or "").lower() != sha1:
            raise AgentUnavailable(
                f"{path} arrived damaged: {result.length} bytes with SHA-1 {result.hash}, expected {size_bytes} bytes "
                f"with {sha1}. Is the machine's disk full or failing?"
            )

    async def _run(self, body: str) -> ShortScriptEnd:
        client = self.parts.capabilities.client_for(self.endpoint, self.version)

        async def notify(text: str) -> None:
            log.info("an agent is asked again", extra={"reason": text})

        scripts = ShortScripts(client, self.endpoint, self.parts.retries, notify)
        return await scripts.run(Script(body, uuid4().hex), asyncio.Event())


def _paths_of(upload: Upload) -> list[str]:
    """Where the file belongs, and where other versions of its package would be."""
    bases = upload.package.bases if upload.package is not None else ()
    return [upload.remote_path, *(remote_path(base) for base in bases)]


def _apply(executor: str, base: PackageToDeliver, delta: str, upload: Upload) -> str:
    command = [
        *("apply-delta", "--basisFileName", remote_path(base), "--fileHash", base.sha1),
        *("--deltaFileName", delta, "--newFileName", Path(upload.remote_path).name),
    ]
    return (
        f'cd "$TentacleHome" || exit 0\npython3 {shlex.quote(executor)} {shlex.join(command)}\n'
        f"rm -f {shlex.quote(delta)}\nexit 0\n"
    )


def _verification(entries: Sequence[Entry]) -> Mapping[str, str]:
    """What the executor says of the package that it made."""
    reader = OutputReader()
    items = [item for entry in entries for item in reader.read_line(Stream.STDOUT, entry.text)]
    found = [item for item in items if isinstance(item, ServiceMessage) and item.name == "deltaVerification"]
    return found[-1].attributes if found else {}
