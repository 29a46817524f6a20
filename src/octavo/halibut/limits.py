"""Every time-out and size of the protocol in one place, in seconds and bytes.

The defaults are what a Tentacle uses (halibut.md §8.1), and where the protocol knows no bound, ours.
"""

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait, how much to take."""

    # Time of one step.
    connect_seconds: float = 60
    io_seconds: float = 60  # any read or write without a more special limit, one data stream block included
    control_seconds: float = 60  # NEXT, PROCEED, END
    response_seconds: float = 300  # the first byte of a response: how long a call may take
    next_message_seconds: float = 60  # a polling service: the first byte of a request or null message
    next_request_seconds: float = 600  # a listening service: the first byte of a request
    proxy_seconds: float = 15

    # The caller's queue for polling services.
    queue_wait_seconds: float = 30  # then a null message keeps the connection alive
    collect_seconds: float = 120  # an uncollected request is given up

    # Connections.
    pooled_connections: int = 5  # idle ones kept for each endpoint
    pooled_connection_seconds: float = 50  # a Tentacle closes after 60: never reuse what it is about to close
    connect_attempts: int = 5
    connect_pause_seconds: float = 1
    connect_total_seconds: float = 300
    reconnect_minimum_seconds: float = 5
    reconnect_maximum_seconds: float = 120
    reconnect_after_loss_seconds: float = 0.5  # after a connection that worked: up to this, then the two above
    polling_connections: int = 512  # to one server, all busy with calls
    surplus_connection_seconds: float = 30  # an idle polling connection that nobody needs

    # Strangers: connections that have not shown a trusted certificate.
    strangers: int = 1024  # more at once push the oldest out
    stranger_seconds: float = 60  # TLS, preamble and identity together
    preamble_bytes: int = 20_000
    line_bytes: int = 4 * KIB

    # Sizes.
    message_bytes: int = 64 * MIB  # inflated; the protocol has no limit
    nesting: int = 64
    data_streams: int = 1_000  # with one message
    data_stream_bytes: int = 64 * 1024 * MIB
