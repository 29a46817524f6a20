"""Halibut, the RPC protocol between server and agents, as a library. Uses nothing of ours."""

from octavo.halibut.core.data_streams import DataStream
from octavo.halibut.core.wire_types import Contract, Long, wire_type
from octavo.halibut.endpoints import Endpoint, Proxy
from octavo.halibut.errors import (
    HalibutError,
    LocalProtocolError,
    NotDelivered,
    ProtocolError,
    RemoteProtocolError,
    ResponseLost,
    ServiceFailed,
    ServiceNotFound,
    UntrustedPeer,
)
from octavo.halibut.identity import Identity, Thumbprint, new_identity, parse_thumbprint
from octavo.halibut.limits import Limits
from octavo.halibut.queue import CollectedCall, MemoryQueue, PollingQueue
from octavo.halibut.runtime import Runtime
from octavo.halibut.transport.connection import Parcel
from octavo.halibut.transport.listener import FriendlyPage, Listener
from octavo.halibut.trust import Trust

__all__ = [
    "CollectedCall",
    "Contract",
    "DataStream",
    "Endpoint",
    "FriendlyPage",
    "HalibutError",
    "Identity",
    "Limits",
    "Listener",
    "LocalProtocolError",
    "Long",
    "MemoryQueue",
    "NotDelivered",
    "Parcel",
    "PollingQueue",
    "ProtocolError",
    "Proxy",
    "RemoteProtocolError",
    "ResponseLost",
    "Runtime",
    "ServiceFailed",
    "ServiceNotFound",
    "Thumbprint",
    "Trust",
    "UntrustedPeer",
    "new_identity",
    "parse_thumbprint",
    "wire_type",
]
