"""Source: tentacle-services.md §6.6."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from octavo.agent.supervisor.line_splitter import MAX_LINE_BYTES, LineSplitter


def split(*chunks: bytes) -> list[str]:
    splitter = LineSplitter()
    return [line for chunk in chunks for line in splitter.feed(chunk)] + splitter.finish()


def test_all_line_ends_count_and_the_last_line_needs_none() -> None:
    assert split(b"a\nb\r\nc\rd\n\ne") == ["a", "b", "c", "d", "", "e"]


def test_an_end_without_text_is_no_line() -> None:
    assert split(b"a\n") == ["a"]
    assert split(b"a\r") == ["a"]


@given(st.lists(st.sampled_from(["a", "ä", "😀", "\r", "\n", "\r\n", '"', "\\"]), max_size=12), st.data())
def test_how_the_bytes_are_cut_changes_nothing(pieces: list[str], data: st.DataObject) -> None:
    whole = "".join(pieces).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    edges = [0, *cuts, len(whole)]

    chunks = [whole[start:end] for start, end in pairwise(edges)]

    assert split(*chunks) == split(whole)


def test_bytes_that_are_no_utf8_become_the_replacement_character() -> None:
    assert split(b"a\xffb\n") == ["a�b"]


def test_an_endless_line_is_cut_between_characters() -> None:
    line = "ä" * MAX_LINE_BYTES

    lines = split(*(line.encode()[start : start + 65537] for start in range(0, 2 * MAX_LINE_BYTES, 65537)))

    assert len(lines) > 1
    assert "".join(lines) == line
