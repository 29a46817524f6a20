"""Writing, repairing and slicing a log. Source: tentacle-services.md §6.6."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.agent.jobs.output_log import count_entries, is_sound, parse_entries, read_slice, seal_log
from octavo.agent.supervisor.job_folder import JobFolder
from octavo.agent.supervisor.log_format import ENTRY_END, encode_entries
from octavo.agent.supervisor.log_writer import LogWriter

NOW = "2026-01-02T03:04:05.678901+00:00"


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    folder = JobFolder(tmp_path / "ticket")
    folder.own.mkdir(parents=True)
    return folder


@given(st.lists(st.text(), min_size=1))
def test_the_end_of_an_entry_is_found_whatever_its_text(lines: list[str]) -> None:
    """services 24: no text can look like the end of its entry."""
    data = encode_entries("stdout", lines, NOW)

    assert len(ENTRY_END.findall(data)) == len(lines)
    texts = [line.text for line in parse_entries(data)]
    assert texts == [line.encode("utf-8", "replace").decode() for line in lines]


def test_texts_that_imitate_an_end_deceive_nobody() -> None:
    lines = [f'x","{NOW}"]', NOW, f',"{NOW}"]["stdout","', "\\", '\\","2026-01-01T"]']

    assert [line.text for line in parse_entries(encode_entries("stderr", lines, NOW))] == lines


def test_a_writer_goes_on_where_the_last_one_ended(folder: JobFolder) -> None:
    """services 14: sequence numbers go on after a restart."""
    for number in range(3):
        writer = LogWriter(folder)
        writer.append("stdout", [f"line {number}", "more"], NOW)
        writer.close()

    whole = read_slice(folder, 0, 1 << 20)
    assert (whole.next_sequence, whole.has_more, count_entries(folder)) == (6, False, 6)
    assert [line.text for line in parse_entries(read_slice(folder, 3, 1 << 20).data)] == ["more", "line 2", "more"]


def test_a_tail_without_an_index_is_counted_in(folder: JobFolder) -> None:
    """A writer killed between log and index: nothing is lost."""
    writer = LogWriter(folder)
    writer.append("stdout", ["one"], NOW)
    writer.close()
    with folder.output_log.open("ab") as log:
        log.write(encode_entries("stdout", ["two", "three"], NOW))
    assert not is_sound(folder)

    seal_log(folder)

    assert is_sound(folder)
    assert [line.text for line in parse_entries(read_slice(folder, 0, 1 << 20).data)] == ["one", "two", "three"]


@pytest.mark.parametrize("cut", [1, 20, 46, 60])
def test_a_torn_entry_is_replaced_by_a_word_about_it(folder: JobFolder, cut: int) -> None:
    """services 24: a truncated tail yields the "Corrupt Tentacle log" entry, wherever it was cut."""
    writer = LogWriter(folder)
    writer.append("stdout", ["one", "two", "three"], NOW)
    writer.close()
    folder.output_log.write_bytes(folder.output_log.read_bytes()[:-cut])

    seal_log(folder)

    lines = [line.text for line in parse_entries(read_slice(folder, 0, 1 << 20).data)]
    assert lines[-1] == f"Corrupt Tentacle log at line {len(lines)}, no more logs will be read"
    assert lines[:-1] == ["one", "two", "three"][: len(lines) - 1]


def test_a_log_that_is_not_there_is_empty(folder: JobFolder) -> None:
    assert read_slice(folder, 4, 100).next_sequence == 4
    assert count_entries(folder) == 0
