"""The envelope: requests, responses and server errors as BSON documents, and the data streams they announce.

Arguments and results stay raw BSON values here; `codec` turns them into Python values once the method is known.

Source: halibut.md §4.1, §4.5, §5, §6.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import bson
from bson.binary import UUID_SUBTYPE, Binary, UuidRepresentation
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError

from octavo.halibut.core.codec import Unreadable, decode_uuid, encode_uuid, is_named
from octavo.halibut.core.wire_types import WireName
from octavo.halibut.errors import RemoteProtocolError

_REQUEST = WireName("Halibut.Transport.Protocol.RequestMessage, Halibut")
_RESPONSE = WireName("Halibut.Transport.Protocol.ResponseMessage, Halibut")
_OPTIONS: CodecOptions[dict[str, Any]] = CodecOptions(
    tz_aware=True,
    uuid_representation=UuidRepresentation.UNSPECIFIED,
    datetime_conversion=DatetimeConversion.DATETIME_CLAMP,
)


@dataclass(frozen=True, slots=True)
class Request:
    """Call `method` of `service` with `params`, raw BSON values in order. `id` is opaque and unique."""

    id: str
    service: str
    method: str
    params: tuple[Any, ...] = ()
    activity_id: UUID | None = None
    endpoint: Mapping[str, Any] | None = None
    data_stream_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class NullRequest:
    """Nothing was queued: the keep-alive of polling."""


@dataclass(frozen=True, slots=True)
class ServerError:
    """What the service says of a failure. `details` is its full exception text."""

    message: str
    details: str
    error_type: str | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """The answer to the request with this id: an error, or a raw BSON value."""

    id: str
    result: Any = None
    error: ServerError | None = None
    data_stream_ids: tuple[UUID, ...] = field(default=())


def encode_message(message: Request | NullRequest | Response) -> bytes:
    """The BSON document that says `message`."""
    match message:
        case NullRequest():
            body: Any = None
        case Request():
            body = _request_document(message)
        case Response():
            body = _response_document(message)
    return bson.encode({"Message": body}, codec_options=_OPTIONS)


def decode_request(document: bytes, nesting: int) -> Request | NullRequest:
    """The request in a BSON document.

    Raises:
        RemoteProtocolError: it is no request, or is nested deeper than `nesting`.
    """
    body = decode_document(document).get("Message")
    if body is None:
        return NullRequest()
    if not isinstance(body, dict) or not _may_be(body, _REQUEST):
        raise RemoteProtocolError("expected a request")
    service, method, params = body.get("service"), _member(body, "method"), _member(body, "params")
    service = service if service is not None else _member(body, "service")
    if not isinstance(service, str) or not isinstance(method, str) or not isinstance(params, list):
        raise RemoteProtocolError("a request lacks its service, method or params")
    streams = tuple(_find_data_streams(params, nesting - 2))
    return Request(_text(_member(body, "id")), service, method, tuple(params), _activity(body), None, streams)


def decode_response(document: bytes, nesting: int) -> Response:
    """The response in a BSON document.

    Raises:
        RemoteProtocolError: it is no response, or is nested deeper than `nesting`.
    """
    body = decode_document(document).get("Message")
    if not isinstance(body, dict) or not _may_be(body, _RESPONSE):
        raise RemoteProtocolError("expected a response")
    error, result = _member(body, "error"), _member(body, "result")
    streams = tuple(_find_data_streams(result, nesting - 2))
    return Response(_text(_member(body, "id")), result, _server_error(error), streams)


def decode_document(document: bytes) -> dict[str, Any]:
    """A BSON document as raw values: Guids stay binary, int64 stays `Int64`.

    Raises:
        RemoteProtocolError: it is not BSON.
    """
    try:
        return bson.decode(document, codec_options=_OPTIONS)
    except (BSONError, RecursionError, ValueError, OverflowError, TypeError) as error:
        raise RemoteProtocolError(f"a message is not BSON: {error}") from error


def encode_document(values: Mapping[str, Any]) -> bytes:
    """The inverse of `decode_document`, byte for byte."""
    return bson.encode(values, codec_options=_OPTIONS)


def _request_document(request: Request) -> dict[str, Any]:
    return {
        "$type": _REQUEST.name,
        "id": request.id,
        "activityId": None if request.activity_id is None else encode_uuid(request.activity_id),
        "endpoint": request.endpoint,
        "service": request.service,
        "method": request.method,
        "params": list(request.params),
    }


def _response_document(response: Response) -> dict[str, Any]:
    error = response.error
    return {
        "$type": _RESPONSE.name,
        "id": response.id,
        "error": None
        if error is None
        else {"message": error.message, "details": error.details, "HalibutErrorType": error.error_type},
        "result": response.result,
    }


def _may_be(body: Mapping[str, Any], expected: WireName) -> bool:
    """Peers since 4.4.8 do not need the envelope's `$type`; another one than expected is refused."""
    return "$type" not in body or is_named(body, expected)


def _member(body: Mapping[str, Any], name: str) -> Any:
    if name in body:
        return body[name]
    return next((value for key, value in body.items() if key.lower() == name.lower()), None)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _activity(body: Mapping[str, Any]) -> UUID | None:
    """Only for logs: what cannot be read is none."""
    try:
        return decode_uuid(_member(body, "activityId"))
    except Unreadable:
        return None


def _server_error(value: object) -> ServerError | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise RemoteProtocolError("a response's error is no object")
    error_type = _member(value, "HalibutErrorType")
    return ServerError(
        _text(_member(value, "message")),
        _text(_member(value, "details")),
        error_type if isinstance(error_type, str) else None,
    )


def _find_data_streams(value: Any, nesting: int) -> list[UUID]:
    """The ids of all DataStream objects, in document order: `{id: Guid, length: integer}` with or without `$type`."""
    found: list[UUID] = []
    _collect_data_streams(value, nesting, found)
    if len(set(found)) != len(found):
        raise RemoteProtocolError("a message announces one data stream twice")
    return found


def _collect_data_streams(value: Any, nesting: int, found: list[UUID]) -> None:
    if nesting < 0:
        raise RemoteProtocolError("a message is nested too deep")
    if isinstance(value, dict):
        stream_id = value.get("id")
        if isinstance(stream_id, Binary) and _is_data_stream(value, stream_id):
            found.append(UUID(bytes_le=bytes(stream_id)))
            return
        value = value.values()
    elif not isinstance(value, list):
        return
    for each in value:
        if isinstance(each, dict | list):
            _collect_data_streams(each, nesting - 1, found)


def _is_data_stream(value: Mapping[str, Any], stream_id: Binary) -> bool:
    members = len(value) - ("$type" in value)
    is_guid = stream_id.subtype == UUID_SUBTYPE and len(stream_id) == 16
    return is_guid and members == 2 and isinstance(value.get("length"), int)
