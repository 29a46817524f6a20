"""Package versions: NuGet's loose reading of SemVer 2, its order, and its ranges.

One to four numbers (missing ones count as 0), then labels after `-`, then metadata after `+` that the order ignores.
The original text is what people see; `Version.sort_key` is what databases sort by: hexadecimal digits only, so that
every collation orders it alike.

Source: script-execution.md §5.2; FOUNDATIONS §18 (why no library fits).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import total_ordering

LONGEST_VERSION = 256

_VERSION = re.compile(
    r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?(?:\+([0-9A-Za-z.\-]+))?",
    re.ASCII | re.IGNORECASE,
)


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """A version as people wrote it, with its place in the order. `1.0` equals `1.0.0` and `1.0.0+build`."""

    text: str
    numbers: tuple[int, int, int, int] = field(repr=False)
    labels: tuple[str, ...] = field(repr=False)

    @property
    def is_pre_release(self) -> bool:
        return bool(self.labels)

    @property
    def sort_key(self) -> str:
        """Text that sorts as versions do, byte by byte."""
        numbers = "".join(_number_key(str(number)) for number in self.numbers)
        labels = "-" + "".join(_label_key(label) for label in self.labels) if self.labels else "~"
        return (numbers + labels).encode("ascii").hex()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self.sort_key == other.sort_key

    def __lt__(self, other: "Version") -> bool:
        return self.sort_key < other.sort_key

    def __hash__(self) -> int:
        return hash(self.sort_key)


def find_version(text: str) -> Version | None:
    """The version that this text spells; None when it spells none."""
    match = _VERSION.fullmatch(text.strip()) if len(text) <= LONGEST_VERSION else None
    if match is None:
        return None
    first, second, third, fourth = (int(number or 0) for number in match.groups()[:4])
    return Version(text.strip(), (first, second, third, fourth), tuple(match[5].split(".")) if match[5] else ())


def parse_version(text: str) -> Version:
    """The version that this text spells.

    Raises:
        ValueError: it spells none; the message says what a version looks like.
    """
    version = find_version(text)
    if version is None:
        raise ValueError(f"'{text}' is not a version. A version looks like 1.2.3, 1.2.3.4 or 1.2.3-beta.1+build.")
    return version


@dataclass(frozen=True, slots=True)
class VersionRange:
    """Versions between two bounds; a bound that is None is open."""

    minimum: Version | None
    maximum: Version | None
    includes_minimum: bool
    includes_maximum: bool

    def __contains__(self, version: Version) -> bool:
        above = self.minimum is None or version > self.minimum or (self.includes_minimum and version == self.minimum)
        below = self.maximum is None or version < self.maximum or (self.includes_maximum and version == self.maximum)
        return above and below


def parse_range(text: str) -> VersionRange:
    """NuGet's notation: `1.0` (and newer), `[1.0]` (only that), `[1.0,2.0)`, `(,2.0]`.

    Raises:
        ValueError: the text is no such range.
    """
    stripped = text.replace(" ", "")
    if stripped[:1] not in ("[", "("):
        return VersionRange(parse_version(stripped), None, True, False)
    bounds = stripped[1:-1].split(",")
    if stripped[-1] not in ("]", ")") or len(bounds) > 2 or (len(bounds) == 1 and stripped[0] + stripped[-1] != "[]"):
        raise ValueError(f"'{text}' is not a version range. A range looks like 1.0, [1.0] or [1.0,2.0).")
    minimum, maximum = _bound(bounds[0]), _bound(bounds[-1])
    return VersionRange(minimum, maximum, stripped[0] == "[", stripped[-1] == "]")


def newest_first(versions: Sequence[Version]) -> list[Version]:
    """The versions, newest first."""
    return sorted(versions, reverse=True)


def _bound(text: str) -> Version | None:
    return parse_version(text) if text else None


def _number_key(digits: str) -> str:
    """Digits behind their count, so that text order is number order."""
    digits = digits.lstrip("0") or "0"
    return f"{len(digits):03d}{digits}"


def _label_key(label: str) -> str:
    """Numbers before words; `!` ends a word because it sorts before all that may stand in one."""
    return "0" + _number_key(label) if label.isdigit() else f"1{label.lower()}!"
