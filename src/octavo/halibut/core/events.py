"""All that can be said on a connection.

`Request`, `NullRequest` and `Response` (see `messages`) are events too; behind them come the data streams they
announce, and `MessageEnd` closes the message. Source: halibut.md §2, §3, §6.
"""

from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from octavo.halibut.core.messages import NullRequest, Request, Response


class Kind(Enum):
    """Who a dialler says it is."""

    CLIENT = "MX-CLIENT"
    SUBSCRIBER = "MX-SUBSCRIBER"


@dataclass(frozen=True, slots=True)
class Preamble:
    """The dialler's first word."""


@dataclass(frozen=True, slots=True)
class Stray:
    """The dialler's first word was another: a browser, or somebody who wants to see our certificate."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The dialler says what it is; a subscriber names its canonical `poll://id/`."""

    kind: Kind
    subscription: str | None = None


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """The listener answers that it is one."""


@dataclass(frozen=True, slots=True)
class Next:
    """The dialler asks: is this connection still good?"""


@dataclass(frozen=True, slots=True)
class Proceed:
    """The listener answers: it is."""


@dataclass(frozen=True, slots=True)
class End:
    """The dialler closes."""


@dataclass(frozen=True, slots=True)
class StreamStart:
    """A data stream follows."""

    id: UUID
    length: int


@dataclass(frozen=True, slots=True)
class StreamData:
    """Some of its bytes."""

    data: bytes | memoryview


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """All of its bytes were there."""


@dataclass(frozen=True, slots=True)
class MessageEnd:
    """The message and its data streams are complete. Nothing on the wire says so; both sides count."""


Event = (
    Preamble | Stray | Identity | ServerIdentity | Next | Proceed | End
    | Request | NullRequest | Response | StreamStart | StreamData | StreamEnd | MessageEnd
)  # fmt: skip
