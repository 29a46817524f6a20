"""Masking of sensitive values, within lines and over them."""

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
