"""Reads slices of a job's log by sequence number, without passing over the rest.

The sequence number of an entry is its place, from 1. A slice holds whole entries only.

Source: tentacle-services.md §6.6; docs/reference/agent-jobs.md.
"""

import json
import os
from dataclasses import dataclass
from datetime import datetime

from octavo.agent.supervisor.job_folder import JobFolder
from octavo.agent.supervisor.log_format import BYTE_ORDER_MARK, ENTRY_END, INDEX_RECORD, corrupt_entry
from octavo.agent.supervisor.log_writer import LogWriter
from octavo.contracts.scripts import ProcessOutput, ProcessOutputSource

_SOURCES = {
    "stdout": ProcessOutputSource.STDOUT,
    "stderr": ProcessOutputSource.STDERR,
    "debug": ProcessOutputSource.DEBUG,
}

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC

#: How the system says that a log is not there (any more).
_NO_LOG = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


@dataclass(frozen=True, slots=True)
class LogSlice:
    """Entries as they lie in the file, and the sequence number of the last one (or of the one before, when empty)."""

    data: bytes
    next_sequence: int
    has_more: bool


def read_slice(folder: JobFolder, after: int, maximum_bytes: int) -> LogSlice:
    """The entries after sequence number `after`, as many as fit into `maximum_bytes` but at least one."""
    try:
        return _read_slice(folder, after, maximum_bytes)
    except _NO_LOG:
        return LogSlice(b"", after, has_more=False)


def count_entries(folder: JobFolder) -> int:
    """The sequence number of the last entry that can be read; 0 when there is none."""
    try:
        index = os.open(folder.log_index, _READ)
    except _NO_LOG:
        return 0
    try:
        records = os.fstat(index).st_size // INDEX_RECORD.size
        return _record(index, records - 1)[0]
    finally:
        os.close(index)


def seal_log(folder: JobFolder) -> None:
    """Bring a log to a clean end after its writer was killed or the file was cut: say where it breaks off."""
    if not folder.output_log.exists():
        return
    size = folder.output_log.stat().st_size
    writer = LogWriter(folder)
    try:
        if folder.output_log.stat().st_size < size:  # the writer found a torn entry and took it away
            writer.append_encoded(corrupt_entry(writer.entries + 1), 1)
    finally:
        writer.close()


def is_sound(folder: JobFolder) -> bool:
    """Whether log and index end at the same byte."""
    try:
        index = os.open(folder.log_index, _READ)
    except _NO_LOG:
        return not folder.output_log.exists()
    try:
        records = os.fstat(index).st_size // INDEX_RECORD.size
        return _record(index, records - 1)[1] == folder.output_log.stat().st_size
    except FileNotFoundError:
        return True
    finally:
        os.close(index)


def parse_entries(data: bytes) -> tuple[ProcessOutput, ...]:
    """The entries of a slice as output lines."""
    if not data:
        return ()
    array = b"[" + ENTRY_END.sub(lambda match: match.group() + b",", data)[:-1] + b"]"
    return tuple(
        ProcessOutput(_SOURCES[source], datetime.fromisoformat(occurred), text)
        for source, text, occurred in json.loads(array)
    )


def _read_slice(folder: JobFolder, after: int, maximum_bytes: int) -> LogSlice:
    log = os.open(folder.output_log, _READ)
    try:
        index = os.open(folder.log_index, _READ)
        try:
            return _Reader(log, index).read(after, maximum_bytes)
        finally:
            os.close(index)
    finally:
        os.close(log)


class _Reader:
    """One look at a log: as far as the index promises, and no further."""

    def __init__(self, log: int, index: int) -> None:
        self._log, self._index = log, index
        self._records = os.fstat(index).st_size // INDEX_RECORD.size
        self._last_entry, self._end = _record(index, self._records - 1)

    def read(self, after: int, maximum_bytes: int) -> LogSlice:
        if after >= self._last_entry:
            return LogSlice(b"", after, has_more=False)
        place = self._last_record_where_entries_at_most(after)
        start = self._offset_after(place, after)
        last = self._last_record_where_bytes_at_most(start + maximum_bytes)
        sequence, end = _record(self._index, last)
        if sequence <= after:
            sequence, end = self._cut(last, start, after, maximum_bytes)
        data = os.pread(self._log, end - start, start)
        return LogSlice(data, sequence, has_more=sequence < self._last_entry)

    def _offset_after(self, place: int, after: int) -> int:
        """The byte where entry `after` + 1 begins, which lies in the write that follows record `place`."""
        entries, offset = _record(self._index, place)
        if entries == after:
            return offset
        following = _record(self._index, place + 1)[1]
        block = os.pread(self._log, following - offset, offset)
        ends = ENTRY_END.finditer(block)
        return offset + [next(ends).end() for _ in range(after - entries)][-1]

    def _cut(self, place: int, start: int, after: int, maximum_bytes: int) -> tuple[int, int]:
        """One write alone is more than may be sent: end inside it. Returns the last sequence number and its end."""
        following = _record(self._index, place + 1)[1]
        block = os.pread(self._log, following - start, start)
        sequence, end = after, 0
        for match in ENTRY_END.finditer(block):
            if end and match.end() > maximum_bytes:
                break
            sequence, end = sequence + 1, match.end()
        return sequence, start + end

    def _last_record_where_entries_at_most(self, entries: int) -> int:
        return self._last_record_where(0, entries)

    def _last_record_where_bytes_at_most(self, offset: int) -> int:
        return self._last_record_where(1, offset)

    def _last_record_where(self, column: int, bound: int) -> int:
        low, high = -1, self._records - 1  # record -1 is the empty log
        while low < high:
            middle = (low + high + 1) // 2
            if _record(self._index, middle)[column] <= bound:
                low = middle
            else:
                high = middle - 1
        return low


def _record(index: int, place: int) -> tuple[int, int]:
    if place < 0:
        return 0, len(BYTE_ORDER_MARK)
    entries, offset = INDEX_RECORD.unpack(os.pread(index, INDEX_RECORD.size, place * INDEX_RECORD.size))
    return entries, offset
