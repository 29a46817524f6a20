"""Makes deltas between two stored packages, and keeps them for a while: many workers ask for the same one.

Both files are cut where their content says so (FastCDC), so that an insertion moves no later cut. Chunks that both
have are copied from the old file; the rest travels, compressed against what was not copied. Memory stays bounded: the
lists of chunks, and at most `LONGEST_PREFIX` of each file. Source: docs/decisions/0084-deltas.md.
"""

import asyncio
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from backports import zstd
from pyfastcdc import FastCDC

from octavo.executor.delta import COPY_BYTES, WINDOW_LOG, Piece, header, prefix_ranges, read_ranges
from octavo.executor.octodiff import write_delta_of_pieces
from octavo.server.blobs import BlobStore
from octavo.server.packages.local_copies import LocalCopies

CHUNK_BYTES = (
    16_384  # on average, for files up to 1 GiB; larger files get larger chunks, so that their list stays short
)
MOST_BYTES = 8 * 2**30  # making a delta of larger files takes longer than a worker waits for an answer
WORTHWHILE = 0.8  # a delta larger than this share of its package is not used
COMPRESSION_LEVEL = 3
_OCTODIFF = ".octodiff"


@dataclass(frozen=True, slots=True)
class DeltaFile:
    """A delta that lies in a file of ours."""

    path: Path
    size_bytes: int
    sha1: str


class StoredFile(Protocol):
    """What must be known of a package to make deltas of it."""

    @property
    def sha256(self) -> str:
        """Its digest."""

    @property
    def blob_name(self) -> str:
        """Where its bytes are."""

    @property
    def size_bytes(self) -> int:
        """Its length."""


class Deltas:
    """The deltas of one node, in `folder`, the least recently used removed above `most_bytes`."""

    def __init__(self, blobs: BlobStore, folder: Path, most_bytes: int = 4 * 2**30) -> None:
        self._copies = LocalCopies(blobs, folder / "packages")
        self._folder = folder / "deltas"
        self._most_bytes = most_bytes
        self._making: dict[str, asyncio.Task[DeltaFile | None]] = {}

    async def get(self, old: StoredFile, new: StoredFile, *, is_octodiff: bool = False) -> DeltaFile | None:
        """The delta from one package to the other; None when it is not worth it. Made once, however many ask.

        Raises:
            NotFound: the bytes of one are gone.
        """
        name = f"{old.sha256}-{new.sha256}{_OCTODIFF if is_octodiff else ''}"
        task = self._making.get(name)
        if task is None:
            task = asyncio.create_task(self._get(old, new, name))
            self._making[name] = task
            task.add_done_callback(lambda _: self._making.pop(name, None))
        return await asyncio.shield(task)

    async def _get(self, old: StoredFile, new: StoredFile, name: str) -> DeltaFile | None:
        if old.size_bytes > MOST_BYTES or new.size_bytes > MOST_BYTES:
            return None
        old_file = await self._copies.get(old.blob_name, old.sha256)
        new_file = await self._copies.get(new.blob_name, new.sha256)
        return await asyncio.to_thread(self._find_or_make, old_file, new_file, name)

    def _find_or_make(self, old: Path, new: Path, name: str) -> DeltaFile | None:
        place = self._folder / name
        if not place.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            partial = self._folder / f"{secrets.token_hex(8)}.partial"
            try:
                with open(old, "rb") as old_file, open(new, "rb") as new_file, open(partial, "xb") as target:
                    make = make_octodiff if name.endswith(_OCTODIFF) else make_delta
                    if not make(old_file, new_file, target):
                        target.truncate(0)  # an empty file: known not to be worth it
                partial.rename(place)
                self._make_room(place)
            finally:
                partial.unlink(missing_ok=True)
        os.utime(place)
        with open(place, "rb") as file:
            sha1 = hashlib.file_digest(file, "sha1").hexdigest()
        size_bytes = place.stat().st_size
        return DeltaFile(place, size_bytes, sha1) if size_bytes else None

    def _make_room(self, kept: Path) -> None:
        files = sorted(((file.stat(), file) for file in self._folder.iterdir()), key=lambda each: each[0].st_mtime)
        total = sum(stat.st_size for stat, _ in files)
        for stat, file in files:
            if total > self._most_bytes and file != kept:
                with suppress(FileNotFoundError):
                    file.unlink()
                total -= stat.st_size


def make_delta(old: BinaryIO, new: BinaryIO, target: BinaryIO) -> bool:
    """Write the delta from `old` to `new`; False, and nothing usable written, when it is not worth it."""
    pieces = find_pieces(old, new)
    new_bytes = sum(piece.length for piece in pieces)
    prefix = read_ranges(old, prefix_ranges(pieces, old.seek(0, 2)))
    if not prefix and sum(piece.length for piece in pieces if piece.offset is None) > WORTHWHILE * new_bytes:
        return False
    target.write(header(pieces))
    parameter = zstd.CompressionParameter
    compressor = zstd.ZstdCompressor(
        options={
            parameter.compression_level: COMPRESSION_LEVEL,
            parameter.window_log: WINDOW_LOG,
            parameter.enable_long_distance_matching: 1,
        },
        zstd_dict=zstd.ZstdDict(prefix, is_raw=True).as_prefix if len(prefix) >= 8 else None,
    )
    for chunk in _new_bytes(pieces, new):
        target.write(compressor.compress(chunk))
    target.write(compressor.flush())
    return target.tell() <= WORTHWHILE * new_bytes


def make_octodiff(old: BinaryIO, new: BinaryIO, target: BinaryIO) -> bool:
    """The same in Octodiff's format."""
    pieces = find_pieces(old, new)
    write_delta_of_pieces(((piece.offset, piece.length) for piece in pieces), new, target)
    return target.tell() <= WORTHWHILE * sum(piece.length for piece in pieces)


def find_pieces(old: BinaryIO, new: BinaryIO) -> list[Piece]:
    """What the new file is made of, neighbouring pieces joined."""
    size = max(old.seek(0, 2), new.seek(0, 2))
    chunk_bytes = CHUNK_BYTES << (size >> 30).bit_length()
    known: dict[bytes, int] = {}
    for start, _, digest in _chunks(old, chunk_bytes):
        known.setdefault(digest, start)
    pieces: list[Piece] = []
    for _, length, digest in _chunks(new, chunk_bytes):
        offset, last = known.get(digest), pieces[-1] if pieces else None
        if last is not None and last.offset is None and offset is None:
            pieces[-1] = Piece(last.length + length)
        elif last is not None and last.offset is not None and offset == last.offset + last.length:
            pieces[-1] = Piece(last.length + length, last.offset)
        else:
            pieces.append(Piece(length, offset))
    return pieces


def _chunks(file: BinaryIO, chunk_bytes: int) -> Iterator[tuple[int, int, bytes]]:
    """The chunks of a file: offset, length, SHA-256. The same bytes give the same cuts, wherever they stand."""
    file.seek(0)
    cutter = FastCDC(avg_size=chunk_bytes, min_size=chunk_bytes // 4, max_size=chunk_bytes * 4)
    for chunk in cutter.cut_stream(file):
        yield chunk.offset, chunk.length, hashlib.sha256(chunk.data).digest()


def _new_bytes(pieces: list[Piece], new: BinaryIO) -> Iterator[bytes]:
    position = 0
    for piece in pieces:
        if piece.offset is None:
            new.seek(position)
            missing = piece.length
            while missing:
                chunk = new.read(min(COPY_BYTES, missing))
                missing -= len(chunk)
                yield chunk
        position += piece.length
