"""Takes a file from the network to a temporary file of ours, measuring it in the same pass. Memory stays bounded.

The caller owns the file: `async with receive(…) as received` deletes it at the end unless it was moved.
"""

import asyncio
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from octavo.base.errors import Invalid

BATCH_BYTES = 1_048_576  # the network hands out 64 KiB; a thread hop is worth a megabyte
MOST_BYTES = 20 * 2**30


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file that has arrived."""

    path: Path
    size_bytes: int
    sha1: str
    sha256: str


@asynccontextmanager
async def receive(
    chunks: AsyncIterator[bytes], spool: Path, most_bytes: int = MOST_BYTES
) -> AsyncIterator[ReceivedFile]:
    """The file that the chunks make up, while the block runs.

    Raises:
        Invalid: it is larger than `most_bytes`.
    """
    await asyncio.to_thread(spool.mkdir, parents=True, exist_ok=True)
    handle, name = await asyncio.to_thread(tempfile.mkstemp, dir=spool)
    path = Path(name)
    try:
        with os.fdopen(handle, "wb", buffering=0) as file:
            measured = _Measured(file, most_bytes)
            await _pump(chunks, measured)
        yield ReceivedFile(path, measured.size_bytes, measured.sha1.hexdigest(), measured.sha256.hexdigest())
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)


async def _pump(chunks: AsyncIterator[bytes], measured: "_Measured") -> None:
    """Write a batch in a thread while the next one arrives."""
    loop = asyncio.get_running_loop()
    writing: asyncio.Future[None] | None = None
    batch: list[bytes] = []
    size = 0
    try:
        async for chunk in chunks:
            batch.append(chunk)
            size += len(chunk)
            if size >= BATCH_BYTES:
                if writing is not None:
                    await writing
                writing = loop.run_in_executor(None, measured.write, batch)
                batch, size = [], 0
    finally:
        if writing is not None:  # also when cancelled: the thread must be done with the file before it is closed
            await writing
    await asyncio.to_thread(measured.write, batch)


class _Measured:
    """Writes to a file and knows its size and digests."""

    def __init__(self, file: BinaryIO, most_bytes: int) -> None:
        self._file = file
        self._most_bytes = most_bytes
        self.size_bytes = 0
        self.sha1 = hashlib.sha1(usedforsecurity=False)
        self.sha256 = hashlib.sha256()

    def write(self, batch: list[bytes]) -> None:
        data = b"".join(batch)
        self.size_bytes += len(data)
        if self.size_bytes > self._most_bytes:
            raise Invalid(f"The file is larger than {self._most_bytes} bytes, the most this server takes.")
        self.sha1.update(data)
        self.sha256.update(data)
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]
