"""Octavo's delta: a new file as ranges of an old one, and what is in neither.

Layout, integers little-endian: the magic, an 8-byte count of pieces, the pieces (16 bytes each: offset in the old file
and length; the offset `NEW_BYTES` means the next bytes of the rest), then the rest as one zstd frame. The frame's
prefix is what no piece takes of the old file, when that is at most `LONGEST_PREFIX`: so a change of a few bytes in a
large piece costs a few bytes.

A delta is made by `octavo.server.packages.deltas` and applied here. Nothing in it is trusted: pieces are checked
against the old file and the promised size before anything is written, and whoever applies one checks the result's
digest. Source: DESIGN §5; docs/decisions/0084-deltas.md.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

MAGIC = b"OctavoDelta1\n"
NEW_BYTES = 2**64 - 1
LONGEST_PREFIX = 64 * 2**20
MOST_PIECES = 1_000_000
WINDOW_LOG = 27
COPY_BYTES = 1_048_576
_COUNT = struct.Struct("<Q")
_PIECE = struct.Struct("<QQ")


class DeltaRefused(Exception):
    """The delta is damaged, meant for another file, or cannot be read on this machine."""


class Readable(Protocol):
    """Where a delta comes from: a file, or an answer that is still coming in."""

    def read(self, size: int, /) -> bytes:
        """At most this many bytes; none at the end."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A range of the new file: of the old file from `offset` on, or, without one, of the rest."""

    length: int
    offset: int | None = None


def zstd_module() -> Any:
    """Python's zstd, wherever it lives; None where this Python has none."""
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]  # Python 3.14
    except ImportError:
        try:
            from backports import zstd
        except ImportError:
            return None
    return zstd


def header(pieces: Sequence[Piece]) -> bytes:
    """Everything of a delta that stands before its rest."""
    packed = (_PIECE.pack(NEW_BYTES if each.offset is None else each.offset, each.length) for each in pieces)
    return MAGIC + _COUNT.pack(len(pieces)) + b"".join(packed)


def prefix_ranges(pieces: Sequence[Piece], old_bytes: int) -> list[tuple[int, int]]:
    """What no piece takes of the old file, as (start, end); empty when that is too long to be a prefix."""
    taken = sorted((each.offset, each.offset + each.length) for each in pieces if each.offset is not None)
    free, position = [], 0
    for start, end in [*taken, (old_bytes, old_bytes)]:
        if start > position:
            free.append((position, start))
        position = max(position, end)
    return free if sum(end - start for start, end in free) <= LONGEST_PREFIX else []


def read_ranges(file: BinaryIO, ranges: Sequence[tuple[int, int]]) -> bytes:
    """These ranges of a file, one behind the other."""
    pieces = []
    for start, end in ranges:
        file.seek(start)
        pieces.append(file.read(end - start))
    return b"".join(pieces)


def apply_delta(delta: Readable, old: BinaryIO, new_bytes: int, write: Callable[[bytes], object]) -> None:
    """Write the new file of `new_bytes` that the delta makes of the old one.

    Raises:
        DeltaRefused: see above. What was written until then is of no use.
    """
    zstd = zstd_module()
    if zstd is None:
        raise DeltaRefused("this Python has no zstd")
    old_bytes = old.seek(0, 2)
    pieces = _read_pieces(delta, old_bytes, new_bytes)
    rest = _Rest(delta, zstd, read_ranges(old, prefix_ranges(pieces, old_bytes)))
    try:
        for piece in pieces:
            for chunk in rest.read(piece.length) if piece.offset is None else _range(old, piece.offset, piece.length):
                write(chunk)
        rest.end()
    except zstd.ZstdError as error:
        raise DeltaRefused(f"its rest is damaged: {error}") from error


def _read_pieces(delta: Readable, old_bytes: int, new_bytes: int) -> list[Piece]:
    if _exactly(delta, len(MAGIC)) != MAGIC:
        raise DeltaRefused("it is no delta that this version can read")
    (count,) = _COUNT.unpack(_exactly(delta, _COUNT.size))
    if count > MOST_PIECES:
        raise DeltaRefused(f"it has {count} pieces")
    packed = _exactly(delta, count * _PIECE.size)
    pieces = [Piece(length, None if offset == NEW_BYTES else offset) for offset, length in _PIECE.iter_unpack(packed)]
    total = sum(piece.length for piece in pieces)
    if total != new_bytes:
        raise DeltaRefused(f"it makes {total} bytes instead of {new_bytes}")
    if any(piece.offset is not None and piece.offset + piece.length > old_bytes for piece in pieces):
        raise DeltaRefused("it takes more of the old file than there is")
    return pieces


def _exactly(delta: Readable, size: int) -> bytes:
    chunks, missing = [], size
    while missing:
        chunk = delta.read(missing)
        if not chunk:
            raise DeltaRefused("it ends too early")
        chunks.append(chunk)
        missing -= len(chunk)
    return b"".join(chunks)


def _range(old: BinaryIO, offset: int, length: int) -> Iterator[bytes]:
    old.seek(offset)
    while length:
        chunk = old.read(min(COPY_BYTES, length))
        if not chunk:
            raise DeltaRefused("the old file became shorter")
        length -= len(chunk)
        yield chunk


class _Rest:
    """The bytes that are in no old file, as they come in."""

    def __init__(self, delta: Readable, zstd: Any, prefix: bytes) -> None:
        dictionary = zstd.ZstdDict(prefix, is_raw=True).as_prefix if len(prefix) >= 8 else None  # what zstd can use
        parameter = zstd.DecompressionParameter
        self._frame = zstd.ZstdDecompressor(zstd_dict=dictionary, options={parameter.window_log_max: WINDOW_LOG})
        self._delta = delta

    def read(self, size: int) -> Iterator[bytes]:
        """The next `size` bytes."""
        while size:
            chunk = self._some(min(COPY_BYTES, size))
            if not chunk:
                raise DeltaRefused("it ends too early")
            size -= len(chunk)
            yield chunk

    def end(self) -> None:
        """See that nothing is left over."""
        if self._some(1) or not self._frame.eof or self._frame.unused_data or self._delta.read(1):
            raise DeltaRefused("it goes on behind its end")

    def _some(self, most: int) -> bytes:
        while not self._frame.eof:
            data = self._delta.read(COPY_BYTES) if self._frame.needs_input else b""
            is_over = self._frame.needs_input and not data
            chunk: bytes = self._frame.decompress(data, max_length=most)
            if chunk or is_over:
                return chunk
        return b""
