"""server/app.py: the socket that the API listens on."""

import socket

from octavo.server.app import open_socket
from octavo.server.settings import Address


def test_answers_do_not_wait_for_a_delayed_acknowledgement() -> None:
    """asyncio switches Nagle's algorithm off only on sockets that say they are TCP; with it each answer took 44 ms."""
    with open_socket(Address("127.0.0.1", 0), "listen") as web:
        assert web.proto == socket.IPPROTO_TCP
