"""Stored packages as files of this node: where blobs are files, themselves; elsewhere copies, by their digest."""

import asyncio
import os
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from octavo.server.blobs import BlobStore

UNUSED_SECONDS = 3600  # an older copy surely is in nobody's hands


@dataclass(frozen=True, slots=True)
class LocalCopies:
    """The copies in `folder`; those that were not asked for longest are removed above `most_bytes`."""

    blobs: BlobStore
    folder: Path
    most_bytes: int = 20 * 2**30

    async def get(self, blob_name: str, sha256: str) -> Path:
        """A file with the blob's bytes.

        Raises:
            NotFound: there is no such blob.
        """
        return await self.blobs.local_path(blob_name) or await self._copied(blob_name, sha256)

    async def _copied(self, blob_name: str, sha256: str) -> Path:
        path = self.folder / sha256
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            await asyncio.to_thread(self._make_room)
            with tempfile.NamedTemporaryFile(dir=self.folder) as file:
                async for chunk in self.blobs.read(blob_name):
                    await asyncio.to_thread(file.write, chunk)
                file.flush()
                with suppress(FileExistsError):  # another step was faster; the same digest, the same bytes
                    os.link(file.name, path)
        os.utime(path)
        return path

    def _make_room(self) -> None:
        files = sorted(
            ((file.stat(), file) for file in self.folder.iterdir() if file.is_file()), key=lambda each: each[0].st_mtime
        )
        total = sum(stat.st_size for stat, _ in files)
        for stat, file in files:
            if total > self.most_bytes and time.time() - stat.st_mtime > UNUSED_SECONDS:
                file.unlink(missing_ok=True)
                total -= stat.st_size
