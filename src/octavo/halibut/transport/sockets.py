"""What every socket of ours is set to. Source: halibut.md §8.1."""

import asyncio
import socket

_KEEP_ALIVE = (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 10))


def prepare_socket(transport: asyncio.BaseTransport) -> None:
    """Keep-alive, so that a peer that vanished is noticed after a minute. asyncio has set TCP_NODELAY already."""
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE:
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
