"""Appends to a job's log and its index. One writer at a time: the agent before the script starts, then the supervisor.

The log is written first and the index after it, so the index never promises bytes that are not there. A writer that
was killed between the two leaves a tail, which `repair` counts in.
"""

import os

from octavo.agent.supervisor.job_folder import JobFolder
from octavo.agent.supervisor.log_format import BYTE_ORDER_MARK, ENTRY_END, INDEX_RECORD, encode_entries, time_text

_APPEND = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC


class LogWriter:
    """The end of one job's log. Opening it repairs what a killed writer left."""

    def __init__(self, folder: JobFolder) -> None:
        self._log = os.open(folder.output_log, _APPEND, 0o600)
        self._index = os.open(folder.log_index, _APPEND, 0o600)
        self._entries, self._bytes = _repair(self._log, self._index)

    @property
    def entries(self) -> int:
        """How many entries the log has: the sequence number of the last one."""
        return self._entries

    def append(self, source: str, lines: list[str], occurred: str | None = None) -> None:
        """Add one entry per line; readers see them when this returns.

        Raises:
            OSError: the disk is full or the file is gone.
        """
        if lines:
            self.append_encoded(encode_entries(source, lines, occurred or time_text()), len(lines))

    def append_encoded(self, data: bytes, count: int) -> None:
        """Add `count` entries that are encoded already."""
        _write_all(self._log, data)
        self._entries += count
        self._bytes += len(data)
        os.write(self._index, INDEX_RECORD.pack(self._entries, self._bytes))

    def close(self) -> None:
        """Let go of the files."""
        os.close(self._log)
        os.close(self._index)


def _repair(log: int, index: int) -> tuple[int, int]:
    """Make log and index agree; a torn last entry is cut off. Returns entries and bytes."""
    size = os.fstat(log).st_size
    if size == 0:
        os.ftruncate(index, 0)
        _write_all(log, BYTE_ORDER_MARK)
        return 0, len(BYTE_ORDER_MARK)
    entries, known = _last_record_within(index, size)
    tail = os.pread(log, size - known, known)
    ends = [match.end() for match in ENTRY_END.finditer(tail)]
    whole = known + (ends[-1] if ends else 0)
    if whole < size:
        os.ftruncate(log, whole)
    if ends:
        os.write(index, INDEX_RECORD.pack(entries + len(ends), whole))
    return entries + len(ends), whole


def _last_record_within(index: int, size: int) -> tuple[int, int]:
    """The last record that speaks of bytes which exist; later ones are dropped."""
    count = os.fstat(index).st_size // INDEX_RECORD.size
    while count:
        entries, offset = INDEX_RECORD.unpack(os.pread(index, INDEX_RECORD.size, (count - 1) * INDEX_RECORD.size))
        if offset <= size:
            break
        count -= 1
    else:
        entries, offset = 0, len(BYTE_ORDER_MARK)
    os.ftruncate(index, count * INDEX_RECORD.size)
    return entries, offset


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
