"""Lines of a task's log: what the agent sent, what is stored, how one becomes the other.

Pure. The agent's slices are entries of `Output.log` (tentacle-services.md §6.6): JSON arrays `["stdout","text","time"]`
one after the other without a separator. Looking for `][` or `"]["` would be wrong (a text may be `][`), so the C
scanner of `json` reads array after array: about 1 µs a line.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

_BYTE_ORDER_MARK = "\ufeff"
_SCAN = json.scanner.make_scanner(json.JSONDecoder(strict=False))  # type: ignore[attr-defined]  # not in typeshed


@dataclass(frozen=True, slots=True)
class Entry:
    """A line as the agent sent it: its stream (`stdout`, `stderr`, `debug`), when (ISO 8601), its text."""

    source: str
    occurred: str
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it is stored and shown. `category` is a `Level` of service_messages.py, `occurred` is ISO 8601."""

    category: str
    occurred: str
    text: str


class BrokenLog(ValueError):
    """A slice of a log that is not a row of whole entries."""


def decode_slice(data: bytes) -> list[Entry]:
    """The entries of a slice of `Output.log`, in order.

    Raises:
        BrokenLog: the slice does not consist of whole entries.
    """
    text = data.decode("utf-8", "replace").removeprefix(_BYTE_ORDER_MARK)
    scan, entries, position, end = _SCAN, list[Entry](), 0, len(text)
    try:
        while position < end:
            (source, line, occurred), position = scan(text, position)
            entries.append(Entry(source, occurred, line))
    except (StopIteration, ValueError, TypeError) as error:
        raise BrokenLog(f"entry {len(entries) + 1} at character {position} is not a whole log entry") from error
    return entries


def encode_slice(entries: Iterable[Entry]) -> bytes:
    """The bytes that `decode_slice` reads."""
    return "".join(
        json.dumps([entry.source, entry.text, entry.occurred], ensure_ascii=False, separators=(",", ":"))
        for entry in entries
    ).encode()


def pack_lines(lines: Sequence[Line]) -> bytes:
    """The lines as they are stored in a chunk, before compression."""
    return json.dumps(
        [(line.category, line.occurred, line.text) for line in lines], ensure_ascii=False, separators=(",", ":")
    ).encode("utf-8", "surrogatepass")


def unpack_lines(data: bytes) -> list[Line]:
    """The lines of a stored chunk."""
    return [Line(*fields) for fields in json.loads(data.decode("utf-8", "surrogatepass"))]


def as_raw_text(lines: Iterable[Line]) -> str:
    """The lines as the raw log shows them: time, category, text."""
    return "".join(f"{_clock_time(line.occurred)}   {line.category:<8} |   {line.text}\n" for line in lines)


def _clock_time(occurred: str) -> str:
    try:
        return f"{datetime.fromisoformat(occurred):%H:%M:%S}"
    except ValueError:
        return "        "
