"""What a script's output says: plain lines with a level, and `##octopus[…]` messages to the server.

Pure and linear. One `OutputReader` follows one script execution: it remembers the mode each stream was switched to.
A message must be complete within its line; an unclosed one is ordinary text, a malformed one becomes a warning.
`script_effects.py` says what a message asks for.

Source: script-execution.md §1.1–1.4.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

#: A chunk of output without this text is plain lines at `OutputReader.level`: readers may skip the parser.
LABEL = "##octopus["


class Stream(StrEnum):
    """Where a line came from. `DEBUG` lines are the agent's own."""

    STDOUT = "stdout"
    STDERR = "stderr"
    DEBUG = "debug"


class Level(StrEnum):
    """How a line is shown. `IGNORED` lines are dropped."""

    VERBOSE = "Verbose"
    INFO = "Info"
    HIGHLIGHT = "Highlight"
    WAIT = "Wait"
    WARNING = "Warning"
    ERROR = "Error"
    IGNORED = "Ignored"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the task log, not yet masked."""

    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class ServiceMessage:
    """A message to the server. Attribute names are in lower case; the message's name keeps its case."""

    name: str
    attributes: Mapping[str, str]


#: What each mode switch does: the stream it turns, and the level that stream's later lines get.
MODE_SWITCHES: Mapping[str, tuple[Stream, Level]] = {
    "stdout-default": (Stream.STDOUT, Level.INFO),
    "stdout-verbose": (Stream.STDOUT, Level.VERBOSE),
    "stdout-warning": (Stream.STDOUT, Level.WARNING),
    "stdout-error": (Stream.STDOUT, Level.ERROR),
    "stdout-highlight": (Stream.STDOUT, Level.HIGHLIGHT),
    "stdout-wait": (Stream.STDOUT, Level.WAIT),
    "stdout-ignore": (Stream.STDOUT, Level.IGNORED),
    "stderr-default": (Stream.STDERR, Level.ERROR),
    "stderr-error": (Stream.STDERR, Level.ERROR),
    "stderr-progress": (Stream.STDERR, Level.VERBOSE),
    "stderr-ignore": (Stream.STDERR, Level.IGNORED),
}


class OutputReader:
    """Reads one execution's output. A fresh execution needs a fresh reader: modes start at their defaults."""

    def __init__(self) -> None:
        self._levels = {Stream.STDOUT: Level.INFO, Stream.STDERR: Level.ERROR, Stream.DEBUG: Level.VERBOSE}

    def level(self, stream: Stream) -> Level:
        """The level of plain lines of this stream from now on."""
        return self._levels[stream]

    def read_line(self, stream: Stream, text: str) -> list[Line | ServiceMessage]:
        """What one whole line (without its terminator) says, in order. Mode switches act here and are not returned."""
        if LABEL not in text:
            return self._plain(stream, text)
        items: list[Line | ServiceMessage] = []
        position = 0
        while (label := text.find(LABEL, position)) >= 0 and (end := text.find("]", label)) >= 0:
            items += self._plain(stream, text[position:label]) if label > position else []
            items += self._message(text[label + len(LABEL) : end])
            position = end + 1
        return items + (self._plain(stream, text[position:]) if position < len(text) else [])

    def _plain(self, stream: Stream, text: str) -> list[Line | ServiceMessage]:
        level = self._levels[stream]
        return [] if level is Level.IGNORED else [Line(level, text)]

    def _message(self, body: str) -> list[Line | ServiceMessage]:
        message = parse_message(body)
        if message is None:
            return [Line(Level.WARNING, f"Could not parse '{LABEL}{body}]'")]
        if (switch := MODE_SWITCHES.get(message.name)) is not None:
            stream, level = switch
            self._levels[stream] = level
            return []
        return [message]


_NAME = re.compile(r"[^\W\d][\w.\-]*")
_ATTRIBUTE = re.compile(r"""\s+([^\W\d][\w.\-]*)=(['"])([A-Za-z0-9+/=]*)\2""")


def parse_message(body: str) -> ServiceMessage | None:
    """The message whose text between the brackets is `body`; None when it is malformed."""
    name = _NAME.match(body)
    if name is None:
        return None
    attributes: dict[str, str] = {}
    position = name.end()
    while (attribute := _ATTRIBUTE.match(body, position)) is not None:
        key, value = attribute[1].lower(), _decode(attribute[3])
        if value is None or key in attributes:
            return None
        attributes[key] = value
        position = attribute.end()
    return ServiceMessage(name[0], attributes) if not body[position:].strip() else None


def _decode(value: str) -> str | None:
    try:
        return base64.b64decode(value, validate=True).decode("utf-8", "replace")
    except binascii.Error:
        return None
