"""The programs that the demo starts: real processes of their own, recorded so that the next run can stop them."""

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from octavo.cli.demo.narrator import NotAsExpected

RECORD = "demo.json"  # in the demo's folder: which processes are ours
STOP_SECONDS = 15
COMMAND_SECONDS = 60
POLL_SECONDS = 0.05

Answer = TypeVar("Answer")


class Program:
    """One long-running process; its output goes to a file."""

    def __init__(self, name: str, argv: Sequence[str], log_file: Path, environment: Mapping[str, str]) -> None:
        self.name, self.log_file = name, log_file
        with log_file.open("ab") as log:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | environment,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def check_alive(self) -> None:
        """Raises NotAsExpected with the end of its log when the process is gone."""
        if self._process.poll() is not None:
            tail = "\n".join(self.log_file.read_text(errors="replace").splitlines()[-15:])
            raise NotAsExpected(f"{self.name} ended with exit code {self._process.returncode}. It said:\n{tail}")

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """SIGTERM, then SIGKILL when that takes too long."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()


def program_path(name: str) -> str:
    """The installed command `name` that belongs to this Python."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        raise NotAsExpected(f"The command {name} is not installed beside {sys.executable}. Run `make setup`.")
    return found


def run_command(argv: Sequence[str], environment: Mapping[str, str]) -> str:
    """What a short command printed; it must end with 0."""
    done = subprocess.run(
        [program_path(argv[0]), *argv[1:]],
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise NotAsExpected(f"`{shlex.join(argv)}` ended with {done.returncode}:\n{done.stderr or done.stdout}")
    return done.stdout


def wait_until(what: str, seconds: float, look: Callable[[], Answer | None]) -> Answer:
    """The first true answer of `look`; NotAsExpected when there is none within `seconds`."""
    deadline = time.monotonic() + seconds
    while not (answer := look()):
        if time.monotonic() > deadline:
            raise NotAsExpected(f"Waited {seconds:.0f} s until {what}, in vain.")
        time.sleep(POLL_SECONDS)
    return answer


def free_port(preferred: int) -> int:
    """`preferred` if nobody listens there, else any free one."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise NotAsExpected("There is no free TCP port on this machine.")


def record_processes(folder: Path, pids: Sequence[int]) -> None:
    """Remember which processes belong to the demo in `folder`."""
    (folder / RECORD).write_text(json.dumps({"pids": list(pids)}))


def clear_folder(folder: Path) -> None:
    """Stop what an earlier run left behind in `folder` and remove it; a folder that is not ours stays.

    Raises:
        NotAsExpected: the folder holds something else.
    """
    if not folder.exists() or not any(folder.iterdir()):
        return
    record = folder / RECORD
    if not record.exists():
        raise NotAsExpected(f"{folder} is not a folder of the demo (it has no {RECORD}). Choose another: --folder DIR.")
    for pid in json.loads(record.read_text())["pids"]:
        _stop_recorded(pid, folder)
    shutil.rmtree(folder)


def _stop_recorded(pid: int, folder: Path) -> None:
    """End a process of an earlier run, if the pid is still ours."""
    if not _is_ours(pid, folder):
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while _is_ours(pid, folder):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(POLL_SECONDS)


def _is_ours(pid: int, folder: Path) -> bool:
    """The process has our folder in its command line or environment (a pid may belong to another by now)."""
    needle = os.fsencode(folder)
    for place in ("cmdline", "environ"):
        try:
            if needle in Path(f"/proc/{pid}/{place}").read_bytes():
                return True
        except OSError:
            continue
    return False
