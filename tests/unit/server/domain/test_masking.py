"""Masking of sensitive values, within lines and over them."""

import base64
import html
import json
from collections.abc import Callable
from itertools import pairwise
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.server.domain.masking import MASK, MaskedStream, Secrets

LINES = st.lists(st.text(alphabet="ab-", max_size=6), max_size=12)
VALUES = st.lists(st.text(alphabet="ab\n", min_size=1, max_size=9), max_size=4)


def masked(lines: list[str], *secrets: str) -> list[str]:
    stream: MaskedStream[None] = MaskedStream(Secrets(secrets))
    return [text for line in lines for text, _ in stream.feed(line, None)] + [text for text, _ in stream.flush()]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("abcd", MASK),
        ("xabcdx", f"x{MASK}x"),
        ("abcd abcd", f"{MASK} {MASK}"),
        ("ABCD abc", "ABCD abc"),
        ("", ""),
    ],
)
def test_a_value_is_masked_wherever_it_stands(line: str, expected: str) -> None:
    """script-execution 63: also inside words; case matters."""
    assert masked([line], "abcd") == [expected]


@pytest.mark.parametrize("value", ["", "   ", "      ", "abc", "a\nbc", "\r\n\r\n\r\n"])
def test_blank_and_short_values_are_not_masked(value: str) -> None:
    """script-execution 63: `abc` is not masked."""
    secrets = Secrets([value])

    assert not secrets


def test_overlapping_values_become_one_mask() -> None:
    """script-execution 63."""
    assert masked(["1abcdef2"], "abcd", "cdef") == [f"1{MASK}2"]
    assert masked(["aaaaaaa"], "aaaa") == [MASK]
    assert masked(["xabaabaabay"], "abaaba") == [f"x{MASK}y"]


def test_a_value_over_several_lines_is_masked_across_them() -> None:
    """script-execution 63: lines that lie within the value vanish."""
    assert masked(["key: abc", "def", "", "ghi!", "end"], "abc\r\ndef\r\nghi\r\n") == [f"key: {MASK}", "!", "end"]


def test_a_line_that_may_begin_a_value_is_held_until_decided() -> None:
    stream: MaskedStream[int] = MaskedStream(Secrets(["abc\ndef"]))

    assert stream.feed("xxab", 1) == []
    assert stream.is_holding
    assert stream.feed("zz", 2) == [("xxab", 1), ("zz", 2)]
    assert not stream.is_holding


def test_flush_releases_held_lines() -> None:
    stream: MaskedStream[int] = MaskedStream(Secrets(["abc\ndef"]))
    stream.feed("abc", 1)

    assert stream.flush() == [("abc", 1)]
    assert stream.feed("def", 2) == [("def", 2)]


def test_a_value_counts_from_the_next_line_on() -> None:
    secrets = Secrets()
    stream: MaskedStream[None] = MaskedStream(secrets)
    before = stream.feed("hunter2", None)
    secrets.add("hunter2")

    assert before == [("hunter2", None)]
    assert stream.feed("hunter2", None) == [(MASK, None)]


def test_hostile_repetition_is_masked_in_linear_time() -> None:
    assert masked(["a" * 1_000_000], "a" * 1000, "ab" * 500) == [MASK]
    assert masked(["a" * 999] * 300, "a" * 1000 + "\nb")[-1] == "a" * 999


def test_blank_lines_are_not_held_without_end() -> None:
    stream: MaskedStream[int] = MaskedStream(Secrets(["abc\ndef"]))
    stream.feed("abc", 0)

    assert any(stream.feed("", number) for number in range(20_000))


@given(LINES, VALUES)
def test_what_is_masked_is_exactly_what_the_values_cover(lines: list[str], values: list[str]) -> None:
    assert masked(lines, *values) == expected_masking(lines, values)


def expected_masking(lines: list[str], values: list[str]) -> list[str]:
    """The plain, slow way: mark every covered character, then draw."""
    whole = "".join(lines)
    covered_to = [0] * (len(whole) + 1)
    for value in values:
        text = value.strip("\n").replace("\n", "")
        if len(text) < 4 or not text.strip():
            continue
        over_lines = "\n" in value.strip("\n")
        offset = 0
        for line in [whole] if over_lines else lines:
            for at in range(len(line)):
                if line.startswith(text, at):
                    covered_to[offset + at] = max(covered_to[offset + at], offset + at + len(text))
            offset += len(line)
    spans: list[tuple[int, int]] = []
    for start, end in enumerate(covered_to):
        if end and spans and start < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        elif end:
            spans.append((start, end))
    starts = {start for start, _ in spans}
    result, offset = [], 0
    for line in lines:
        end_of_line = offset + len(line)
        if any(start < offset and end >= end_of_line and end > offset for start, end in spans):
            offset = end_of_line
            continue
        drawn = ""
        for at in range(offset, end_of_line):
            if at in starts:
                drawn += MASK
            elif not any(start < at < end for start, end in spans):
                drawn += whole[at]
        result.append(drawn)
        offset = end_of_line
    return result


# ---- Encoded forms ---------------------------------------------------------------------------------------------------

SECRETS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=6, max_size=60).filter(str.strip)
ENCODERS: list[Callable[[str], str]] = [
    lambda text: base64.b64encode(text.encode()).decode(),
    lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    lambda text: quote(text, safe=""),
    quote,
    quote_plus,
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    html.escape,
]


@given(secret=SECRETS, encode=st.sampled_from(ENCODERS), around=st.text(alphabet="xyz =", max_size=5))
def test_a_value_is_hidden_in_the_forms_that_scripts_print_it_in(
    secret: str, encode: Callable[[str], str], around: str
) -> None:
    encoded = encode(secret)
    (shown,) = masked([f"{around}{encoded}{around}"], secret)

    assert encoded.rstrip("=") not in shown
    assert MASK in shown


@given(
    secret=st.binary(min_size=9, max_size=40).map(bytes.hex), before=st.binary(max_size=5), after=st.binary(max_size=5)
)
def test_a_value_is_hidden_wherever_it_stands_in_what_was_encoded(secret: str, before: bytes, after: bytes) -> None:
    (shown,) = masked([base64.b64encode(before + secret.encode() + after).decode()], secret)

    assert MASK in shown
    assert len(shown) < len(MASK) + 2 * 9 + 8  # what is left are the neighbours and a character at each edge


@given(
    secret=st.text(alphabet="abcdefgh", min_size=60, max_size=90),
    cuts=st.lists(st.integers(1, 119), max_size=5, unique=True),
)
def test_a_long_value_is_hidden_in_base64_however_it_is_broken_into_lines(secret: str, cuts: list[int]) -> None:
    encoded = base64.b64encode(secret.encode()).decode()
    places = [0, *sorted(cut for cut in cuts if cut < len(encoded)), len(encoded)]
    lines = [encoded[start:end] for start, end in pairwise(places)]

    shown = "".join(masked(["before", *lines, "after"], secret))

    assert MASK in shown
    assert shown.startswith("before")
    assert encoded[8:-8] not in shown
    assert len(shown) < len("before") + len("after") + len(MASK) + 8


@given(
    value=st.text(alphabet="abc\n", min_size=4, max_size=12),
    log=st.lists(st.text(alphabet="abc", max_size=5), max_size=10),
    data=st.data(),
)
def test_wherever_a_log_is_cut_into_chunks_the_same_is_hidden(value: str, log: list[str], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(log)))
    stream: MaskedStream[None] = MaskedStream(Secrets([value]))

    parts = [text for line in log[:cut] for text, _ in stream.feed(line, None)]
    parts += [text for line in log[cut:] for text, _ in stream.feed(line, None)]

    assert parts + [text for text, _ in stream.flush()] == masked(log, value)


def test_what_was_hidden_is_counted() -> None:
    secrets = Secrets(["hunter22", "first\nsecond"])
    stream: MaskedStream[None] = MaskedStream(secrets)
    for line in ("hunter22 hunter22", "nothing", "first", "second", base64.b64encode(b"hunter22").decode()):
        stream.feed(line, None)
    stream.flush()

    assert secrets.hidden == 4
    assert secrets.mask("again hunter22") == f"again {MASK}"
    assert secrets.hidden == 5
