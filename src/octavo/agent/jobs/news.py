"""Hears from supervisors that a job moved on. Source: `supervisor/news.py`, which sends."""

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path

from octavo.agent.supervisor.job_folder import NEWS_SOCKET

_MAX_AT_ONCE = 256


class NewsReceiver:
    """The agent's datagram socket in its run folder."""

    def __init__(self, run_folder: Path, on_news: Callable[[str], None]) -> None:
        self._on_news = on_news
        self._folder = os.open(run_folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        (run_folder / NEWS_SOCKET).unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(f"/proc/self/fd/{self._folder}/{NEWS_SOCKET}")
        (run_folder / NEWS_SOCKET).chmod(0o600)

    def start(self) -> None:
        """From now on call `on_news` with each ticket that has news."""
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._receive)

    def close(self) -> None:
        """Hear no more."""
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()
        os.close(self._folder)

    def _receive(self) -> None:
        tickets: set[str] = set()
        for _ in range(_MAX_AT_ONCE):
            try:
                tickets.add(self._socket.recv(1024).decode("utf-8", "replace"))
            except BlockingIOError:
                break
        for ticket in tickets:
            self._on_news(ticket)
