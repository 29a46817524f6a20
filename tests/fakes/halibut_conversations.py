"""Conversations in the phases that tests start from."""

from uuid import UUID

import bson

from octavo.halibut import Limits
from octavo.halibut.core.conversation import Conversation, Role
from octavo.halibut.core.events import (
    Event,
    Identity,
    Kind,
    MessageEnd,
    Preamble,
    ServerIdentity,
)
from octavo.halibut.core.messages import Request, Response

LIMITS = Limits()
STREAM = UUID("8c381b65-bb84-4e47-a84b-d665b55f8b7f")


def a_request(**changes: object) -> Request:
    return Request(**{"id": "1", "service": "IEcho", "method": "Say", "params": ("x",), **changes})  # type: ignore[arg-type]


def a_request_with_a_stream() -> Request:
    value = {"$type": "Halibut.DataStream, Halibut", "id": bson.Binary(STREAM.bytes_le, 4), "length": bson.Int64(3)}
    return a_request(params=(value,), data_stream_ids=(STREAM,))


def tell(sender: Conversation, receiver: Conversation, *events: Event) -> list[Event]:
    """Say events and return what the other side heard."""
    heard: list[Event] = []
    for event in events:
        heard += receiver.receive_data(b"".join(sender.send(event)))
        heard += receiver.receive_data(b"")
    return heard


def listening() -> tuple[Conversation, Conversation]:
    """A caller that dialled and a service that listens, identified."""
    caller, service = Conversation(Role.CALLING_DIALLER, LIMITS), Conversation(Role.SERVING_LISTENER, LIMITS)
    tell(caller, service, Preamble(), Identity(Kind.CLIENT))
    tell(service, caller, ServerIdentity())
    return caller, service


def polling() -> tuple[Conversation, Conversation]:
    """A caller that listens and a service that dialled, identified."""
    caller, service = Conversation(Role.CALLING_LISTENER, LIMITS), Conversation(Role.SERVING_DIALLER, LIMITS)
    tell(service, caller, Preamble(), Identity(Kind.SUBSCRIBER, "poll://sub-1/"))
    tell(caller, service, ServerIdentity())
    return caller, service


def rested() -> tuple[Conversation, Conversation]:
    """A listening pair after one call."""
    caller, service = listening()
    tell(caller, service, a_request(), MessageEnd())
    tell(service, caller, Response("1"), MessageEnd())
    return caller, service


def greeted() -> Conversation:
    service = Conversation(Role.SERVING_LISTENER, LIMITS)
    service.receive_data(b"MX\n\n")
    return service
