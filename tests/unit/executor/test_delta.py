"""Deltas: what the server makes, the worker applies, and nothing that is damaged passes for a file."""

import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.executor.delta import MAGIC, NEW_BYTES, DeltaRefused, Piece, apply_delta, header
from octavo.server.packages.deltas import find_pieces, make_delta

_RANDOM = random.Random(7)
OLD = _RANDOM.randbytes(2_000_000)


def delta_between(old: bytes, new: bytes) -> bytes | None:
    target = io.BytesIO()
    return target.getvalue() if make_delta(io.BytesIO(old), io.BytesIO(new), target) else None


def applied(delta: bytes, old: bytes, new_bytes: int) -> bytes:
    result = bytearray()
    apply_delta(io.BytesIO(delta), io.BytesIO(old), new_bytes, result.extend)
    return bytes(result)


@given(
    seed=st.integers(0, 2**32),
    edits=st.lists(st.tuples(st.integers(0, 200_000), st.integers(0, 5_000), st.integers(0, 5_000)), max_size=6),
)
def test_whatever_was_changed_the_new_file_comes_out(seed: int, edits: list[tuple[int, int, int]]) -> None:
    source = random.Random(seed)
    old = source.randbytes(200_000)
    new = bytearray(old)
    for position, removed, added in edits:
        new[position : position + removed] = source.randbytes(added)

    delta = delta_between(old, bytes(new))

    assert delta is not None
    assert applied(delta, old, len(new)) == new


@given(old=st.binary(max_size=300), new=st.binary(max_size=300))
def test_small_and_empty_files_too(old: bytes, new: bytes) -> None:
    delta = delta_between(old, new)

    assert delta is None or applied(delta, old, len(new)) == new


def test_a_small_change_costs_few_bytes_wherever_it_is() -> None:
    new = bytearray(OLD)
    new[1_000_000:1_000_003] = b"changed"  # everything behind it moves

    delta = delta_between(OLD, bytes(new))

    assert delta is not None
    assert len(delta) < 300  # a chunk of 16 KiB is new, but for these bytes it is in the prefix


def test_files_without_anything_in_common_have_no_delta() -> None:
    assert delta_between(OLD, _RANDOM.randbytes(2_000_000)) is None


def test_pieces_follow_each_other_without_seams() -> None:
    pieces = find_pieces(io.BytesIO(OLD), io.BytesIO(OLD[:700_000] + b"between" + OLD[700_000:]))

    assert [piece.offset is None for piece in pieces] == [False, True, False]
    assert sum(piece.length for piece in pieces) == len(OLD) + 7


def test_damage_at_any_byte_is_refused_or_shows_in_the_digest_and_never_anything_else() -> None:
    old = OLD[:60_000]
    new = old[:5_000] + b"new bytes " * 100 + old[5_000:]
    delta = delta_between(old, new)
    assert delta is not None
    refused = 0
    for position in range(len(delta)):
        damaged = delta[:position] + bytes([delta[position] ^ 0x55]) + delta[position + 1 :]
        try:
            assert len(applied(damaged, old, len(new))) == len(new)
        except DeltaRefused:
            refused += 1
    assert refused > len(delta) // 3


@pytest.mark.parametrize("kept", [0, 5, len(MAGIC), len(MAGIC) + 4, -1])
def test_a_cut_delta_is_refused(kept: int) -> None:
    delta = delta_between(OLD, OLD[:1_000_000] + b"x" * 40 + OLD[1_000_000:])
    assert delta is not None

    with pytest.raises(DeltaRefused):
        applied(delta[:kept], OLD, len(OLD) + 40)


@pytest.mark.parametrize(
    ("delta", "why"),
    [
        (b"OctavoDelta9\n" + bytes(100), "no delta"),
        (MAGIC + (2**63).to_bytes(8, "little"), "pieces"),
        (header([Piece(10, 95)]), "more of the old file"),
        (header([Piece(2**40, 0)]), "instead of"),
        (header([Piece(9, 0)]), "instead of"),
        (header([Piece(10, NEW_BYTES - 1)]), "more of the old file"),
    ],
)
def test_what_a_delta_may_not_ask_for(delta: bytes, why: str) -> None:
    with pytest.raises(DeltaRefused, match=why):
        applied(delta, bytes(100), 10)


def test_what_stands_behind_a_delta_is_refused() -> None:
    delta = delta_between(OLD, OLD + b"more and more")
    assert delta is not None

    with pytest.raises(DeltaRefused, match="behind its end"):
        applied(delta + b"!", OLD, len(OLD) + 13)
