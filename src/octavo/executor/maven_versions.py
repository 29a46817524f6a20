"""Versions as Maven orders them: any text is one, and qualifiers like `alpha` and `sp` have their places.

A version is split at dots, hyphens and between digits and letters (which counts as a hyphen, as does a dot before a
word). Null values (`0`, ``, `final`, `ga`, `release`) at the end and before each hyphen do not count, so that
`1.0.0-foo` is `1-foo`. What is left makes a key of tokens that sorts as Maven does: at each place, from old to new,

    a qualifier before the release < nothing < a release and words after it < `-number` < `.number`

Source: Maven's POM reference, "Version Order Specification".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import total_ordering

#: In their order; `""` is the release, and unknown words come after all of these by their letters.
_QUALIFIERS = ("alpha", "beta", "milestone", "rc", "snapshot", "", "sp")
_RELEASE = _QUALIFIERS.index("")
_ALIASES = {"cr": "rc", "final": "", "ga": "", "release": ""}
#: Only directly before a digit.
_SHORT = {"a": "alpha", "b": "beta", "m": "milestone"}

_EARLY, _NOTHING, _LATE, _HYPHEN_NUMBER, _DOT_NUMBER = range(5)
_PIECE = re.compile(r"([.-]?)([^.-]*)")
_RUN = re.compile(r"[0-9]+|[^0-9]+")

_Token = tuple[int, int, str]
_NULLS = frozenset({(_DOT_NUMBER, 0, ""), (_LATE, _RELEASE, "")})


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class MavenVersion:
    """A version as people wrote it, with its place in Maven's order. `1.0` equals `1` and `1-ga`."""

    text: str
    _key: tuple[_Token, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_key", tuple(_tokens(self.text)))

    @property
    def is_snapshot(self) -> bool:
        """Whether it names what is still being built, and so stands for changing files."""
        return self.text.upper().endswith("-SNAPSHOT")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MavenVersion) and self._key == other._key

    def __lt__(self, other: "MavenVersion") -> bool:
        return self._key < other._key

    def __hash__(self) -> int:
        return hash(self._key)


def _tokens(text: str) -> Iterator[_Token]:
    for place, segment in enumerate(_segments(text.strip().lower())):
        while segment and segment[-1] in _NULLS:
            segment.pop()
        for number, (kind, weight, word) in enumerate(segment):
            opens_hyphen = kind == _DOT_NUMBER and place > 0 and number == 0
            yield _HYPHEN_NUMBER if opens_hyphen else kind, weight, word
    yield _NOTHING, 0, ""


def _segments(text: str) -> Iterator[list[_Token]]:
    """What stands between hyphens; a word always begins one."""
    segment: list[_Token] = []
    for separator, piece in _PIECE.findall(text):
        runs = _RUN.findall(piece) or (["0"] if separator else [])
        for number, run in enumerate(runs):
            token = _token(run, is_before_digit=number + 1 < len(runs))
            if segment and (number or separator == "-" or token[0] != _DOT_NUMBER):
                yield segment
                segment = []
            segment.append(token)
    yield segment


def _token(run: str, is_before_digit: bool) -> _Token:
    if run[0] in "0123456789":
        digits = run.lstrip("0")
        return _DOT_NUMBER, len(digits), digits  # digits behind their count sort as numbers, however many there are
    word = _SHORT.get(run, run) if is_before_digit else run
    word = _ALIASES.get(word, word)
    if word not in _QUALIFIERS:
        return _LATE, len(_QUALIFIERS), word
    rank = _QUALIFIERS.index(word)
    return _EARLY if rank < _RELEASE else _LATE, rank, ""
