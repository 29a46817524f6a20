"""Keeps a launcher running and hands it jobs. Source: docs/decisions/0020-supervisor-per-ticket.md."""

import asyncio
import json
import logging
import socket
import subprocess
from pathlib import Path

from octavo.agent.supervisor.job_folder import PENDING, JobFolder, find_state, is_locked, was_taken
from octavo.agent.supervisor.launcher import LOCKED, STARTED, launcher_command

log = logging.getLogger(__name__)

_PACKET_BYTES = 65536
_RESTART_SECONDS = 0.2
_MAX_TRIES = 5


class LaunchFailed(Exception):
    """The job could not be given to a supervisor and surely does not run. The message says why."""


class Launcher:
    """The agent's end of the launcher process; starts a new one when it died."""

    def __init__(self, agent_lock: int, run_folder: Path) -> None:
        self._run_folder = run_folder
        self._agent_lock = agent_lock
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._waiting: dict[str, asyncio.Future[str]] = {}
        self._gone = asyncio.Event()

    @property
    def process_id(self) -> int | None:
        """The launcher's process, while there is one."""
        return self._process.pid if self._process else None

    async def run(self) -> None:
        """Have a launcher at all times, until cancelled."""
        try:
            while True:
                if self._process is None:
                    self.start()
                await self._gone.wait()
                log.warning("the launcher ended and is started again")
                self.close()
                await asyncio.sleep(_RESTART_SECONDS)
        finally:
            self.close()

    def start(self) -> None:
        """Start the process; `run` does it when it is missing."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            descriptors = (theirs.fileno(), self._agent_lock)
            self._process = subprocess.Popen(
                launcher_command(*descriptors, self._run_folder),
                pass_fds=descriptors,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        ours.setblocking(False)
        self._socket = ours
        self._gone.clear()
        asyncio.get_running_loop().add_reader(ours.fileno(), self._receive)

    async def launch(self, folder: JobFolder) -> None:
        """Have the job started, exactly once; returns when a supervisor has it (or had it).

        Raises:
            LaunchFailed: it was not started, after some tries.
        """
        reason = "the launcher does not run"
        for _ in range(_MAX_TRIES):
            outcome = await self._ask(folder)
            if outcome == STARTED or is_locked(folder) or _was_started(folder):
                return
            reason = "somebody else held its lock" if outcome == LOCKED else outcome
            await asyncio.sleep(_RESTART_SECONDS)
        raise LaunchFailed(f"The script could not be started: {reason}.")

    def close(self) -> None:
        """End the launcher by ending the connection; supervisors go on."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None
        if self._process is not None:
            self._process.wait()  # it ends as soon as it reads the end of the connection
            self._process = None
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result("the launcher ended")
        self._waiting.clear()

    async def _ask(self, folder: JobFolder) -> str:
        if self._socket is None:
            return "the launcher does not run"
        name = str(folder.path)
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting[name] = answer
        try:
            self._socket.send(name.encode())
        except OSError as error:
            return str(error)
        return await answer

    def _receive(self) -> None:
        assert self._socket is not None  # noqa: S101  the reader is removed before the socket goes
        try:
            packet = self._socket.recv(_PACKET_BYTES)
        except BlockingIOError:
            return
        except ConnectionError:
            packet = b""
        if not packet:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._gone.set()
            return
        name, outcome = json.loads(packet)
        waiting = self._waiting.pop(name, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(outcome)


def _was_started(folder: JobFolder) -> bool:
    state = find_state(folder)
    return was_taken(folder) or (state is not None and state.state != PENDING)
