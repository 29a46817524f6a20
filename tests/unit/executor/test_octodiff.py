"""Octodiff's files, against the bytes that the reference writes (script-execution 80 and 81)."""

import hashlib
import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.executor.octodiff import (
    LARGEST_CHUNK,
    SMALLEST_CHUNK,
    OctodiffRefused,
    apply_delta,
    checksum,
    read_signature,
    write_delta,
    write_signature,
)

BASIS = bytes((7 * place + place // 256) % 256 for place in range(5000))
NEW = BASIS[:3000] + b"INSERTED" + BASIS[3000:]


def signature_of(old: bytes, chunk_bytes: int = 2048, rolling: str = "Adler32") -> bytes:
    target = io.BytesIO()
    write_signature(io.BytesIO(old), target, chunk_bytes, rolling)
    return target.getvalue()


def delta_of(old: bytes, new: bytes, chunk_bytes: int = 2048, rolling: str = "Adler32") -> bytes:
    target = io.BytesIO()
    write_delta(read_signature(io.BytesIO(signature_of(old, chunk_bytes, rolling))), io.BytesIO(new), target)
    return target.getvalue()


def applied(old: bytes, delta: bytes, most_bytes: int | None = None) -> bytes:
    target = io.BytesIO()
    apply_delta(io.BytesIO(old), io.BytesIO(delta), target, most_bytes)
    return target.getvalue()


def sha1(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


def test_the_vectors_are_those_of_the_reference() -> None:
    assert sha1(BASIS) == "d24a12e5f523e404dad2296f9023bd868e2b1e1e"
    assert sha1(NEW) == "6b48169d6e5f8d96114d43cd948da9adb3415893"


def test_the_signature_is_that_of_the_reference() -> None:
    signature = signature_of(BASIS)

    assert signature.hex().startswith("4f43544f5349470104534841310741646c657233323e3e3e000801fc003694b4923b")
    assert (len(signature), sha1(signature)) == (102, "9cb6f07661b942569048c0f6a2c36d05599bd23b")
    assert len(signature_of(b"")) == 24  # the 28 of §6.1 does not agree with the 102 of §6.5: three chunks are 78


def test_the_delta_is_that_of_the_reference() -> None:
    delta = delta_of(BASIS, NEW)

    assert (len(delta), sha1(delta)) == (2141, "57aa8f74f4910fa4f8a9a4cd75d01f403087619c")
    assert applied(BASIS, delta) == NEW


def test_a_file_that_did_not_change_is_one_copy() -> None:
    header_bytes = len(delta_of(b"", b""))

    assert len(delta_of(BASIS, BASIS)) == header_bytes + 17


@pytest.mark.parametrize(
    ("data", "rolling", "expected"),
    [
        (b"Wikipedia", "Adler32", 0x11E60398),
        (b"Wikipedia", "Adler32V2", 0x11E60398),
        (b"\xff" * 2048, "Adler32", 0x0400F801),
        (b"\xff" * 2048, "Adler32V2", 0xE26BF86A),
    ],
)
def test_the_checksums_are_those_of_the_reference(data: bytes, rolling: str, expected: int) -> None:
    assert checksum(data, rolling) == expected


@given(
    old=st.binary(max_size=3000),
    edits=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 300), st.binary(max_size=300)), max_size=4),
    chunk_bytes=st.sampled_from([SMALLEST_CHUNK, 500, 2048, LARGEST_CHUNK]),
    rolling=st.sampled_from(["Adler32", "Adler32V2"]),
)
def test_whatever_was_changed_the_new_file_comes_out(
    old: bytes, edits: list[tuple[int, int, bytes]], chunk_bytes: int, rolling: str
) -> None:
    new = bytearray(old)
    for position, removed, added in edits:
        new[position : position + removed] = added

    assert applied(old, delta_of(old, bytes(new), chunk_bytes, rolling)) == new


def test_chunks_that_moved_are_found() -> None:
    old = random.Random(4).randbytes(20_000)

    delta = delta_of(old, b"in front" + old[10_000:] + old[:10_000], chunk_bytes=128)

    assert len(delta) < 600


def test_damage_at_any_byte_is_detected_or_gives_the_right_file() -> None:
    delta = delta_of(BASIS, NEW)
    for position in range(len(delta)):
        damaged = delta[:position] + bytes([delta[position] ^ 0x41]) + delta[position + 1 :]
        with pytest.raises(OctodiffRefused):
            applied(BASIS, damaged)
    for kept in range(len(delta)):
        with pytest.raises(OctodiffRefused):
            applied(BASIS, delta[:kept])


def test_a_delta_for_another_file_is_refused() -> None:
    with pytest.raises(OctodiffRefused, match="not what it was made for"):
        applied(b"x" * 5000, delta_of(BASIS, NEW))


def test_a_delta_makes_no_more_than_it_may() -> None:
    with pytest.raises(OctodiffRefused, match="more than 100 bytes"):
        applied(BASIS, delta_of(BASIS, NEW), most_bytes=100)


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        b"OCTOSIG\x02",
        signature_of(BASIS)[:-1],
        signature_of(BASIS).replace(b"Adler32", b"Adler99"),
        signature_of(BASIS).replace(b"SHA1", b"SHA2"),
        signature_of(b"") + bytes(26),
    ],
)
def test_a_damaged_signature_is_refused(signature: bytes) -> None:
    with pytest.raises(OctodiffRefused):
        read_signature(io.BytesIO(signature))
