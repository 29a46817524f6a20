"""Hides sensitive values in the task log, also where a value runs over several lines.

Pure and linear in the text. `Secrets` is the set of values of one task; a `MaskedStream` applies it to one stream of
lines. While there are no secrets, nothing is done. A value without line breaks is sought within each line (by
`str.find`, so a line without it costs a scan at memory speed). A value with line breaks is sought with the breaks
removed, across lines; a line that may be its beginning is held back until the next lines decide.

A value is also hidden as scripts often print it by accident: in base64 (wherever it stands in what was encoded),
percent-encoded, escaped for JSON or XML. `Secrets.hidden` counts the masks that were put.

Source: script-execution.md §4.4 (the encoded forms are ours).
"""

import base64
import html
import json
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar
from urllib.parse import quote, quote_plus

MASK = "********"
SHORTEST_MASKED_LENGTH = 4  # shorter values would mask half of the log
SHORTEST_ENCODED_LENGTH = 8  # of a form in base64, which says less of a value a character
LONGEST_BASE64_LINE = 76  # base64 that is longer is often broken into lines
LONGEST_HELD = 10_000  # lines; blank lines could otherwise be held without end

Tag = TypeVar("Tag")
Span = tuple[int, int]


class Secrets:
    """The sensitive values of one task. It only grows; a value counts from the next line on."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self.in_line: dict[str, int] = {}  # value → its smallest period
        self.over_lines: dict[str, list[int]] = {}  # value without line breaks → its prefix function
        self.hidden = 0
        for value in values:
            self.add(value)

    def __bool__(self) -> bool:
        return bool(self.in_line or self.over_lines)

    def add(self, value: str) -> None:
        """Mask this value from now on, unless it is blank or too short to mask."""
        parts = value.strip("\r\n").replace("\r", "\n").split("\n")
        text = "".join(parts)
        if len(text) < SHORTEST_MASKED_LENGTH or not text.strip() or text in self.in_line:
            return
        self._add_form(text, is_over_lines=len(parts) > 1)
        for form in _base64_forms(value):
            self._add_form(form, is_over_lines=len(form) > LONGEST_BASE64_LINE)
        for form in _escaped_forms(value):
            if not form.isspace() and "\n" not in form and "\r" not in form:
                self._add_form(form, is_over_lines=False)

    def _add_form(self, text: str, *, is_over_lines: bool) -> None:
        borders = _prefix_function(text)
        if is_over_lines:
            self.over_lines[text] = borders
        self.in_line[text] = len(text) - borders[-1]

    def occurs_in(self, text: str) -> bool:
        """Whether any value stands in this text; a quick look at a whole chunk of lines."""
        return any(value in text for value in self.in_line)

    def mask(self, text: str) -> str:
        """The text with every value hidden; overlapping values become one mask."""
        if not self.occurs_in(text):
            return text
        spans = _merge(self.spans(text))
        self.hidden += len(spans)
        return _replace(text, 0, spans, 0) or ""

    def spans(self, text: str) -> list[Span]:
        """Where values stand in the text, unsorted."""
        return [span for value, period in self.in_line.items() for span in _occurrences(text, value, period)]


class MaskedStream(Generic[Tag]):
    """Masks the lines of one stream. Each line carries a tag (its time, its number) that comes out with it.

    Feed lines in order; call `flush` at the stream's end, and whenever a held line should wait no longer.
    """

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._held: deque[tuple[int, str, Tag]] = deque()  # start offset, text, tag
        self._spans: list[Span] = []  # offsets in the stream; those that may still touch a held line
        self._offset = 0
        self._matched: dict[str, int] = {}  # value over lines → length of its prefix that the stream ends with

    @property
    def is_holding(self) -> bool:
        """Whether lines wait for a decision; `flush` releases them."""
        return bool(self._held)

    def first_held_tag(self) -> Tag:
        """The tag of the oldest line that waits; only while `is_holding`."""
        return self._held[0][2]

    def feed(self, text: str, tag: Tag) -> list[tuple[str, Tag]]:
        """The lines that are decided now, masked, oldest first. A line that lies within a value vanishes."""
        secrets = self._secrets
        if not self._held and not secrets.over_lines:
            return [(secrets.mask(text) if secrets.in_line else text, tag)]
        self._held.append((self._offset, text, tag))
        if secrets.occurs_in(text):
            self._spans += [(self._offset + start, self._offset + end) for start, end in secrets.spans(text)]
        for value, borders in secrets.over_lines.items():
            self._follow(value, borders, text)
        self._offset += len(text)
        if len(self._held) > LONGEST_HELD:
            return self.flush()
        return self._release(self._offset - max(self._matched.values(), default=0))

    def flush(self) -> list[tuple[str, Tag]]:
        """The lines still held; what looked like the beginning of a value was none."""
        self._matched.clear()
        return self._release(self._offset)

    def _follow(self, value: str, borders: list[int], text: str) -> None:
        """Advance one value over the new line (Knuth, Morris, Pratt), noting where it is complete."""
        matched = self._matched.get(value, 0)
        if matched == 0 and value[0] not in text:
            return
        for position, character in enumerate(text, self._offset + 1):
            while matched and character != value[matched]:
                matched = borders[matched - 1]
            if character == value[matched]:
                matched += 1
            if matched == len(value):
                self._spans.append((position - matched, position))
                matched = borders[matched - 1]
        self._matched[value] = matched

    def _release(self, decided: int) -> list[tuple[str, Tag]]:
        """The held lines that end at or before the offset `decided`."""
        spans = self._spans = _merge(self._spans)
        known = len(spans)
        lines: list[tuple[str, Tag]] = []
        first = 0
        while self._held and self._held[0][0] + len(self._held[0][1]) <= decided:
            offset, text, tag = self._held.popleft()
            while first < len(spans) and spans[first][1] <= offset:
                first += 1
            masked = _replace(text, offset, spans, first)
            lines += [(masked, tag)] if masked is not None else []
        released = self._held[0][0] if self._held else self._offset
        self._spans = [span for span in spans[first:] if span[1] > released]
        self._secrets.hidden += known - len(self._spans)
        return lines


def _base64_forms(value: str) -> set[str]:
    """What every base64 text shows of the value, at each of its three places in a group of bytes."""
    data, forms = value.encode("utf-8", "surrogatepass"), set()
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data).decode("ascii").rstrip("=")
        first = (before * 8 + 5) // 6
        last = len(encoded) - (1 if (before + len(data)) % 3 else 0)  # a last character that the next byte changes
        for form in (encoded[first:last], encoded[first:last].translate(_URL_SAFE)):
            if len(form) >= SHORTEST_ENCODED_LENGTH:
                forms.add(form)
    return forms


_URL_SAFE = str.maketrans("+/", "-_")


def _escaped_forms(value: str) -> set[str]:
    """The value as URLs, JSON and XML hold it, where that differs from the value itself."""
    text = value.encode("utf-8", "replace").decode("utf-8")
    percent = {quote(text, safe=""), quote(text), quote_plus(text)}
    lower = {_lower_percent(each) for each in percent}
    others = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], html.escape(text)}
    return (percent | lower | others) - {value}


def _lower_percent(text: str) -> str:
    pieces = text.split("%")
    return "%".join([pieces[0], *(piece[:2].lower() + piece[2:] for piece in pieces[1:])])


def _replace(text: str, offset: int, spans: list[Span], first: int) -> str | None:
    """One line, at `offset` of its stream, with the merged spans from `first` on hidden; None if it lies within one."""
    pieces: list[str] = []
    position, end_of_line = offset, offset + len(text)
    for index in range(first, len(spans)):
        start, end = spans[index]
        if start >= end_of_line:
            break
        if start < offset and end >= end_of_line:
            return None
        pieces += [text[position - offset : start - offset], MASK] if start >= offset else []
        position = min(end, end_of_line)
    return "".join(pieces) + text[position - offset :]


def _occurrences(text: str, value: str, period: int) -> Iterator[Span]:
    """Where the value stands in the text; a run of overlapping occurrences is one span. Linear thanks to the period."""
    start = text.find(value)
    while start >= 0:
        end = start + len(value)
        while period < len(value) and text.startswith(value[-period:], end):
            end += period
        yield start, end
        start = text.find(value, end - len(value) + 1)


def _merge(spans: list[Span]) -> list[Span]:
    """The spans in order, overlapping ones joined; spans that only touch stay two."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _prefix_function(value: str) -> list[int]:
    """For each prefix of the value, the length of its longest proper border."""
    borders = [0] * len(value)
    length = 0
    for index in range(1, len(value)):
        while length and value[index] != value[length]:
            length = borders[length - 1]
        if value[index] == value[length]:
            length += 1
        borders[index] = length
    return borders
