"""Halibut, the RPC protocol between server and agents, as a library. Uses nothing of ours."""

from octavo.halibut.core.data_streams import DataStream
from octavo.halibut.core.wire_types import Contract, Long, wire_type
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

__all__ = [
    "Contract",
    "DataStream",
    "HalibutError",
    "LocalProtocolError",
    "Long",
    "NotDelivered",
    "ProtocolError",
    "RemoteProtocolError",
    "ResponseLost",
    "ServiceFailed",
    "ServiceNotFound",
    "UntrustedPeer",
    "wire_type",
]
