"""Which processes belong to a job, and how none of them is left. Reads `/proc`."""

import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

#: How long killing may take. Only a process stuck in the kernel, or one of another account, outlasts it.
KILL_SECONDS = 10.0

_PAUSE_SECONDS = 0.002


def list_descendants(ancestors: Iterable[int]) -> list[int]:
    """All processes below these, oldest generation first, the ancestors themselves left out."""
    children: dict[int, list[int]] = defaultdict(list)
    for pid, parent in _parents().items():
        children[parent].append(pid)
    found: list[int] = []
    generation = list(ancestors)
    while generation:
        generation = [child for pid in generation for child in children[pid]]
        found += generation
    return found


def list_marked(name: str, value: str) -> list[int]:
    """All processes that were started with this variable in their environment, as far as we may see it."""
    needle = f"{name}={value}".encode()
    return [pid for pid in _pids() if needle in _environment(pid)]


def kill_all(list_processes: Callable[[], list[int]], reap: Callable[[], None]) -> bool:
    """Kill what `list_processes` names until it names nothing. False when some could not be killed in time.

    Asking again after each round catches what was forked meanwhile.
    """
    end = time.monotonic() + KILL_SECONDS
    while pids := list_processes():
        for pid in pids:
            send_signal(pid, signal.SIGKILL)
        reap()
        if time.monotonic() > end:
            return False
        time.sleep(_PAUSE_SECONDS)
    return True


def send_signal(pid: int, number: signal.Signals) -> None:
    """Signal a process unless it is gone or not ours."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def program_name(pid: int) -> str:
    """The short name of the program a process runs; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _parents() -> dict[int, int]:
    parents = {}
    for pid in _pids():
        try:
            stat = Path(f"/proc/{pid}/stat").read_bytes()
        except OSError:
            continue
        # The program's name stands in brackets and may itself hold brackets and blanks: take what follows the last.
        parents[pid] = int(stat[stat.rindex(b")") + 2 :].split()[1])
    return parents


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
