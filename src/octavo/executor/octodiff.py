"""Octodiff's signatures and deltas, byte for byte, for agents and clients that speak no other.

Nothing read is trusted: damage is refused, lengths are checked before anything is read or written, and the result of a
delta is compared with the SHA-1 that the delta names. Source: script-execution.md §6.
"""

import hashlib
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import BinaryIO

CHUNK_BYTES = 2048
SMALLEST_CHUNK, LARGEST_CHUNK = 128, 31_744
COPY_BYTES = 1_048_576

_SIGNATURE, _DELTA, _VERSION, _END = b"OCTOSIG", b"OCTODELTA", b"\x01", b">>>"
_COPY, _DATA = 0x60, 0x80
_CHUNK = struct.Struct("<HI20s")
_RANGE = struct.Struct("<qq")
_LENGTH = struct.Struct("<q")
_MODULI = {"Adler32": 65_536, "Adler32V2": 65_521}


class OctodiffRefused(Exception):
    """The signature or delta is damaged, or belongs to another file."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of the old file: where it is, its checksum that can be rolled on, its SHA-1."""

    offset: int
    length: int
    checksum: int
    sha1: bytes


@dataclass(frozen=True, slots=True)
class Signature:
    """What a delta can be built from without the old file."""

    rolling: str
    chunks: tuple[Chunk, ...]


def checksum(data: bytes, rolling: str = "Adler32") -> int:
    """The checksum of a chunk."""
    if rolling == "Adler32V2":
        return zlib.adler32(data)
    low = (1 + sum(data)) % 65_536
    high = (len(data) + sum(accumulate(data))) % 65_536
    return high << 16 | low


# ---- Signatures ------------------------------------------------------------------------------------------------------


def write_signature(old: BinaryIO, target: BinaryIO, chunk_bytes: int = CHUNK_BYTES, rolling: str = "Adler32") -> None:
    """Write the signature of a file, read from where it stands."""
    if not SMALLEST_CHUNK <= chunk_bytes <= LARGEST_CHUNK:
        raise ValueError(f"A chunk has {SMALLEST_CHUNK} to {LARGEST_CHUNK} bytes, not {chunk_bytes}.")
    target.write(_SIGNATURE + _VERSION + _text("SHA1") + _text(rolling) + _END)
    while chunk := old.read(chunk_bytes):
        target.write(_CHUNK.pack(len(chunk), checksum(chunk, rolling), _sha1(chunk)))


def read_signature(source: BinaryIO) -> Signature:
    """The signature.

    Raises:
        OctodiffRefused: it is none, or damaged.
    """
    _expect(source, _SIGNATURE + _VERSION)
    _expect(source, _text("SHA1"))
    rolling = _read_text(source)
    if rolling not in _MODULI:
        raise OctodiffRefused(f"its rolling checksum {rolling!r} is not known")
    _expect(source, _END)
    body = source.read()
    if len(body) % _CHUNK.size:
        raise OctodiffRefused("it ends in the middle of a chunk")
    chunks, offset = [], 0
    for length, rolled, sha1 in _CHUNK.iter_unpack(body):
        if not 0 < length <= LARGEST_CHUNK:
            raise OctodiffRefused(f"it has a chunk of {length} bytes")
        chunks.append(Chunk(offset, length, rolled, sha1))
        offset += length
    return Signature(rolling, tuple(chunks))


# ---- Deltas ----------------------------------------------------------------------------------------------------------


def write_delta(signature: Signature, new: BinaryIO, target: BinaryIO) -> None:
    """Write the delta that turns the signature's file into the new one, which must be seekable.

    Slides a window over the new file byte by byte: for files of tens of megabytes at most.
    """
    new.seek(0)
    data = new.read()
    write_delta_of_pieces(_pieces(signature, data), new, target)


def write_delta_of_pieces(pieces: Iterable[tuple[int | None, int]], new: BinaryIO, target: BinaryIO) -> None:
    """Write the delta of these pieces of the new file: the offset in the old one, or None, and the length of each."""
    new.seek(0)
    digest = hashlib.file_digest(new, _new_sha1).digest()  # type: ignore[arg-type]  # every real file has readinto
    target.write(_DELTA + _VERSION + _text("SHA1") + struct.pack("<i", len(digest)) + digest + _END)
    position = 0
    for offset, length in pieces:
        if offset is not None:
            target.write(bytes([_COPY]) + _RANGE.pack(offset, length))
        else:
            target.write(bytes([_DATA]) + _LENGTH.pack(length))
            new.seek(position)
            missing = length
            while missing:
                chunk = new.read(min(COPY_BYTES, missing))
                missing -= len(chunk)
                target.write(chunk)
        position += length


def apply_delta(old: BinaryIO, delta: BinaryIO, new: BinaryIO, most_bytes: int | None = None) -> bytes:
    """Write the new file; its SHA-1.

    Raises:
        OctodiffRefused: the delta is damaged, makes more than `most_bytes`, or another file than it says.
    """
    _expect(delta, _DELTA + _VERSION)
    _expect(delta, _text("SHA1"))
    (length,) = struct.unpack("<i", _exactly(delta, 4))
    if length != hashlib.sha1(usedforsecurity=False).digest_size:
        raise OctodiffRefused("its digest has the wrong length")
    expected = _exactly(delta, length)
    _expect(delta, _END)
    digest, written = _new_sha1(), 0
    for chunk in _commands(old, delta):
        written += len(chunk)
        if most_bytes is not None and written > most_bytes:
            raise OctodiffRefused(f"it makes more than {most_bytes} bytes")
        new.write(chunk)
        digest.update(chunk)
    if digest.digest() != expected:
        raise OctodiffRefused("what it makes of this file is not what it was made for")
    return expected


def _commands(old: BinaryIO, delta: BinaryIO) -> Iterator[bytes]:
    """The bytes of the new file, as the commands give them."""
    old_bytes = old.seek(0, 2)
    while command := delta.read(1):
        if command[0] == _COPY:
            offset, length = _RANGE.unpack(_exactly(delta, _RANGE.size))
            if offset < 0 or length < 0 or offset + length > old_bytes:
                raise OctodiffRefused("it copies what the old file does not have")
            old.seek(offset)
            source = old
        elif command[0] == _DATA:
            (length,) = _LENGTH.unpack(_exactly(delta, _LENGTH.size))
            if length < 0:
                raise OctodiffRefused("it has data of a negative length")
            source = delta
        else:
            raise OctodiffRefused(f"its command {command[0]:#x} is not known")
        while length:
            chunk = source.read(min(COPY_BYTES, length))
            if not chunk:
                raise OctodiffRefused("it ends too early")
            length -= len(chunk)
            yield chunk


def _pieces(signature: Signature, data: bytes) -> Iterator[tuple[int | None, int]]:
    """What the data is made of, neighbouring chunks joined."""
    copy: tuple[int, int] | None = None
    start = 0  # of the bytes that are in no chunk
    for position, chunk in [*_matches(signature, data), (len(data), None)]:
        if copy is not None and (chunk is None or position > start or sum(copy) != chunk.offset):
            yield copy
            copy = None
        if position > start:
            yield None, position - start
        if chunk is not None:
            copy = (copy[0], copy[1] + chunk.length) if copy is not None else (chunk.offset, chunk.length)
            start = position + chunk.length


def _matches(signature: Signature, data: bytes) -> Iterator[tuple[int, Chunk]]:
    """Where chunks of the old file stand in the new one, from its start on, without overlaps."""
    by_checksum: dict[int, list[Chunk]] = {}
    for chunk in signature.chunks:
        by_checksum.setdefault(chunk.checksum, []).append(chunk)
    lengths = sorted({chunk.length for chunk in signature.chunks}, reverse=True)
    if not lengths:
        return
    window, modulus, last = lengths[0], _MODULI[signature.rolling], signature.chunks[-1]
    position, high, low = 0, -1, 0
    while position + window <= len(data):
        if high < 0:
            rolled = checksum(data[position : position + window], signature.rolling)
            high, low = rolled >> 16, rolled & 0xFFFF
        found = _same(by_checksum.get(high << 16 | low), data, position, window)
        if found is not None:
            yield position, found
            position, high = position + window, -1
            continue
        if position + window < len(data):
            gone, come = data[position], data[position + window]
            low = (low - gone + come) % modulus
            high = (high - window * gone + low - 1) % modulus
        position += 1
    tail = len(data) - last.length
    if last.length < window and tail >= position and _sha1(data[tail:]) == last.sha1:
        yield tail, last


def _same(candidates: list[Chunk] | None, data: bytes, position: int, window: int) -> Chunk | None:
    if candidates is None:
        return None
    sha1 = _sha1(data[position : position + window])
    return next((chunk for chunk in candidates if chunk.length == window and chunk.sha1 == sha1), None)


# ---- Small parts -----------------------------------------------------------------------------------------------------


def _new_sha1() -> "hashlib._Hash":
    return hashlib.sha1(usedforsecurity=False)


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


def _text(text: str) -> bytes:
    encoded = text.encode("utf-8")
    return bytes([len(encoded)]) + encoded  # our texts are short: one byte holds their length


def _read_text(source: BinaryIO) -> str:
    (length,) = _exactly(source, 1)
    if length > 0x7F:
        raise OctodiffRefused("it has a name that is too long")
    return _exactly(source, length).decode("utf-8", "replace")


def _expect(source: BinaryIO, wanted: bytes) -> None:
    if _exactly(source, len(wanted)) != wanted:
        raise OctodiffRefused("it does not begin as one of these begins")


def _exactly(source: BinaryIO, size: int) -> bytes:
    data = source.read(size)
    if len(data) != size:
        raise OctodiffRefused("it ends too early")
    return data
