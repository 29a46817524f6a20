"""From bytes to items and back: lines, deflated documents, data stream frames. Knows no order of events.

Each reader takes from an `Inbox` and returns None while bytes are missing, leaving the inbox as it was (the inflater
keeps what it has inflated). Source: halibut.md §2.1, §3, §4.2, §4.3, §6.
"""

import struct
import zlib
from uuid import UUID

from octavo.halibut.errors import RemoteProtocolError

_HEADER = struct.Struct("<16sq")
_LENGTH = struct.Struct("<q")


class Inbox:
    """Bytes that came and were not yet understood."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def __len__(self) -> int:
        return len(self._buffer)

    def add(self, data: bytes | memoryview) -> None:
        """Append what came."""
        self._buffer += data

    def take(self, count: int) -> bytes:
        """Remove and return the first `count` bytes, or all if there are fewer."""
        if count >= len(self._buffer):
            data = bytes(self._buffer)
            self._buffer = bytearray()  # `clear` would keep nothing either, but this frees a large one at once
            return data
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def starts_with(self, prefix: bytes) -> bool | None:
        """Whether the first bytes are `prefix`; None while that is still open."""
        if len(self._buffer) >= len(prefix):
            return self._buffer.startswith(prefix)
        return None if prefix.startswith(self._buffer) else False

    def find(self, pattern: bytes, limit: int) -> int:
        """The position of `pattern` within the first `limit` bytes, or -1."""
        return self._buffer.find(pattern, 0, limit)

    def first_blank_line(self, limit: int) -> int | None:
        """How many bytes reach up to and including the first blank line; None while there is none."""
        ends = [
            found + len(blank) for blank in (b"\n\n", b"\n\r\n") if (found := self._buffer.find(blank, 0, limit)) >= 0
        ]
        return min(ends, default=None)


class Inflater:
    """One deflated block, found by its own end marker and bounded in what it may become."""

    __slots__ = ("_inflated", "_limit", "_raw", "_size")

    def __init__(self, limit: int) -> None:
        self._raw = zlib.decompressobj(-15)
        self._inflated: list[bytes] = []
        self._size = 0
        self._limit = limit

    def read(self, inbox: Inbox) -> bytes | None:
        """The inflated block once it is complete; what lies behind it stays in the inbox.

        Raises:
            RemoteProtocolError: it is no raw deflate, or inflates beyond the limit.
        """
        if not inbox:
            return None
        try:
            piece = self._raw.decompress(inbox.take(len(inbox)), self._limit + 1 - self._size)
        except zlib.error as error:
            raise RemoteProtocolError(f"a message is not deflated: {error}") from error
        self._inflated.append(piece)
        self._size += len(piece)
        if self._size > self._limit:
            raise RemoteProtocolError(f"a message inflates to more than {self._limit} bytes")
        if not self._raw.eof:
            return None
        inbox.add(self._raw.unused_data)
        return b"".join(self._inflated)


def deflate(document: bytes) -> bytes:
    """One raw, finished deflate block; level 6 as .NET's default."""
    compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
    return compressor.compress(document) + compressor.flush()


def read_preamble(inbox: Inbox, limit: int, *, is_eof: bool = False) -> bytes | None:
    """Everything up to the first blank line, the limit or the end of the stream; nothing behind it is touched."""
    end = inbox.first_blank_line(limit)
    if end is None and (len(inbox) >= limit or is_eof):
        end = min(len(inbox), limit)
    return None if end is None else inbox.take(end)


def read_line(inbox: Inbox, limit: int) -> str | None:
    """A line without its CR LF.

    Raises:
        RemoteProtocolError: it is too long, not UTF-8, or its CR stands alone.
    """
    end = inbox.find(b"\r", limit)
    if end < 0:
        if len(inbox) >= limit:
            raise RemoteProtocolError(f"a line is longer than {limit} bytes")
        return None
    if len(inbox) < end + 2:
        return None
    line = inbox.take(end + 2)
    if not line.endswith(b"\n"):
        raise RemoteProtocolError("a CR is not followed by LF")
    try:
        return line[:-2].decode("utf-8")
    except UnicodeDecodeError as error:
        raise RemoteProtocolError("a line is not UTF-8") from error


def read_control_word(inbox: Inbox, limit: int) -> str | None:
    """The next line that is not empty."""
    while (line := read_line(inbox, limit)) == "":
        pass
    return line


def read_stream_header(inbox: Inbox) -> tuple[UUID, int] | None:
    """A data stream's id and length."""
    if len(inbox) < _HEADER.size:
        return None
    raw_id, length = _HEADER.unpack(inbox.take(_HEADER.size))
    return UUID(bytes_le=raw_id), length


def read_stream_trailer(inbox: Inbox) -> int | None:
    """The length again."""
    return _LENGTH.unpack(inbox.take(_LENGTH.size))[0] if len(inbox) >= _LENGTH.size else None


def stream_header(stream_id: UUID, length: int) -> tuple[bytes, bytes]:
    """Id and length: two items, two TLS records."""
    return stream_id.bytes_le, _LENGTH.pack(length)


def stream_trailer(length: int) -> bytes:
    """The length again, behind the bytes."""
    return _LENGTH.pack(length)
