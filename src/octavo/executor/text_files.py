"""Text files that are changed in place: found by pattern, read in the encoding they have, written back in the same.

Source: script-execution.md §5.11.
"""

import codecs
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from octavo.executor.scripts import StepRefused

#: Longer marks first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file's text, its byte order mark (empty: none) and its encoding."""

    path: Path
    mark: bytes
    encoding: str
    text: str

    def replace(self, text: str, encoding: str = "") -> None:
        """Write another text in one move, with the file's mode; in another encoding when one is named.

        Raises:
            StepRefused: the text does not fit the encoding.
        """
        mark = b"" if encoding else self.mark
        encoding = encoding or self.encoding
        try:
            data = mark + text.encode(encoding)
        except (UnicodeEncodeError, LookupError) as error:
            raise StepRefused(
                f"{self.path} cannot be written in {encoding}: {error}. Keep it in UTF-8, or name another encoding in "
                "Octopus.Action.SubstituteInFiles.OutputEncoding."
            ) from error
        partial = self.path.with_name(f".{secrets.token_hex(8)}.partial")
        try:
            partial.write_bytes(data)
            partial.chmod(self.path.stat().st_mode & 0o7777)
            partial.replace(self.path)
        finally:
            partial.unlink(missing_ok=True)


def read_text_file(path: Path) -> TextFile:
    """The file, by its byte order mark, else as UTF-8 if it is, else as Windows-1252.

    Raises:
        StepRefused: it has a mark, but not the encoding that the mark says.
    """
    raw = path.read_bytes()
    mark, encoding = _encoding_of(raw)
    try:
        return TextFile(path, mark, encoding, raw[len(mark) :].decode(encoding))
    except UnicodeDecodeError as error:
        raise StepRefused(
            f"{path} begins as {encoding} does, but is not: {error}. Leave it out, or mend it."
        ) from error


def matching_files(folder: Path, pattern: str) -> Iterator[Path]:
    """The files below the folder whose path the pattern describes: `*`, `?`, `**`, `[abc]`, `{a,b}`, in any case."""
    matcher = re.compile(_as_expression(pattern.replace("\\", "/").removeprefix("./")), re.IGNORECASE | re.DOTALL)
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            file = Path(parent) / name
            if matcher.fullmatch(file.relative_to(folder).as_posix()) and not file.is_symlink():
                yield file


def _as_expression(pattern: str) -> str:
    """The pattern as a regular expression; a bracket that is never closed stands for itself."""
    pieces = re.findall(r"\*\*/|\*\*|\*|\?|\[[^\]]+\]|\{[^{}]*\}|.", pattern, re.DOTALL)
    return "".join(_piece(piece) for piece in pieces)


def _piece(piece: str) -> str:
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    if piece in known:
        return known[piece]
    if len(piece) > 1 and piece[0] == "[":
        inside = piece[1:-1].replace("\\", "\\\\").replace("[", "\\[")
        return f"[^{inside[1:]}]" if inside[0] == "!" and len(inside) > 1 else f"[{inside.replace('^', chr(92) + '^')}]"
    if len(piece) > 1:
        return f"(?:{'|'.join(_as_expression(each) for each in piece[1:-1].split(','))})"
    return re.escape(piece)


def _encoding_of(raw: bytes) -> tuple[bytes, str]:
    """The byte order mark (empty: none) and the encoding: by the mark, else UTF-8 if it is, else Windows-1252."""
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return mark, encoding
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return b"", "latin-1" if _has_gaps(raw) else "cp1252"
    return b"", "utf-8"


def _has_gaps(raw: bytes) -> bool:
    """Whether it holds one of the five bytes that mean nothing in Windows-1252."""
    return any(byte in raw for byte in b"\x81\x8d\x8f\x90\x9d")
