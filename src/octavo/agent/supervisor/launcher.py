"""The warm process from which supervisors are forked, so that a job starts in a millisecond or two.

It listens on one socket to its agent: a packet names a ticket's folder, the answer says what came of it. It takes the
job's lock before it forks, so the answer is certain: from then on the job is in the hands of a supervisor. When the
agent is gone the socket ends, and so does the launcher; supervisors go on, they are nobody's children.

Run as `python -I -S -c "…main(socket, agent lock)"` (see `launcher_command`).
"""

import gc
import json
import os
import signal
import socket
import sys
import traceback
from pathlib import Path

from octavo.agent.supervisor.job_folder import JobFolder, try_lock
from octavo.agent.supervisor.supervise import supervise

STARTED, LOCKED = "started", "locked"

_PACKET_BYTES = 65536


def launcher_command(socket_descriptor: int, lock_descriptor: int) -> list[str]:
    """How to run a launcher that inherits these two descriptors. `-I -S` keeps its start and memory small."""
    root = str(Path(__file__).parents[3])
    program = (
        f"import sys; sys.path.insert(0, {root!r}); from octavo.agent.supervisor.launcher import main; "
        f"main({socket_descriptor}, {lock_descriptor})"
    )
    return [sys.executable, "-I", "-S", "-c", program]


def main(socket_descriptor: int, lock_descriptor: int) -> None:
    """Serve until the agent is gone.

    `lock_descriptor` keeps the agent's lock on its home while we live: the next agent starts only when no launcher of
    this one can start anything any more.
    """
    os.chdir("/")
    os.umask(0o022)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    agent = socket.socket(fileno=socket_descriptor)
    gc.collect()
    gc.freeze()
    gc.disable()
    while packet := agent.recv(_PACKET_BYTES):
        name = packet.decode()
        outcome = _launch(JobFolder(Path(name)), (socket_descriptor, lock_descriptor))
        agent.send(json.dumps([name, outcome]).encode())


def _launch(folder: JobFolder, not_for_children: tuple[int, ...]) -> str:
    """Fork a supervisor for the job. What is returned is `started`, `locked` or what went wrong."""
    try:
        lock = try_lock(folder)
    except OSError as error:
        return str(error)
    if lock is None:
        return LOCKED
    try:
        child = os.fork()
    except OSError as error:
        os.close(lock)
        return str(error)
    if child == 0:
        _become_supervisor(folder, lock, not_for_children)
    os.close(lock)
    os.waitpid(child, 0)
    return STARTED


def _become_supervisor(folder: JobFolder, lock: int, not_for_children: tuple[int, ...]) -> None:
    """Fork once more and end, so that the supervisor is an orphan that nobody's end takes along. Never returns."""
    os.setsid()
    if os.fork() != 0:
        os._exit(0)
    for descriptor in not_for_children:
        os.close(descriptor)
    try:
        supervise(folder, lock)
    except Exception:  # the root of a process: the agent finds the lock free and reports an unknown result
        folder.crash_report.write_text(traceback.format_exc())
    os._exit(0)
