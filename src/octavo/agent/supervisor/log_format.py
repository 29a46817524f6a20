r"""`Output.log` as bytes: how entries are written, and where one ends.

The file is a byte order mark followed by JSON arrays `["stdout","<text>","<time>"]` without separators. Beside it an
index holds one record per write: how many entries the log had after it, and how many bytes. So a slice by sequence
number costs a binary search, not a pass over the log.

Source: tentacle-services.md §6.6; docs/reference/agent-jobs.md.
"""

import re
import time
from datetime import UTC, datetime
from json.encoder import encode_basestring as _quote
from struct import Struct

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

#: (entries so far, bytes so far) after one write.
INDEX_RECORD = Struct("<QQ")

#: The end of an entry: its time and the bracket. Cannot occur inside a text, where every quote follows a backslash.
ENTRY_END = re.compile(rb',"\d{4}-\d\d-\d\dT[^"\\]*"\]')

STDOUT, STDERR, DEBUG = "stdout", "stderr", "debug"


def encode_entries(source: str, lines: list[str], occurred: str) -> bytes:
    """The entries for these lines, all of one source and one moment. `lines` must not be empty."""
    head, tail = f'["{source}",', f',"{occurred}"]'
    text = head + (tail + head).join(map(_quote, lines)) + tail
    return text.encode("utf-8", "replace")


def time_text(seconds: float | None = None) -> str:
    """The moment (now) as ISO 8601 in UTC, always with microseconds."""
    moment = datetime.fromtimestamp(time.time() if seconds is None else seconds, UTC)
    return moment.isoformat(timespec="microseconds")


def corrupt_entry(line: int) -> bytes:
    """What readers are told when the log breaks off inside an entry."""
    return encode_entries(STDERR, [f"Corrupt Tentacle log at line {line}, no more logs will be read"], time_text())
