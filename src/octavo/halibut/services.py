"""What we offer to callers: finding the method of a request, running it, and saying what went wrong as .NET peers do.

Source: halibut.md §7.
"""

import asyncio
import logging
import traceback
from dataclasses import dataclass
from typing import Any

from octavo.halibut.core.codec import Unreadable, decode_annotated, describe, encode_annotated, type_names
from octavo.halibut.core.data_streams import DataStream
from octavo.halibut.core.messages import Request, Response, ServerError
from octavo.halibut.core.methods import Method, methods_of
from octavo.halibut.core.wire_types import Contract
from octavo.halibut.errors import ServiceFailed
from octavo.halibut.transport.connection import Parcel

log = logging.getLogger(__name__)

_INVOCATION = "System.Reflection.TargetInvocationException: Exception has been thrown by the target of an invocation."
_SERVICE_UNKNOWN = "Halibut.Exceptions.ServiceNotFoundHalibutClientException"
_METHOD_UNKNOWN = "Halibut.Exceptions.MethodNotFoundHalibutClientException"
_AMBIGUOUS = "Halibut.Exceptions.AmbiguousMethodMatchHalibutClientException"


@dataclass(frozen=True, slots=True)
class _Offer:
    implementation: object
    methods: dict[str, Method]  # by folded wire name


class Services:
    """The services of this process. Names are found ignoring case."""

    def __init__(self) -> None:
        self._offers: dict[str, _Offer] = {}

    def offer(self, contract: Contract[Any], implementation: object) -> None:
        """Serve calls of `contract` by the coroutines of `implementation`. Offering again replaces."""
        methods = {method.wire_name.lower(): method for method in methods_of(contract).values()}
        self._offers[contract.name.lower()] = _Offer(implementation, methods)

    async def answer(self, parcel: Parcel) -> Parcel:
        """The response to a request. Whatever its service does, this returns; only cancellation passes."""
        request = parcel.message
        assert isinstance(request, Request)
        try:
            return await self._invoke(request, parcel.streams)
        except _Refusal as refusal:
            return Parcel(Response(request.id, error=refusal.error))
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.info("a call failed", extra={"service": request.service, "method": request.method}, exc_info=error)
            return Parcel(Response(request.id, error=_invocation_error(error)))

    async def _invoke(self, request: Request, streams: tuple[DataStream, ...]) -> Parcel:
        offer = self._offers.get(request.service.lower())
        if offer is None:
            raise _Refusal(_SERVICE_UNKNOWN, f"Service not found: {request.service}")
        method = offer.methods.get(request.method.lower())
        if method is None:
            place = f"{_full_name(offer.implementation)}::{request.method}Async"
            raise _Refusal(_METHOD_UNKNOWN, f"Method {place} not found")
        arguments = _decode_arguments(method, request, streams)
        result = await getattr(offer.implementation, method.name)(*arguments)
        sent: list[DataStream] = []
        value = encode_annotated(method.result, result, sent)
        response = Response(request.id, value, data_stream_ids=tuple(stream.id for stream in sent))
        return Parcel(response, tuple(sent))


class _Refusal(Exception):
    """No method can be called with this request."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error = ServerError(message, f"{error_type}: {message}", error_type)


def _decode_arguments(method: Method, request: Request, streams: tuple[DataStream, ...]) -> list[Any]:
    if len(request.params) != len(method.parameters):
        raise _no_match(method, request, f"{len(method.parameters)} arguments are expected")
    by_id = {stream.id: stream for stream in streams}
    try:
        return [
            decode_annotated(hint, value, by_id) for hint, value in zip(method.parameters, request.params, strict=True)
        ]
    except Unreadable as error:
        raise _no_match(method, request, str(error)) from error


def _no_match(method: Method, request: Request, reason: str) -> _Refusal:
    candidate = f"{method.wire_name}Async({', '.join(type_names(method.parameters))})"
    given = ", ".join(describe(value) for value in request.params)
    return _Refusal(
        _AMBIGUOUS,
        "Could not decide which candidate to call out of the following methods:\n"
        f" - {candidate}\nThe request arguments were:\n{given}\n{reason}\n",
    )


def _invocation_error(error: Exception) -> ServerError:
    """A method's own failure. Callers recognise it by the first sentence and do not repeat the call."""
    message = str(error) or type(error).__name__
    if isinstance(error, ServiceFailed) and error.details:
        inner = error.details
    else:
        inner = f"{_full_name(error)}: {message}\n{''.join(traceback.format_tb(error.__traceback__))}"
    return ServerError(message, f"{_INVOCATION}\n ---> {inner}")


def _full_name(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
