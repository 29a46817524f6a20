"""The seam: where bytes too large for the database live (packages, artifacts, old logs).

A blob never changes: its name says what it is (`packages/<sha256>`), so that writing it twice is harmless.
"""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

from octavo.base.errors import NotFound, OctavoError

CHUNK_BYTES = 1_048_576  # what `read` yields at a time, at most

_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}(/[A-Za-z0-9_][A-Za-z0-9._+-]{0,199}){1,4}")


class BlobsUnavailable(OctavoError):
    """The place where blobs live cannot be reached or is full; trying again later may succeed."""


class BlobStore(Protocol):
    """All methods may be used from many coroutines and many nodes at once; each is safe to repeat.

    A name that `blob_name` would refuse raises ValueError everywhere: names are ours, never a user's text.
    """

    async def put_file(self, name: str, source: Path) -> None:
        """Store the file: wholly, or not at all. A name that is there already is left alone.

        The caller may delete the file afterwards, but must not change it: it may be the blob's second name.

        Raises:
            BlobsUnavailable: no room, or no answer.
        """

    async def put_bytes(self, name: str, data: bytes) -> None:
        """As `put_file`, for a few bytes."""

    async def size(self, name: str) -> int | None:
        """The length in bytes; None when there is no such blob."""

    def read(self, name: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start`, at most `length`, in chunks of at most `CHUNK_BYTES`.

        Raises:
            NotFound: there is no such blob.
        """

    async def delete(self, name: str) -> None:
        """Remove it; nothing happens when it is not there."""

    async def local_path(self, name: str) -> Path | None:
        """The blob as a file to read, where blobs are files; None when they are not, or there is no such blob."""

    async def presigned_url(self, name: str, seconds: int) -> str | None:
        """A URL that lets its bearer read this blob for a while; None where there are no such URLs."""

    async def close(self) -> None:
        """Let go of connections."""


def blob_name(name: str) -> str:
    """The name, if it is `folder/name` (up to five parts, no dots at the start of one).

    Raises:
        ValueError: it is not.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a blob name: use folder/name with letters, digits and _ . + -.")
    return name


def no_such_blob(name: str) -> NotFound:
    """The error for a blob that is not there."""
    return NotFound(f"The stored file {name} is missing.")
