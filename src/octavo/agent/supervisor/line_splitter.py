r"""Turns the bytes of a stream into lines, however they are cut. `\n`, `\r\n` and a lone `\r` all end a line.

Source: tentacle-services.md §6.6 (the original reads lines as .NET does).
"""

#: A line longer than this is cut, so that output without line ends cannot fill the memory.
MAX_LINE_BYTES = 1 << 20


class LineSplitter:
    """The lines of one stream. UTF-8; what is not becomes the replacement character."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[str]:
        """The lines that `chunk` completes, without their ends."""
        data = self._rest + chunk if self._rest else chunk
        held = b""
        if b"\r" in data:
            data, held = _with_newlines(data)
        cut = data.rfind(b"\n")
        if cut < 0 and len(data) < MAX_LINE_BYTES:
            self._rest = data + held
            return []
        if cut < 0:
            cut = _character_boundary(data)
            self._rest = data[cut:] + held
            return [data[:cut].decode("utf-8", "replace")]
        self._rest = data[cut + 1 :] + held
        return data[:cut].decode("utf-8", "replace").split("\n")

    def finish(self) -> list[str]:
        """The last line, if the stream ended without a line end."""
        rest, self._rest = self._rest.removesuffix(b"\r"), b""
        return [rest.decode("utf-8", "replace")] if rest else []


def _with_newlines(data: bytes) -> tuple[bytes, bytes]:
    """The same with only `\\n` as line ends; a final `\\r` is held back, a `\\n` may follow it."""
    held = b"\r" if data.endswith(b"\r") else b""
    body = data.removesuffix(b"\r")
    return body.replace(b"\r\n", b"\n").replace(b"\r", b"\n"), held


def _character_boundary(data: bytes) -> int:
    """Where to cut an endless line without breaking a character: before the last one that starts in the final bytes."""
    for back in range(1, 5):
        if data[-back] & 0xC0 != 0x80:
            return len(data) - back
    return len(data)
