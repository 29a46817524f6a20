"""Real servers as children of the test run: started when first asked for, ended by their id, never outliving it.

Each is in a session of its own, so that Ctrl-C reaches pytest alone, which then ends them in order; should pytest
itself be killed, the kernel ends them (PR_SET_PDEATHSIG).
"""

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

START_TIMEOUT_SECONDS = 60
STOP_TIMEOUT_SECONDS = 20
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


@contextmanager
def running_server(
    command: Sequence[str | Path],
    log_file: Path,
    is_ready: Callable[[], bool],
    *,
    user: str | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    environment: dict[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """The command, as `user`, from when `is_ready` says so until the block ends."""

    def die_with_pytest() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, stop_signal)

    with log_file.open("wb") as log:
        server = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_pytest,
            user=user,
            group=None if user is None else user_group(user),
            extra_groups=None if user is None else [],
            env=environment,
            cwd="/",
        )
    try:
        _wait_until_ready(server, is_ready, log_file)
        yield server
    finally:
        _end(server, stop_signal)


def user_group(user: str) -> int:
    """The main group of an account."""
    import pwd

    return pwd.getpwnam(user).pw_gid


def free_ports(count: int) -> list[int]:
    """Ports nobody listened on a moment ago, for servers that cannot choose one themselves."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def _wait_until_ready(server: subprocess.Popen[bytes], is_ready: Callable[[], bool], log_file: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while not is_ready():
        if server.poll() is not None or time.monotonic() > deadline:
            words = log_file.read_text(errors="replace")[-4_000:]
            raise RuntimeError(f"{server.args!r} did not start (exit code {server.returncode}):\n{words}")
        time.sleep(0.02)


def _end(server: subprocess.Popen[bytes], stop_signal: signal.Signals) -> None:
    if server.poll() is None:
        server.send_signal(stop_signal)
    try:
        server.wait(STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
