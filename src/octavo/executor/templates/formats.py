"""Dates and numbers in .NET's format strings, in the invariant culture: what the filters need of them.

A table of tokens, longest first. Source: script-execution.md §3.6 (`Format`, `NowDate`, `AddHours`).
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

_DATE = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?\s*(Z|[+-]\d{2}:?\d{2})?"
)
_US_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?: (\d{1,2}):(\d{2})(?::(\d{2}))?)?")


def parse_date(text: str) -> datetime:
    """A date as people and programs write it; naive when it says no offset.

    Raises:
        ValueError: it is no date.
    """
    text = text.strip()
    match = _DATE.fullmatch(text)
    if match:
        year, month, day, hour, minute, second, fraction, offset = match.groups()
        microsecond = int((fraction or "0").ljust(6, "0")[:6])
        zone = _zone(offset)
        numbers = (int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), microsecond)
        return datetime(*numbers, tzinfo=zone)
    match = _US_DATE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no date")
    month, day, year, hour, minute, second = match.groups()
    return datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))


def write_date(moment: datetime) -> str:
    """.NET's round-trip form: seven digits; `Z` for UTC, nothing for a naive moment, else the offset."""
    text = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond:06d}0"
    if moment.tzinfo is None:
        return text
    return f"{text}Z" if moment.tzinfo is UTC else text + _offset(moment)


def shift_date(text: str, unit: str, amount: float) -> str:
    """The date moved by so many hours or days, in round-trip form.

    Raises:
        ValueError, OverflowError: it is no date, or none is that far away.
    """
    return write_date(parse_date(text) + timedelta(**{unit: amount}))


def format_date(moment: datetime, pattern: str) -> str:
    """The moment by a .NET format string: a standard letter, or a custom pattern."""
    pattern = _STANDARD_DATES.get(pattern, pattern)
    return "".join(_date_token(moment, token) for token in _DATE_TOKENS.findall(pattern))


def format_number(number: float, pattern: str) -> str:
    """The number by a .NET format string: a standard letter with digits, or a custom pattern of `0`, `#`, `,`, `.`.

    Raises:
        ValueError: the pattern does not fit the number.
    """
    standard = re.fullmatch(r"([A-Za-z])(\d{0,2})", pattern)
    if standard:
        return _standard_number(number, standard.group(1), standard.group(2))
    return _custom_number(number, pattern)


def _offset(moment: datetime) -> str:
    text = moment.strftime("%z") or "+0000"
    return f"{text[:3]}:{text[3:5]}"


_STANDARD_DATES = {
    "d": "MM/dd/yyyy",
    "D": "dddd, dd MMMM yyyy",
    "t": "HH:mm",
    "T": "HH:mm:ss",
    "g": "MM/dd/yyyy HH:mm",
    "G": "MM/dd/yyyy HH:mm:ss",
    "f": "dddd, dd MMMM yyyy HH:mm",
    "F": "dddd, dd MMMM yyyy HH:mm:ss",
    "M": "MMMM dd",
    "Y": "yyyy MMMM",
    "s": "yyyy-MM-ddTHH:mm:ss",
    "u": "yyyy-MM-dd HH:mm:ssZ",
    "o": "yyyy-MM-ddTHH:mm:ss.fffffffK",
    "O": "yyyy-MM-ddTHH:mm:ss.fffffffK",
}
_DATE_TOKENS = re.compile(
    r"'[^']*'|\"[^\"]*\"|\\.|%.|y+|M+|d+|H+|h+|m+|s+|f+|F+|t+|z+|K|.",
    re.DOTALL,
)
_DATE_WRITERS: dict[str, Callable[[datetime], str]] = {
    "yyyy": lambda moment: f"{moment.year:04d}",
    "yyy": lambda moment: f"{moment.year:03d}",
    "yy": lambda moment: f"{moment.year % 100:02d}",
    "y": lambda moment: str(moment.year % 100),
    "MMMM": lambda moment: moment.strftime("%B"),
    "MMM": lambda moment: moment.strftime("%b"),
    "MM": lambda moment: f"{moment.month:02d}",
    "M": lambda moment: str(moment.month),
    "dddd": lambda moment: moment.strftime("%A"),
    "ddd": lambda moment: moment.strftime("%a"),
    "dd": lambda moment: f"{moment.day:02d}",
    "d": lambda moment: str(moment.day),
    "HH": lambda moment: f"{moment.hour:02d}",
    "H": lambda moment: str(moment.hour),
    "hh": lambda moment: f"{(moment.hour + 11) % 12 + 1:02d}",
    "h": lambda moment: str((moment.hour + 11) % 12 + 1),
    "mm": lambda moment: f"{moment.minute:02d}",
    "m": lambda moment: str(moment.minute),
    "ss": lambda moment: f"{moment.second:02d}",
    "s": lambda moment: str(moment.second),
    "tt": lambda moment: moment.strftime("%p"),
    "t": lambda moment: moment.strftime("%p")[:1],
    "zzz": _offset,
    "zz": lambda moment: _offset(moment)[:3],
    "K": lambda moment: "" if moment.tzinfo is None else ("Z" if moment.tzinfo is UTC else _offset(moment)),
}


def _date_token(moment: datetime, token: str) -> str:
    if token in _DATE_WRITERS:
        return _DATE_WRITERS[token](moment)
    if token[0] == "f":
        return f"{moment.microsecond:06d}0"[: len(token)]
    if token[0] == "F":
        return f"{moment.microsecond:06d}0"[: len(token)].rstrip("0")
    if token[0] == "y":
        return f"{moment.year:0{len(token)}d}"
    if token[0] in "\"'":
        return token[1:-1]
    if token[0] in "\\%" and len(token) > 1:
        return token[1] if token[0] == "\\" else _date_token(moment, token[1])
    return token


def _standard_number(number: float, letter: str, digits: str) -> str:
    precision = int(digits) if digits else None
    match letter.upper():
        case "D":
            return _signed_digits(_whole(number), f"0{precision or 1}d")
        case "X":
            return format(_whole(number) & 0xFFFFFFFF if number < 0 else _whole(number), f"0{precision or 1}{letter}")
        case "F":
            return f"{number:.{2 if precision is None else precision}f}"
        case "N":
            return f"{number:,.{2 if precision is None else precision}f}"
        case "P":
            return f"{number * 100:,.{2 if precision is None else precision}f} %"
        case "E":
            mantissa, exponent = f"{number:.{6 if precision is None else precision}e}".split("e")
            return f"{mantissa}{letter}{exponent[0]}{int(exponent[1:]):03d}"
        case "G":
            return f"{number:.{precision or 15}g}"
    raise ValueError(f"{letter!r} is no format of numbers")


def _custom_number(number: float, pattern: str) -> str:
    match = re.search(r"[0#][0#,]*(?:\.[0#]*)?", pattern)
    if match is None:
        raise ValueError(f"{pattern!r} is no format of numbers")
    whole_pattern, _, fraction_pattern = match.group().partition(".")
    text = f"{abs(number):.{len(fraction_pattern)}f}"
    whole, _, fraction = text.partition(".")
    least = fraction_pattern.rfind("0") + 1
    fraction = fraction[:least] + fraction[least:].rstrip("0")
    digits = whole_pattern.replace(",", "")
    whole = whole.lstrip("0").rjust(len(digits) - digits.find("0") if "0" in digits else 0, "0")
    if "," in whole_pattern.rstrip(","):
        whole = re.sub(r"(?<=\d)(?=(?:\d{3})+$)", ",", whole)
    sign = "-" if number < 0 and text.strip("0.") else ""
    return sign + pattern[: match.start()] + whole + (f".{fraction}" if fraction else "") + pattern[match.end() :]


def _signed_digits(number: int, form: str) -> str:
    return "-" + format(-number, form) if number < 0 else format(number, form)


def _whole(number: float) -> int:
    if int(number) != number:
        raise ValueError("this format is for whole numbers")
    return int(number)


def _zone(offset: str | None) -> timezone | None:
    if offset is None:
        return None
    if offset == "Z":
        return UTC
    hours, minutes = int(offset[1:3]), int(offset[-2:])
    span = timedelta(hours=hours, minutes=minutes)
    return timezone(-span if offset[0] == "-" else span)
