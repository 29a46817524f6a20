"""Python values to and from the values BSON knows, guided by type hints.

A document's members are written in declaration order under PascalCase names and read in any order and case; unknown
ones are ignored, absent ones get the field's default. Only classes marked by `wire_type` are ever made from the wire.
Encoders and decoders are built once per type and are plain closures: this is the hot path of every call.

Source: halibut.md §4.4–4.6, §7.3; tentacle-services.md §1.2, §1.3.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from functools import cache, lru_cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from bson import Binary, Int64
from bson.binary import UUID_SUBTYPE

from octavo.halibut.core.data_streams import DataStream
from octavo.halibut.core.wire_types import WIRE_NAMES, Long, WireName

Streams = Mapping[UUID, DataStream]
Encoder = Callable[[Any, list[DataStream]], Any]
Decoder = Callable[[Any, Streams], Any]

DATA_STREAM_NAME = WireName("Halibut.DataStream, Halibut")
_TIMESPAN = re.compile(r"(-?)(?:(\d{1,8})\.)?(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,7}))?")
_LONGEST_TYPE_NAME = 1_000  # longer ones are nobody's, and must not fill the cache of comparisons
_INT32 = range(-(2**31), 2**31)
_INT64 = range(-(2**63), 2**63)


class Unreadable(Exception):
    """A value from the wire is not what its type hint says. The message says where and what."""


def encode_annotated(hint: Any, value: Any, streams: list[DataStream]) -> Any:
    """`value` for a place that .NET declares as `object` (an argument, a result): objects carry `$type` first.

    The data streams in it are appended to `streams` in document order.
    """
    return _annotated_encoder(hint)(value, streams)


def decode_annotated(hint: Any, value: Any, streams: Streams) -> Any:
    """The inverse of `encode_annotated`.

    Raises:
        Unreadable: the value is of another type, or its `$type` is another.
    """
    return _annotated_decoder(hint)(value, streams)


def encode_uuid(value: UUID) -> Binary:
    """A Guid: binary subtype 4 in .NET's mixed byte order."""
    return Binary(value.bytes_le, UUID_SUBTYPE)


def decode_uuid(value: object) -> UUID:
    """A Guid from binary or text."""
    if isinstance(value, Binary) and len(value) == 16:
        return UUID(bytes_le=bytes(value))
    if isinstance(value, str):
        try:
            return UUID(value)
        except ValueError as error:
            raise Unreadable(f"«{value[:50]}» is no Guid") from error
    raise Unreadable(f"expected a Guid, found {describe(value)}")


def format_timespan(value: timedelta) -> str:
    """`[-][d.]hh:mm:ss[.fffffff]`."""
    sign, value = ("-", -value) if value < timedelta() else ("", value)
    hours, rest = divmod(value.seconds, 3600)
    days = f"{value.days}." if value.days else ""
    fraction = f".{value.microseconds * 10:07d}" if value.microseconds else ""
    return f"{sign}{days}{hours:02d}:{rest // 60:02d}:{rest % 60:02d}{fraction}"


def parse_timespan(text: str) -> timedelta:
    """The inverse of `format_timespan`; a tenth of a microsecond is dropped."""
    found = _TIMESPAN.fullmatch(text)
    if found is None:
        raise Unreadable(f"«{text[:50]}» is no TimeSpan")
    sign, days, hours, minutes, seconds, fraction = found.groups()
    span = timedelta(
        days=int(days or 0),
        hours=int(hours),
        minutes=int(minutes),
        seconds=int(seconds),
        microseconds=int((fraction or "").ljust(7, "0")) // 10,
    )
    return -span if sign else span


def member_name(field_name: str) -> str:
    """The wire's spelling: `script_ticket` → `ScriptTicket`."""
    return "".join(part.capitalize() for part in field_name.split("_"))


def describe(value: object) -> str:
    """The .NET name of a raw value's type, as error texts show it."""
    if isinstance(value, dict):
        name = value.get("$type")
        return name.partition(",")[0][:200] if isinstance(name, str) else "Newtonsoft.Json.Linq.JObject"
    if isinstance(value, Binary):
        return "System.Guid" if value.subtype == UUID_SUBTYPE else "System.Byte[]"
    return _DESCRIPTIONS.get(type(value), type(value).__name__)


def is_named(value: Mapping[str, object], expected: WireName) -> bool:
    """Whether `$type` is the first member and one of the expected spellings (version and culture ignored)."""
    if next(iter(value), None) != "$type":
        return False
    name = value["$type"]
    return isinstance(name, str) and len(name) < _LONGEST_TYPE_NAME and _same_type(name, expected)


# --- encoding ---------------------------------------------------------------------------------------------------------


@cache
def _annotated_encoder(hint: Any) -> Encoder:
    inner, _ = _without_none(hint)
    encode = _encoder(inner)
    if (wire_name := _wire_name(inner)) is not None:
        name = wire_name.name
        return lambda value, streams: None if value is None else {"$type": name, **encode(value, streams)}
    if get_origin(inner) is tuple:
        array = f"{_framework_name(get_args(inner)[0])}[], mscorlib"
        return lambda value, streams: None if value is None else {"$type": array, "$values": encode(value, streams)}
    if inner is bytes:
        return lambda value, _: None if value is None else {"$type": "System.Byte[], mscorlib", "$value": value}
    return lambda value, streams: None if value is None else encode(value, streams)


@cache
def _encoder(hint: Any) -> Encoder:
    inner, optional = _without_none(hint)
    if optional:
        encode = _encoder(inner)
        return lambda value, streams: None if value is None else encode(value, streams)
    if inner in _SCALAR_ENCODERS:
        return _SCALAR_ENCODERS[inner]
    if isinstance(inner, type) and issubclass(inner, IntEnum):
        return lambda value, _: int(value)
    if get_origin(inner) is tuple:
        item = _encoder(get_args(inner)[0])
        return lambda value, streams: [item(each, streams) for each in value]
    if _is_mapping(inner):
        member = _encoder(get_args(inner)[1])
        return lambda value, streams: {str(key): member(each, streams) for key, each in value.items()}
    return _object_encoder(inner)


def _object_encoder(cls: type[Any]) -> Encoder:
    hints = _hints(cls)
    members = [(member_name(name), name, _encoder(hint)) for name, hint in hints.items()]
    return lambda value, streams: {wire: encode(getattr(value, name), streams) for wire, name, encode in members}


def _encode_stream(value: DataStream, streams: list[DataStream]) -> dict[str, Any]:
    streams.append(value)
    return {"id": encode_uuid(value.id), "length": Int64(value.length)}


def _encode_int32(value: int, _: list[DataStream]) -> int:
    if value not in _INT32:
        raise ValueError(f"{value} does not fit 32 bits; declare the field as Long.")
    return int(value)


def _encode_datetime(value: datetime, _: list[DataStream]) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone; use aware UTC times.")
    return value


_SCALAR_ENCODERS: dict[Any, Encoder] = {
    str: lambda value, _: value,
    bool: lambda value, _: value,
    bytes: lambda value, _: value,
    float: lambda value, _: float(value),
    int: _encode_int32,
    Long: lambda value, _: Int64(value),
    datetime: _encode_datetime,
    timedelta: lambda value, _: format_timespan(value),
    UUID: lambda value, _: encode_uuid(value),
    DataStream: _encode_stream,
    NoneType: lambda _value, _streams: None,
}


# --- decoding ---------------------------------------------------------------------------------------------------------


@cache
def _annotated_decoder(hint: Any) -> Decoder:
    inner, optional = _without_none(hint)
    decode = _unwrapping(inner, _decoder(inner))

    def decode_or_none(value: Any, streams: Streams) -> Any:
        if value is None:
            if optional or inner is NoneType:
                return None
            raise Unreadable(f"expected {_framework_name(inner)}, found null")
        return decode(value, streams)

    return decode_or_none


def _unwrapping(inner: Any, decode: Decoder) -> Decoder:
    """Take the `$type` wrapper off what .NET wraps in untyped places."""
    if (expected := _wire_name(inner)) is not None:

        def decode_named(value: Any, streams: Streams) -> Any:
            if not isinstance(value, dict) or not is_named(value, expected):
                raise Unreadable(f"expected {expected.name.partition(',')[0]}, found {describe(value)}")
            return decode(value, streams)

        return decode_named
    if get_origin(inner) is tuple or inner is bytes:
        key = "$value" if inner is bytes else "$values"

        def decode_wrapped(value: Any, streams: Streams) -> Any:
            return decode(value[key] if isinstance(value, dict) and key in value else value, streams)

        return decode_wrapped
    return decode


@cache
def _decoder(hint: Any) -> Decoder:
    inner, optional = _without_none(hint)
    if optional:
        decode = _decoder(inner)
        return lambda value, streams: None if value is None else decode(value, streams)
    if inner in _SCALAR_DECODERS:
        return _SCALAR_DECODERS[inner]
    if isinstance(inner, type) and issubclass(inner, IntEnum):
        return _enum_decoder(inner)
    if get_origin(inner) is tuple:
        return _tuple_decoder(_decoder(get_args(inner)[0]))
    if _is_mapping(inner):
        return _mapping_decoder(_decoder(get_args(inner)[1]))
    return _object_decoder(inner)


def _object_decoder(cls: type[Any]) -> Decoder:
    hints = _hints(cls)
    members = [(member_name(name), name, _decoder(hint)) for name, hint in hints.items()]
    defaults = {name: _default_of(cls, name, hint) for name, hint in hints.items()}

    def decode(value: Any, streams: Streams) -> Any:
        if not isinstance(value, dict):
            raise Unreadable(f"expected {cls.__name__}, found {describe(value)}")
        found = {}
        folded: dict[str, Any] | None = None
        for wire, name, decode_member in members:
            raw = value.get(wire)
            if raw is None and wire not in value:
                folded = folded if folded is not None else {key.lower(): each for key, each in value.items()}
                raw = folded.get(wire.lower())
            try:
                found[name] = defaults[name]() if raw is None else decode_member(raw, streams)
            except Unreadable as error:
                raise Unreadable(f"{cls.__name__}.{wire}: {error}") from error
        return cls(**found)

    return decode


def _default_of(cls: type[Any], name: str, hint: Any) -> Callable[[], Any]:
    """What an absent or null member becomes: null where allowed, else the field's default, else .NET's zero."""
    inner, optional = _without_none(hint)
    if optional:
        return lambda: None
    field = next(field for field in dataclasses.fields(cls) if field.name == name)
    if field.default is not dataclasses.MISSING:
        default = field.default
        return lambda: default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory
    if inner in _ZEROS:
        zero = _ZEROS[inner]
        return lambda: zero
    if get_origin(inner) is tuple:
        return tuple
    if _is_mapping(inner):
        return dict
    if isinstance(inner, type) and issubclass(inner, IntEnum):
        return lambda: inner(0)
    return _missing


def _missing() -> Any:
    raise Unreadable("is missing")


def _enum_decoder(cls: type[IntEnum]) -> Decoder:
    members: dict[str | float, IntEnum] = {int(member): member for member in cls}
    members.update({member.name.replace("_", "").lower(): member for member in cls})

    def decode(value: Any, _: Streams) -> IntEnum:
        key = value.lower() if isinstance(value, str) else value
        found = members.get(key) if isinstance(key, str | int | float) else None
        if found is None:
            raise Unreadable(f"expected a {cls.__name__}, found {value!r:.50}")
        return found

    return decode


def _tuple_decoder(item: Decoder) -> Decoder:
    def decode(value: Any, streams: Streams) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Unreadable(f"expected an array, found {describe(value)}")
        return tuple([item(each, streams) for each in value])

    return decode


def _mapping_decoder(member: Decoder) -> Decoder:
    def decode(value: Any, streams: Streams) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Unreadable(f"expected a dictionary, found {describe(value)}")
        return {key: member(each, streams) for key, each in value.items() if key != "$type"}

    return decode


def _decode_text(value: Any, _: Streams) -> str:
    if isinstance(value, str):
        return str(value)
    raise Unreadable(f"expected System.String, found {describe(value)}")


def _decode_boolean(value: Any, _: Streams) -> bool:
    if isinstance(value, bool):
        return value
    raise Unreadable(f"expected System.Boolean, found {describe(value)}")


def _decode_bytes(value: Any, _: Streams) -> bytes:
    if isinstance(value, bytes):
        return bytes(value)
    raise Unreadable(f"expected System.Byte[], found {describe(value)}")


def _decode_float(value: Any, _: Streams) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise Unreadable(f"expected System.Double, found {describe(value)}")


def _decode_integer(allowed: range, name: str) -> Decoder:
    def decode(value: Any, _: Streams) -> int:
        whole = isinstance(value, float) and value.is_integer()
        if (whole or (isinstance(value, int) and not isinstance(value, bool))) and int(value) in allowed:
            return int(value)
        raise Unreadable(f"expected {name}, found {describe(value)}")

    return decode


def _decode_datetime(value: Any, _: Streams) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, str):
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError as error:
            raise Unreadable(f"«{value[:50]}» is no date") from error
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    raise Unreadable(f"expected System.DateTime, found {describe(value)}")


def _decode_timespan(value: Any, _: Streams) -> timedelta:
    return parse_timespan(_decode_text(value, _))


def _decode_stream(value: Any, streams: Streams) -> DataStream:
    if not isinstance(value, dict):
        raise Unreadable(f"expected Halibut.DataStream, found {describe(value)}")
    stream = streams.get(decode_uuid(value.get("id")))
    if stream is None:
        raise Unreadable("the data stream did not come with the message")
    return stream


def _decode_nothing(value: Any, _: Streams) -> None:
    """A void method's result is null; whatever an odd peer sends instead has no reader."""


_SCALAR_DECODERS: dict[Any, Decoder] = {
    str: _decode_text,
    bool: _decode_boolean,
    bytes: _decode_bytes,
    float: _decode_float,
    int: _decode_integer(_INT32, "System.Int32"),
    Long: _decode_integer(_INT64, "System.Int64"),
    datetime: _decode_datetime,
    timedelta: _decode_timespan,
    UUID: lambda value, _: decode_uuid(value),
    DataStream: _decode_stream,
    NoneType: _decode_nothing,
}
_ZEROS: dict[Any, Any] = {
    str: "", bool: False, bytes: b"", float: 0.0, int: 0, Long: 0, timedelta: timedelta(), UUID: UUID(int=0)
}  # fmt: skip
_FRAMEWORK_NAMES: dict[Any, str] = {
    str: "System.String", bool: "System.Boolean", bytes: "System.Byte[]", float: "System.Double", int: "System.Int32",
    Long: "System.Int64", datetime: "System.DateTime", timedelta: "System.TimeSpan", UUID: "System.Guid",
    DataStream: "Halibut.DataStream",
}  # fmt: skip
_DESCRIPTIONS: dict[type, str] = {
    NoneType: "<null>", str: "System.String", bool: "System.Boolean", bytes: "System.Byte[]", float: "System.Double",
    int: "System.Int64", Int64: "System.Int64", datetime: "System.DateTime", list: "Newtonsoft.Json.Linq.JArray",
}  # fmt: skip


def _wire_name(hint: Any) -> WireName | None:
    """The `$type` of a class that needs one where .NET declares `object`."""
    return DATA_STREAM_NAME if hint is DataStream else WIRE_NAMES.get(hint)


# --- hints ------------------------------------------------------------------------------------------------------------


def _framework_name(hint: Any) -> str:
    """The full .NET name of a hint's type, without its assembly."""
    inner, _ = _without_none(hint)
    if inner in _FRAMEWORK_NAMES:
        return _FRAMEWORK_NAMES[inner]
    if inner in WIRE_NAMES:
        return WIRE_NAMES[inner].name.partition(",")[0]
    return getattr(inner, "__name__", str(inner))


def type_names(hints: Sequence[Any]) -> list[str]:
    """The .NET names of some hints, for error texts."""
    return [_framework_name(hint) for hint in hints]


def _hints(cls: type[Any]) -> dict[str, Any]:
    if cls not in WIRE_NAMES:
        raise TypeError(f"{cls.__name__} does not travel: mark it with @wire_type.")
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def _without_none(hint: Any) -> tuple[Any, bool]:
    """`X | None` as (X, True), anything else as (itself, False)."""
    if get_origin(hint) in (UnionType, Union):
        rest = [each for each in get_args(hint) if each is not NoneType]
        if len(rest) == 1:
            return rest[0], True
    return hint, False


def _is_mapping(hint: Any) -> bool:
    origin = get_origin(hint)
    return isinstance(origin, type) and issubclass(origin, Mapping)


@lru_cache(maxsize=1024)
def _same_type(name: str, expected: WireName) -> bool:
    spelling = ",".join(part.strip() for part in name.split(",")[:2])
    return spelling in {known.replace(", ", ",") for known in (expected.name, *expected.also_read)}
