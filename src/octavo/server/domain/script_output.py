"""From what an agent sends to what is stored: levels by service messages, secrets masked, requests to the server.

Pure and linear in the output. A reader of an attempt that is resumed is fed the agent's log from its beginning, so
that modes and masks are as they were; lines up to the stored cursor are then dropped.
Source: DESIGN §6 (task log); script-execution.md §1, §4.4.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from octavo.server.domain.masking import MaskedStream, Secrets
from octavo.server.domain.script_effects import MaskValue, ScriptEffect, SetOutputVariable, effects_of, remark_on
from octavo.server.domain.service_messages import LABEL, Level, OutputReader, ServiceMessage, Stream
from octavo.server.domain.service_messages import Line as ReadLine
from octavo.server.domain.task_log import Entry, Line

_STREAMS = {stream.value: stream for stream in Stream}


@dataclass(frozen=True, slots=True)
class OutputBatch:
    """What may be stored now: lines, what the script asks of the server, and the cursor behind them."""

    lines: Sequence[Line]
    effects: Sequence[ScriptEffect]
    next_sequence: int


#: Behind every line: its sequence number, its level, its time.
_Tag = tuple[int, str, str]


@dataclass(slots=True)
class ScriptOutput:
    """Follows the output of one attempt. `stored` is how many of its entries are stored already."""

    stored: int = 0
    secrets: Secrets = field(default_factory=Secrets)
    _reader: OutputReader = field(default_factory=OutputReader)
    _masked: dict[Stream, MaskedStream[_Tag]] = field(default_factory=dict)
    _ready: list[tuple[int, Line]] = field(default_factory=list)

    def feed(self, entries: Sequence[Entry], first_sequence: int, *, is_last: bool = False) -> OutputBatch:
        """The lines that `entries` decide. With `is_last` nothing is held back any more."""
        last_sequence = first_sequence + len(entries) - 1
        plain = self._read_plainly(entries)
        if plain is not None:
            skipped = max(0, self.stored - first_sequence + 1)
            self.stored = max(self.stored, last_sequence)
            return OutputBatch(plain[skipped:], (), self.stored)
        effects: list[ScriptEffect] = []
        for sequence, entry in enumerate(entries, first_sequence):
            effects += self._read(sequence, entry)
        if is_last:
            for stream in self._masked.values():
                self._take(stream.flush())
        return OutputBatch(self._release(last_sequence), effects, self.stored)

    def _read_plainly(self, entries: Sequence[Entry]) -> list[Line] | None:
        """The quick way for output without messages and secrets; None when the long way must be gone."""
        text = "\n".join(entry.text for entry in entries)
        if LABEL in text or self.secrets.over_lines or self.secrets.occurs_in(text):
            return None
        levels = {stream.value: self._reader.level(stream) for stream in Stream}
        if Level.IGNORED in levels.values():
            return None
        return [Line(levels.get(entry.source, Level.INFO).value, entry.occurred, entry.text) for entry in entries]

    def _read(self, sequence: int, entry: Entry) -> list[ScriptEffect]:
        stream = _STREAMS.get(entry.source, Stream.STDOUT)
        effects: list[ScriptEffect] = []
        for item in self._reader.read_line(stream, entry.text):
            match item:
                case ReadLine():
                    masked = self._masked.setdefault(stream, MaskedStream(self.secrets))
                    self._take(masked.feed(item.text, (sequence, item.level.value, entry.occurred)))
                case ServiceMessage():
                    effects += effects_of(item)
                    if remark := remark_on(item):
                        masked = self._masked.setdefault(stream, MaskedStream(self.secrets))
                        self._take(masked.feed(remark[1], (sequence, remark[0].value, entry.occurred)))
        for effect in effects:
            if isinstance(effect, MaskValue) or (isinstance(effect, SetOutputVariable) and effect.is_sensitive):
                self.secrets.add(effect.value)
        return effects

    def _take(self, decided: Sequence[tuple[str, _Tag]]) -> None:
        self._ready += [(sequence, Line(level, occurred, text)) for text, (sequence, level, occurred) in decided]

    def _release(self, last_sequence: int) -> list[Line]:
        """The decided lines before the first that is still held, so that the cursor never passes a held one."""
        held = [stream.first_held_tag() for stream in self._masked.values() if stream.is_holding]
        cursor = min([last_sequence, *(tag[0] - 1 for tag in held)])
        self._ready.sort(key=itemgetter(0))
        lines = [line for sequence, line in self._ready if self.stored < sequence <= cursor]
        self._ready = [each for each in self._ready if each[0] > cursor]
        self.stored = max(self.stored, cursor)
        return lines
