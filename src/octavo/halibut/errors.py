"""What can go wrong on the wire, sorted by what the caller must do.

HalibutError
├── ProtocolError
│   ├── LocalProtocolError     ours to fix: we tried what the phase does not allow
│   └── RemoteProtocolError    theirs: the peer said what nobody may say; the connection is closed
├── NotDelivered               the service never had the request; trying again is safe and useful
│   └── UntrustedPeer          it showed another certificate than we trust; trying again is useless
├── ResponseLost               it may have been executed; ask first (idempotent calls may be repeated)
└── ServiceFailed              the service answered with an error; repeating gives the same
    └── ServiceNotFound        it has no such service, method or overload
"""


class HalibutError(Exception):
    """The root of the wire's errors."""


class ProtocolError(HalibutError):
    """The protocol was not kept."""


class LocalProtocolError(ProtocolError):
    """We tried what the phase does not allow; nothing was sent."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol; its connection is of no more use."""


class NotDelivered(HalibutError):
    """The request surely was not executed: no connection, or it was never collected."""


class UntrustedPeer(NotDelivered):
    """The peer's certificate is not the one we trust. The message names both thumbprints."""


class ResponseLost(HalibutError):
    """The request was under way when the connection broke: it may have been executed."""


class ServiceFailed(HalibutError):
    """The service answered with an error.

    `details` is the peer's full text, `error_type` its `HalibutErrorType` or None.
    """

    def __init__(self, message: str, details: str = "", error_type: str | None = None) -> None:
        super().__init__(message)
        self.details = details
        self.error_type = error_type


class ServiceNotFound(ServiceFailed):
    """The peer has no such service or method, or none with these parameters."""
