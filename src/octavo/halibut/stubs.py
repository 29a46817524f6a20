"""The caller's side of a contract: an object whose coroutines turn into requests, and responses into results or errors.

Source: halibut.md §5.1, §5.3, §7.5.
"""

import itertools
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar, cast
from uuid import uuid4

from octavo.halibut.core.codec import Unreadable, decode_annotated, encode_annotated, format_timespan
from octavo.halibut.core.data_streams import DataStream
from octavo.halibut.core.messages import Request, Response, ServerError
from octavo.halibut.core.methods import Method, methods_of
from octavo.halibut.core.wire_types import Contract
from octavo.halibut.endpoints import Endpoint
from octavo.halibut.errors import ResponseLost, ServiceFailed, ServiceNotFound
from octavo.halibut.limits import Limits
from octavo.halibut.transport.connection import Parcel

T = TypeVar("T")

#: Takes a request to the service and brings its response back.
Carrier = Callable[[Parcel], Awaitable[Parcel]]

_NOT_FOUND_TYPES = frozenset(
    f"Halibut.Exceptions.{name}HalibutClientException"
    for name in ("ServiceNotFound", "MethodNotFound", "AmbiguousMethodMatch", "NoMatchingServiceOrMethod")
)


def make_stub(contract: Contract[T], endpoint: Endpoint, limits: Limits, carry: Carrier) -> T:
    """An object with the coroutines of `contract` that calls the service at `endpoint` through `carry`."""
    return cast(T, _Stub(contract, _endpoint_document(endpoint, limits), carry))


class _Stub:
    def __init__(self, contract: Contract[Any], endpoint: dict[str, Any], carry: Carrier) -> None:
        self._contract = contract
        self._methods = methods_of(contract)
        self._endpoint = endpoint
        self._carry = carry
        self._counter = itertools.count(1)

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = self._methods.get(name)
        if method is None:
            raise AttributeError(f"{self._contract.name} has no method {name}")

        async def call(*arguments: Any) -> Any:
            response = await self._carry(self._request(method, arguments))
            return _result_of(method, response)

        return call

    def _request(self, method: Method, arguments: tuple[Any, ...]) -> Parcel:
        if len(arguments) != len(method.parameters):
            raise TypeError(f"{method.name} takes {len(method.parameters)} positional arguments")
        activity_id = uuid4()
        streams: list[DataStream] = []
        params = tuple(
            encode_annotated(hint, value, streams) for hint, value in zip(method.parameters, arguments, strict=True)
        )
        request = Request(
            id=f"{self._contract.name}::{method.wire_name}Async[{next(self._counter)}] / {activity_id}",
            service=self._contract.name,
            method=method.wire_name,
            params=params,
            activity_id=activity_id,
            endpoint=self._endpoint,
            data_stream_ids=tuple(stream.id for stream in streams),
        )
        return Parcel(request, tuple(streams))


def _result_of(method: Method, parcel: Parcel) -> Any:
    response = parcel.message
    assert isinstance(response, Response)
    if response.error is not None:
        parcel.discard_files()
        raise as_exception(response.error)
    try:
        return decode_annotated(method.result, response.result, {stream.id: stream for stream in parcel.streams})
    except Unreadable as error:
        parcel.discard_files()
        raise ResponseLost(f"{method.wire_name} was executed, but its answer cannot be read: {error}") from error


def as_exception(error: ServerError) -> ServiceFailed:
    """A service's error as the exception a caller decides by (§7.5, in its order)."""
    kind = ServiceNotFound if _is_not_found(error) else ServiceFailed
    return kind(error.message, error.details, error.error_type)


def _is_not_found(error: ServerError) -> bool:
    if error.error_type and error.error_type != "Halibut.HalibutClientException":
        return error.error_type in _NOT_FOUND_TYPES
    message, details = error.message, error.details
    return (
        message.startswith("Service not found: ")
        or (message.startswith("Service ") and message.endswith(" not found"))
        or details.startswith("System.Reflection.AmbiguousMatchException: ")
    )


def _endpoint_document(endpoint: Endpoint, limits: Limits) -> dict[str, Any]:
    """What .NET peers expect to see; they do not use it. The proxy, which holds a password, stays at home."""
    return {
        "PollingRequestQueueTimeout": _span(limits.collect_seconds),
        "RetryListeningSleepInterval": _span(limits.connect_pause_seconds),
        "RetryCountLimit": limits.connect_attempts,
        "ConnectionErrorRetryTimeout": _span(limits.connect_total_seconds),
        "TcpClientConnectTimeout": _span(limits.connect_seconds),
        "BaseUri": endpoint.canonical_uri,
        "RemoteThumbprint": endpoint.thumbprint,
        "Proxy": None,
        "ForceResolveHost": None,
        "IsWebSocketEndpoint": False,
    }


def _span(seconds: float) -> str:
    return format_timespan(timedelta(seconds=seconds))
