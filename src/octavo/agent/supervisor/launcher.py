"""The warm process from which supervisors are forked, so that a job starts in a millisecond or two.

It listens on one socket to its agent: a packet names a ticket's folder, the answer says what came of it. One supervisor
always waits in reserve, forked and orphaned already; it takes the job's lock and says so, and from then on the job is
surely in its hands. The next reserve is forked while that job starts.

When the agent is gone its socket ends, and so do the launcher and the reserve; supervisors at work go on, they are
nobody's children.

Run as `python -I -S -c "…main(socket, agent lock, run folder)"` (see `launcher_command`).
"""

import contextlib
import gc
import json
import os
import signal
import socket
import sys
import time
import traceback
from pathlib import Path

from octavo.agent.supervisor.job_folder import JobFolder, JobPlan, new_state, try_lock, write_plan, write_state
from octavo.agent.supervisor.supervise import rehearse, supervise

STARTED, LOCKED = "started", "locked"

_PACKET_BYTES = 65536

#: When jobs come faster than this, a rehearsal would only take time from them.
_BUSY_SECONDS = 0.02


def launcher_command(socket_descriptor: int, lock_descriptor: int, run_folder: Path) -> list[str]:
    """How to run a launcher that inherits these two descriptors. `-I -S` keeps its start and memory small."""
    root = str(Path(__file__).parents[3])
    program = (
        f"import sys; sys.path.insert(0, {root!r}); from octavo.agent.supervisor.launcher import main; "
        f"main({socket_descriptor}, {lock_descriptor}, {str(run_folder)!r})"
    )
    return [sys.executable, "-I", "-S", "-c", program]


def main(socket_descriptor: int, lock_descriptor: int, run_folder: str) -> None:
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
    rehearsal = _make_rehearsal(run_folder)
    not_for_children = (socket_descriptor, lock_descriptor)
    reserve = _fork_reserve(not_for_children, rehearsal)
    last = 0.0
    while packet := agent.recv(_PACKET_BYTES):
        agent.send(json.dumps([packet.decode(), _hand_over(reserve, packet)]).encode())
        reserve.close()
        is_busy = time.monotonic() - last < _BUSY_SECONDS
        last = time.monotonic()
        reserve = _fork_reserve(not_for_children, None if is_busy else rehearsal)


def _make_rehearsal(run_folder: str) -> JobFolder:
    """The folder of a job that never runs."""
    folder = JobFolder(Path(run_folder) / "rehearsal")
    folder.own.mkdir(parents=True, exist_ok=True)
    write_plan(folder, JobPlan("", "", (), "", "", dict(os.environ), run_folder, "", ""))
    write_state(folder, new_state())
    return folder


def _hand_over(reserve: socket.socket, packet: bytes) -> str:
    """Give a job to the supervisor in reserve. Returns `started`, `locked` or what went wrong."""
    try:
        reserve.send(packet)
        answer = reserve.recv(_PACKET_BYTES)
    except OSError as error:
        return str(error)
    return answer.decode() or "the supervisor in reserve ended"


def _fork_reserve(not_for_children: tuple[int, ...], rehearsal: JobFolder | None) -> socket.socket:
    """A supervisor that waits for its job at the other end of this socket.

    It is forked twice, so that it is an orphan that nobody's end takes along.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
        try:
            ours.close()
            for descriptor in not_for_children:
                os.close(descriptor)
            _be_in_reserve(theirs, rehearsal)
        finally:
            os._exit(0)
    theirs.close()
    os.waitpid(child, 0)
    return ours


def _be_in_reserve(launcher: socket.socket, rehearsal: JobFolder | None) -> None:
    if rehearsal is not None:
        with contextlib.suppress(OSError):  # a full disk must not stop us from trying the job itself
            rehearse(rehearsal)
    packet = launcher.recv(_PACKET_BYTES)
    if not packet:
        return
    folder = JobFolder(Path(packet.decode()))
    lock, outcome = _take(folder)
    launcher.send(outcome.encode())
    launcher.close()
    if lock is not None:
        _supervise(folder, lock)


def _take(folder: JobFolder) -> tuple[int | None, str]:
    try:
        lock = try_lock(folder)
    except OSError as error:
        return None, str(error)
    return lock, LOCKED if lock is None else STARTED


def _supervise(folder: JobFolder, lock: int) -> None:
    try:
        supervise(folder, lock)
    except Exception:  # the root of a process: the agent finds the lock free and reports an unknown result
        folder.crash_report.write_text(traceback.format_exc())
