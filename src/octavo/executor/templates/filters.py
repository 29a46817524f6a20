"""The filters of the template language, by name. Each takes its input and arguments and gives a text, or None where it
cannot: the token is then left as it was.

Regular expressions come from users and run with a time limit (`regex` has one, the standard library none).
Source: script-execution.md §3.6.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import escape

from octavo.executor.templates.formats import (
    format_date,
    format_number,
    parse_date,
    shift_date,
    write_date,
)
from octavo.executor.versions import find_version

REGEX_SECONDS = 1.0
MAX_INDENT = 1_000

Apply = Callable[[str, Sequence[str]], str | None]


class _Entry(NamedTuple):
    apply: Apply
    least: int = 0
    most: int = 0


def apply_filter(name: str, value: str | None, arguments: Sequence[str]) -> str | None:
    """The filtered text; None when there is no such filter, the arguments do not fit or the input cannot be used.

    `value` is None where a chain begins with this filter.
    """
    entry = _FILTERS.get(name.lower())
    if entry is None or not entry.least <= len(arguments) <= entry.most:
        return None
    if value is None and name.lower() not in _WITHOUT_INPUT:
        return None
    try:
        return entry.apply(value or "", arguments)
    except (ValueError, OverflowError, re.error, TimeoutError, ImportError):
        return None


# ---- Text ------------------------------------------------------------------------------------------------------------


def _substring(value: str, arguments: Sequence[str]) -> str | None:
    numbers = [int(argument) for argument in arguments]
    if any(number < 0 for number in numbers):
        return None
    if len(numbers) == 1:
        return value[: numbers[0]] if numbers[0] <= len(value) else None
    start, length = numbers
    return value[start : start + length] if start <= len(value) else None


def _truncate(value: str, arguments: Sequence[str]) -> str | None:
    length = int(arguments[0])
    if length < 0:
        return None
    suffix = arguments[1] if len(arguments) > 1 else "..."
    return value if len(value) <= length else value[:length] + suffix


def _trim(value: str, arguments: Sequence[str]) -> str | None:
    how = arguments[0].lower() if arguments else ""
    return {"": value.strip, "start": value.lstrip, "end": value.rstrip}[how]() if how in ("", "start", "end") else None


def _indent(value: str, arguments: Sequence[str]) -> str | None:
    first, rest = _indents(arguments)
    lines = re.split(r"(\r\n|\n)", value)
    return first + lines[0] + "".join(each + rest if each in ("\n", "\r\n") else each for each in lines[1:])


def _indents(arguments: Sequence[str]) -> tuple[str, str]:
    if not arguments:
        return " " * 4, " " * 4
    if len(arguments) == 2:
        return arguments[0], arguments[1]
    first, slash, rest = arguments[0].partition("/")
    if slash and rest.isdigit() and (first.isdigit() or not first):
        return _blanks(first or "0"), _blanks(rest)
    return (_blanks(first), _blanks(first)) if first.isdigit() and not slash else (arguments[0], arguments[0])


def _blanks(count: str) -> str:
    return " " * min(int(count), MAX_INDENT)


class _Bounded:
    """Searches that end: the library of the server stops a pattern that takes too long."""

    def __init__(self, library: Any) -> None:
        self._library = library

    def search(self, pattern: str, text: str) -> object:
        return self._guarded(lambda: self._library.search(pattern, text, timeout=REGEX_SECONDS))

    def sub(self, pattern: str, replacement: str, text: str) -> object:
        return self._guarded(lambda: self._library.sub(pattern, replacement, text, timeout=REGEX_SECONDS))

    def _guarded(self, work: Callable[[], object]) -> object:
        try:
            return work()
        except self._library.error as error:
            raise ValueError(str(error)) from error


@cache
def _regular_expressions() -> Any:
    """On a worker without the library Python's own: there a step may take its time with its own pattern."""
    try:
        import regex
    except ImportError:
        return re
    return _Bounded(regex)


def _match(value: str, arguments: Sequence[str]) -> str | None:
    return _bool(_regular_expressions().search(arguments[0], value) is not None)


def _replace(value: str, arguments: Sequence[str]) -> str | None:
    replacement = arguments[1] if len(arguments) > 1 else ""
    pattern = re.sub(r"\(\?<(\w+)>", r"(?P<\1>", arguments[0])
    return str(_regular_expressions().sub(pattern, _python_replacement(replacement), value))


def _python_replacement(replacement: str) -> str:
    """.NET's `$1`, `${name}` and `$$` as Python writes them."""

    def rewrite(match: re.Match[str]) -> str:
        if match.group() == "$$":
            return "$"
        return f"\\g<{match.group(1) or match.group(2)}>"

    return re.sub(r"\$\$|\$(\d+)|\$\{(\w+)\}", rewrite, replacement.replace("\\", "\\\\"))


def _bool(value: bool) -> str:
    return "true" if value else "false"


# ---- Escapes ---------------------------------------------------------------------------------------------------------

_XML_QUOTES = {'"': "&quot;", "'": "&apos;"}


def _html_escape(value: str, _: Sequence[str]) -> str:
    return escape(value, {**_XML_QUOTES, "/": "&#x2F;"})


def _json_escape(value: str, _: Sequence[str]) -> str:
    return _translated(value, {"\\": "\\\\", '"': '\\"', "\r": "\\r", "\n": "\\n", "\t": "\\t"})


def _yaml_single(value: str, _: Sequence[str]) -> str:
    return re.sub(r"\r\n|\n", lambda match: match.group() * 2, value.replace("'", "''"))


_YAML_DOUBLE = {"\\": "\\\\", '"': '\\"', "\r": "\\r", "\n": "\\n", "\t": "\\t", "\0": "\\0", "\a": "\\a", "\b": "\\b"}


def _yaml_double(value: str, _: Sequence[str]) -> str:
    def one(character: str) -> str:
        if character in _YAML_DOUBLE:
            return _YAML_DOUBLE[character]
        return character if " " <= character <= "~" else "".join(f"\\u{unit:04X}" for unit in _utf16(character))

    return "".join(one(character) for character in value)


def _properties_key(value: str, _: Sequence[str]) -> str:
    return _properties(value, {" ": "\\ ", ":": "\\:", "=": "\\="})


def _properties_value(value: str, _: Sequence[str]) -> str:
    escaped = _properties(value, {})
    return f"\\{escaped}" if escaped.startswith(" ") else escaped


def _properties(value: str, more: dict[str, str]) -> str:
    table = {"\\": "\\\\", "\r": "\\r", "\n": "\\n", "\t": "\\t", **more}

    def one(character: str) -> str:
        if character in table:
            return table[character]
        return character if ord(character) < 0xFF else "".join(f"\\u{unit:04x}" for unit in _utf16(character))

    return "".join(one(character) for character in value)


def _utf16(character: str) -> list[int]:
    data = character.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(data[place : place + 2]) for place in range(0, len(data), 2)]


def _translated(value: str, table: dict[str, str]) -> str:
    return value.translate({ord(character): text for character, text in table.items()})


def _uri_escape(value: str, _: Sequence[str]) -> str:
    return quote(value, safe=":/?#[]@!$&'()*+,;=-._~%")


def _uri_data_escape(value: str, _: Sequence[str]) -> str:
    return quote(value, safe="-._~")


def _markdown(value: str, _: Sequence[str]) -> str:
    return str(_markdown_renderer().render(value))


@cache
def _markdown_renderer() -> Any:
    """The server has the library, workers may not: `apply_filter` then leaves the token as it is."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable(["table", "strikethrough"])


# ---- Encodings and hashes --------------------------------------------------------------------------------------------


def _encoding(arguments: Sequence[str]) -> str | None:
    return {"": "utf-8", "utf8": "utf-8", "unicode": "utf-16-le"}.get(arguments[0].lower() if arguments else "")


def _to_base64(value: str, arguments: Sequence[str]) -> str | None:
    encoding = _encoding(arguments)
    return None if encoding is None else base64.b64encode(value.encode(encoding, "surrogatepass")).decode()


def _from_base64(value: str, arguments: Sequence[str]) -> str | None:
    encoding = _encoding(arguments)
    return None if encoding is None else base64.b64decode(value, validate=True).decode(encoding)


def _hash(algorithm: str) -> Apply:
    def apply(value: str, arguments: Sequence[str]) -> str | None:
        sizes = [int(argument) for argument in arguments if argument.isdigit()]
        encodings = [argument.lower() for argument in arguments if not argument.isdigit()]
        if len(sizes) > 1 or len(encodings) > 1:
            return None
        encoding = encodings[0] if encodings else "utf8"
        if encoding == "base64":
            data = base64.b64decode(value, validate=True)
        elif encoding in ("utf8", "unicode"):
            data = value.encode("utf-8" if encoding == "utf8" else "utf-16-le")
        else:
            return None
        digest = hashlib.new(algorithm, data, usedforsecurity=False).digest()
        return digest[: sizes[0]].hex() if sizes else digest.hex()

    return apply


# ---- Dates and numbers -----------------------------------------------------------------------------------------------


def _now(_: str, arguments: Sequence[str]) -> str:
    return _moment(datetime.now(UTC).astimezone().replace(tzinfo=None), arguments)


def _now_utc(_: str, arguments: Sequence[str]) -> str:
    return _moment(datetime.now(UTC), arguments)


def _moment(moment: datetime, arguments: Sequence[str]) -> str:
    return format_date(moment, arguments[0]) if arguments else write_date(moment)


def _add(unit: str) -> Apply:
    return lambda value, arguments: shift_date(value, unit, float(arguments[0]))


def _format(value: str, arguments: Sequence[str]) -> str | None:
    kind, pattern = (arguments[0].lower(), arguments[1]) if len(arguments) > 1 else ("", arguments[0])
    if kind in ("int", "int32"):
        return format_number(int(value), pattern)
    if kind in ("double", "decimal"):
        return format_number(float(value), pattern)
    if kind in ("date", "datetime", "datetimeoffset"):
        return format_date(parse_date(value), pattern)
    if kind:
        return None
    try:
        number = int(value) if re.fullmatch(r"[+-]?\d+", value.strip()) else float(value)
    except ValueError:
        return format_date(parse_date(value), pattern)
    return format_number(number, pattern)


# ---- Addresses and versions ------------------------------------------------------------------------------------------

_DEFAULT_PORTS = {"http": 80, "https": 443, "ftp": 21, "ws": 80, "wss": 443, "ldap": 389}


def _uri_part(value: str, arguments: Sequence[str]) -> str:
    wanted = arguments[0]
    parts = urlsplit(value)
    name = wanted.lower()
    if name == "isabsoluteuri":
        return _bool(bool(parts.scheme))
    if name not in _URI_PARTS:
        return f"[UriPart {wanted} error: argument '{wanted}' not supported]"
    if not parts.scheme:
        return f"[UriPart {wanted} error: This operation is not supported for a relative URI.]"
    port = parts.port if parts.port is not None else _DEFAULT_PORTS.get(parts.scheme, -1)
    host = parts.hostname or ""
    is_default = parts.port is None or parts.port == _DEFAULT_PORTS.get(parts.scheme)
    path = parts.path or "/"
    query = f"?{parts.query}" if parts.query else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    user = f"{parts.netloc.rpartition('@')[0]}" if "@" in parts.netloc else ""
    authority = host if is_default else f"{host}:{port}"
    answers = {
        "absolutepath": path,
        "absoluteuri": f"{parts.scheme}://{f'{user}@' if user else ''}{authority}{path}{query}{fragment}",
        "authority": authority,
        "dnssafehost": host,
        "fragment": fragment,
        "host": host,
        "hostandport": f"{host}:{port}",
        "hostnametype": _host_type(host),
        "isdefaultport": _bool(is_default),
        "isfile": _bool(parts.scheme == "file"),
        "isloopback": _bool(host in ("localhost", "127.0.0.1", "::1")),
        "isunc": _bool(parts.scheme == "file" and bool(host)),
        "path": path,
        "pathandquery": path + query,
        "port": str(port),
        "query": query,
        "scheme": parts.scheme,
        "schemeandserver": f"{parts.scheme}://{authority}",
        "userinfo": user,
    }
    return answers[name]


_URI_PARTS = frozenset(
    [
        "absolutepath",
        "absoluteuri",
        "authority",
        "dnssafehost",
        "fragment",
        "host",
        "hostandport",
        "hostnametype",
        "isdefaultport",
        "isfile",
        "isloopback",
        "isunc",
        "path",
        "pathandquery",
        "port",
        "query",
        "scheme",
        "schemeandserver",
        "userinfo",
    ]
)


def _host_type(host: str) -> str:
    if ":" in host:
        return "IPv6"
    return "IPv4" if re.fullmatch(r"\d+(\.\d+){3}", host) else "Dns"


def _version(part: str) -> Apply:
    def apply(value: str, _: Sequence[str]) -> str | None:
        version = find_version(value)
        if version is None:
            return None
        labels = ".".join(version.labels)
        prefix, _dot, counter = labels.partition(".")
        numbers = dict(zip(("Major", "Minor", "Patch", "Revision"), map(str, version.numbers), strict=True))
        metadata = value.partition("+")[2]
        return {
            **numbers,
            "PreRelease": labels,
            "PreReleasePrefix": prefix,
            "PreReleaseCounter": counter,
            "Metadata": metadata,
        }[part]

    return apply


_VERSION_PARTS = (
    *("Major", "Minor", "Patch", "Revision"),
    *("PreRelease", "PreReleasePrefix", "PreReleaseCounter", "Metadata"),
)
_MANY = 1_000

_FILTERS: dict[str, _Entry] = {
    "tolower": _Entry(lambda value, _: value.lower()),
    "toupper": _Entry(lambda value, _: value.upper()),
    "tobase64": _Entry(_to_base64, 0, 1),
    "frombase64": _Entry(_from_base64, 0, 1),
    "htmlescape": _Entry(_html_escape),
    "xmlescape": _Entry(lambda value, _: escape(value, _XML_QUOTES)),
    "jsonescape": _Entry(_json_escape),
    "yamlsinglequoteescape": _Entry(_yaml_single),
    "yamldoublequoteescape": _Entry(_yaml_double),
    "propertieskeyescape": _Entry(_properties_key),
    "propertiesvalueescape": _Entry(_properties_value),
    "uriescape": _Entry(_uri_escape),
    "uridataescape": _Entry(_uri_data_escape),
    "markdown": _Entry(_markdown),
    "markdowntohtml": _Entry(_markdown),
    "nowdate": _Entry(_now, 0, 1),
    "nowdateutc": _Entry(_now_utc, 0, 1),
    "addhours": _Entry(_add("hours"), 1, 1),
    "adddays": _Entry(_add("days"), 1, 1),
    "format": _Entry(_format, 1, 2),
    "match": _Entry(_match, 1, 1),
    "startswith": _Entry(lambda value, arguments: _bool(value.startswith(arguments[0])), 1, 1),
    "endswith": _Entry(lambda value, arguments: _bool(value.endswith(arguments[0])), 1, 1),
    "contains": _Entry(lambda value, arguments: _bool(arguments[0] in value), 1, 1),
    "replace": _Entry(_replace, 1, 2),
    "substring": _Entry(_substring, 1, 2),
    "truncate": _Entry(_truncate, 1, 2),
    "trim": _Entry(_trim, 0, 1),
    "indent": _Entry(_indent, 0, 2),
    "uripart": _Entry(_uri_part, 1, 1),
    "append": _Entry(lambda value, arguments: value + "".join(arguments), 1, _MANY),
    "prepend": _Entry(lambda value, arguments: "".join(arguments) + value, 1, _MANY),
    "null": _Entry(lambda _value, _arguments: None),
    **{name: _Entry(_hash(name), 0, 2) for name in ("md5", "sha1", "sha256", "sha384", "sha512")},
    **{f"version{part.lower()}": _Entry(_version(part)) for part in _VERSION_PARTS},
}
_WITHOUT_INPUT = frozenset({"nowdate", "nowdateutc", "null"})
