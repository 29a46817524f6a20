"""`IFileTransferService`: whole files to and from any place the agent may reach. Source: tentacle-services.md §11."""

import asyncio
import hashlib
import os
import shutil
import uuid
from pathlib import Path

from octavo.agent.jobs.disk_space import ensure_disk_space
from octavo.contracts.file_transfer import UploadResult
from octavo.halibut import DataStream, Long


class FileTransfer:
    """Stores and fetches files; relative paths are below the agent's home."""

    def __init__(self, home: Path) -> None:
        self._home = home

    async def upload_file(self, remote_path: str, upload: DataStream | None) -> UploadResult:
        """Store the stream, replacing a file of that name.

        Raises:
            OSError: no room, or the place cannot be written.
        """
        return await asyncio.to_thread(self._store, remote_path, upload)

    async def download_file(self, remote_path: str) -> DataStream | None:
        """The file as it is now; None when there is none.

        Raises:
            OSError: it cannot be read.
        """
        return await asyncio.to_thread(self._open, remote_path)

    def _store(self, remote_path: str, upload: DataStream | None) -> UploadResult:
        path = self._resolve(remote_path)
        if upload is None:
            return UploadResult(str(path), None, Long(0))
        path.parent.mkdir(parents=True, exist_ok=True)
        ensure_disk_space(path.parent, upload.length)
        digest = _take(upload, path)
        return UploadResult(str(path), digest, Long(path.stat().st_size))

    def _open(self, remote_path: str) -> DataStream | None:
        path = self._resolve(remote_path)
        if not path.exists():
            return None
        with path.open("rb") as file:
            file.read(1)
        return DataStream.from_file(path)

    def _resolve(self, remote_path: str) -> Path:
        return Path(os.path.normpath(self._home / remote_path.replace("\\", "/")))


def _take(upload: DataStream, path: Path) -> str:
    """Put the stream's bytes in place at once, never half of them. Returns their SHA-1."""
    temporary = path.with_name(f".{uuid.uuid4().hex}.upload")
    try:
        if isinstance(upload.source, bytes):
            temporary.write_bytes(upload.source)
        else:
            shutil.move(upload.source, temporary)
        with temporary.open("rb") as file:
            digest = hashlib.file_digest(file, "sha1").hexdigest()
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return digest
