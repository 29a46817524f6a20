"""Tells the agent that a job moved on: one small datagram, lost without harm when no agent runs.

Sent by path each time, so that an agent which restarted hears the next one. The path goes through `/proc/self/fd`,
because a socket's path may have only 107 bytes and a home may be deeper.
"""

import os
import socket
import time

from octavo.agent.supervisor.job_folder import NEWS_SOCKET

_LAST_TRIES = 50
_LAST_PAUSE_SECONDS = 0.002


class NewsSender:
    """The way from one supervisor to the agent."""

    def __init__(self, run_folder: str, ticket: str) -> None:
        self._ticket = ticket.encode()
        self._folder = os.open(run_folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._address = f"/proc/self/fd/{self._folder}/{NEWS_SOCKET}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)

    def tell(self) -> bool:
        """Say that there is something new. Never waits, never fails; False when the agent's queue is full."""
        try:
            self._socket.sendto(self._ticket, self._address)
        except BlockingIOError:
            return False
        except OSError:
            return True  # no agent listens: the next one reads the folder
        return True

    def tell_last(self) -> None:
        """Say it once more and be patient: nothing follows that would wake the agent."""
        for _ in range(_LAST_TRIES):
            if self.tell():
                return
            time.sleep(_LAST_PAUSE_SECONDS)

    def close(self) -> None:
        """Let go of socket and folder."""
        self._socket.close()
        os.close(self._folder)
