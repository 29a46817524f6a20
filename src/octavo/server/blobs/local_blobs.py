"""Blobs in a folder. Each is written beside its place, flushed to disk and moved in: it is there wholly or not at all.

The folders fan out by two hex digits of the name's hash, so that none grows to millions of entries.
"""

import asyncio
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from octavo.server.blobs.blob_store import CHUNK_BYTES, BlobsUnavailable, blob_name, no_such_blob

_INCOMING = "incoming"  # on the same file system, so that moving is atomic
_UNAVAILABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR})
#: Another file system, one that has no links, or too many of them.
_NOT_LINKED = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP})


class LocalBlobs:
    """Blobs under one folder, which no other program writes to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put_file(self, name: str, source: Path) -> None:
        """Link the file in where it lies on the same file system, else copy it."""
        if not await asyncio.to_thread(self._link, name, source):
            await asyncio.to_thread(self._put, name, self._copier(source))

    async def put_bytes(self, name: str, data: bytes) -> None:
        """Write the bytes."""

        def write(target: BinaryIO) -> None:
            target.write(data)

        await asyncio.to_thread(self._put, name, write)

    async def size(self, name: str) -> int | None:
        """The file's length."""
        try:
            return (await asyncio.to_thread(self._path(name).stat)).st_size
        except FileNotFoundError:
            return None

    async def read(self, name: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The file's bytes, a chunk a thread hop."""
        path = self._path(name)
        try:
            file = await asyncio.to_thread(path.open, "rb", buffering=0)
        except FileNotFoundError as error:
            raise no_such_blob(name) from error
        with file:
            file.seek(start)
            left = length
            while left is None or left > 0:
                chunk = await asyncio.to_thread(file.read, CHUNK_BYTES if left is None else min(CHUNK_BYTES, left))
                if not chunk:
                    return
                left = None if left is None else left - len(chunk)
                yield chunk

    async def delete(self, name: str) -> None:
        """Remove the file; its folders stay."""
        path = self._path(name)
        with _failures(name), suppress(FileNotFoundError):
            await asyncio.to_thread(path.unlink)

    async def local_path(self, name: str) -> Path | None:
        """The file itself."""
        path = self._path(name)
        return path if await asyncio.to_thread(path.is_file) else None

    async def presigned_url(self, name: str, seconds: int) -> str | None:  # noqa: ARG002 - the seam's signature
        """None: a folder has no URLs."""
        blob_name(name)
        return None

    async def close(self) -> None:
        """Nothing is held open."""

    def _path(self, name: str) -> Path:
        folder, _, rest = blob_name(name).partition("/")
        fan = hashlib.sha256(rest.encode()).hexdigest()[:2]
        return self._folder / folder / fan / rest

    def _link(self, name: str, source: Path) -> bool:
        """Make the blob a second name of the file: no byte is copied. False where that cannot be."""
        path = self._path(name)
        with _failures(name), source.open("rb") as file:
            os.fsync(file.fileno())
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                path.hardlink_to(source)
            except FileExistsError:
                return True
            except OSError as error:
                if error.errno in _NOT_LINKED:
                    return False
                raise
            _flush_folder(path.parent)
            return True

    @staticmethod
    def _copier(source: Path) -> Callable[[BinaryIO], None]:
        def copy(target: BinaryIO) -> None:
            with source.open("rb") as file:
                shutil.copyfileobj(file, target, CHUNK_BYTES)

        return copy

    def _put(self, name: str, write: Callable[[BinaryIO], None]) -> None:
        path = self._path(name)
        if path.exists():
            return
        with _failures(name):
            incoming = self._folder / _INCOMING
            incoming.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=incoming)
            try:
                with os.fdopen(handle, "wb") as target:
                    write(target)
                    target.flush()
                    os.fsync(target.fileno())
                path.parent.mkdir(parents=True, exist_ok=True)
                os.replace(temporary, path)  # noqa: PTH105 - a racing writer of the same name wrote the same bytes
                _flush_folder(path.parent)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise


@contextmanager
def _failures(name: str) -> Iterator[None]:
    """A full or broken disk is for the operator; other errors are faults of ours."""
    try:
        yield
    except OSError as error:
        if error.errno not in _UNAVAILABLE:
            raise
        raise BlobsUnavailable(f"The file {name} cannot be stored: {error.strerror}.") from error


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
