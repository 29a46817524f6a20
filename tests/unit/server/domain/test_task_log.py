"""Slices of an agent's log."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.server.domain.task_log import (
    BrokenLog,
    Entry,
    Line,
    as_raw_text,
    decode_slice,
    encode_slice,
    pack_lines,
    unpack_lines,
)

TIME = "2026-01-02T03:04:05.0000000+00:00"
texts = st.text() | st.sampled_from(["][", '"]["', '\\"]["', '","', "\ufeff", '"]["stdout","', "\\"])
entries = st.lists(st.builds(Entry, st.sampled_from(["stdout", "stderr", "debug"]), st.just(TIME), texts))


@given(entries)
def test_a_slice_gives_back_its_entries_whatever_their_text(expected: list[Entry]) -> None:
    printable = [Entry(each.source, each.occurred, each.text.replace("\ufeff", "")) for each in expected]

    data = "".join(json.dumps([each.source, each.text, each.occurred]) for each in printable).encode()

    assert decode_slice(data) == printable
    assert decode_slice(encode_slice(printable)) == printable


def test_the_byte_order_mark_at_the_start_of_the_log_is_no_entry() -> None:
    assert decode_slice(f'\ufeff["stdout","a","{TIME}"]'.encode()) == [Entry("stdout", TIME, "a")]


@pytest.mark.parametrize("data", [b'["stdout","a"', b'["stdout","a"]', b"17", b'["stdout","a","t"]x'])
def test_what_is_not_a_row_of_whole_entries_is_refused(data: bytes) -> None:
    with pytest.raises(BrokenLog):
        decode_slice(data)


@given(st.lists(st.builds(Line, st.just("Info"), st.just(TIME), st.text())))
def test_stored_lines_come_back(lines: list[Line]) -> None:
    assert unpack_lines(pack_lines(lines)) == lines


def test_the_raw_log_shows_time_level_and_text() -> None:
    assert as_raw_text([Line("Info", TIME, "hello")]) == "03:04:05   Info     |   hello\n"
