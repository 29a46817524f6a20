"""Received data streams on their way to disk, and sent ones from it: bounded memory, threads for the files.

Source: halibut.md §6; DESIGN §7 (whole blocks, aligned: a page is never written twice).
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from io import FileIO
from pathlib import Path
from typing import ParamSpec, TypeVar
from uuid import uuid4

from octavo.halibut.core.data_streams import DataStream

BLOCK_BYTES = 1024 * 1024  # one thread hop each; a multiple of the page size
WRITE_BYTES = 256 * 1024

P = ParamSpec("P")
T = TypeVar("T")


class Spool:
    """A folder for data streams under way. Whatever lies in it at start belonged to a process that died."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self) -> None:
        """Make the folder, private to us, and empty it of earlier streams."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self._folder.glob("*.stream"):
            left.unlink(missing_ok=True)

    def new_file(self) -> "SpoolFile":
        """A file for one data stream."""
        return SpoolFile(self._folder / f"{uuid4().hex}.stream")


class SpoolFile:
    """One data stream being received: `write` each piece, then `finish`, or `discard` when it breaks off."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: FileIO | None = None
        self._pending: list[bytes | memoryview] = []
        self._pending_bytes = 0

    async def write(self, data: bytes | memoryview) -> None:
        """Take a piece; it reaches the disk with its block."""
        self._pending.append(data)
        self._pending_bytes += len(data)
        if self._pending_bytes >= BLOCK_BYTES:
            await self._write_blocks()

    async def finish(self) -> Path:
        """Write the rest and close."""
        await _in_thread(self._write_and_close, self._pending)
        self._pending = []
        return self.path

    def discard(self) -> None:
        """Close and delete; safe at any time."""
        if self._file is not None:
            self._file.close()
        self.path.unlink(missing_ok=True)

    async def _write_blocks(self) -> None:
        """Write whole blocks and keep the rest, so that every write but the last starts and ends on a page."""
        surplus = self._pending_bytes % WRITE_BYTES
        last = memoryview(self._pending.pop())
        kept, written = last[len(last) - surplus :], last[: len(last) - surplus]
        ready = [*self._pending, written]
        self._pending, self._pending_bytes = ([kept] if surplus else []), surplus
        await _in_thread(self._write, ready)

    def _write(self, pieces: list[bytes | memoryview]) -> None:
        if self._file is None:
            self._file = self.path.open("xb", buffering=0)
        for at in range(0, len(pieces), _MOST_VECTORS):
            _write_all(self._file.fileno(), pieces[at : at + _MOST_VECTORS])

    def _write_and_close(self, pieces: list[bytes | memoryview]) -> None:
        self._write(pieces)
        if self._file is not None:
            self._file.close()


async def read_blocks(stream: DataStream) -> AsyncGenerator[memoryview, None]:
    """The bytes of a data stream to be sent, in blocks; ends early if the file has become shorter."""
    if isinstance(stream.source, bytes):
        view = memoryview(stream.source)
        for start in range(0, len(view), BLOCK_BYTES):
            yield view[start : start + BLOCK_BYTES]
        return
    file = await _in_thread(_open_to_read, stream.source)
    try:
        missing = stream.length
        while missing > 0:
            block = await _in_thread(file.read, min(BLOCK_BYTES, missing))
            if not block:
                return
            missing -= len(block)
            yield memoryview(block)
    finally:
        file.close()


async def _in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As `asyncio.to_thread`, but when cancelled the thread is awaited first: it must not use a file we close."""
    work = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise


def _open_to_read(path: Path) -> FileIO:
    return path.open("rb", buffering=0)


_MOST_VECTORS = 512  # the kernel takes at most 1024 (IOV_MAX)


def _write_all(descriptor: int, pieces: list[bytes | memoryview]) -> None:
    """`writev`, and again for what a full or interrupted write left over."""
    views = [memoryview(piece) for piece in pieces]
    while views:
        written = os.writev(descriptor, views)
        while views and written >= len(views[0]):
            written -= len(views.pop(0))
        if views:
            views[0] = views[0][written:]
