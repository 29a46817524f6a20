"""Does an instance's agent run? Asked by commands that end before the agent would know of them."""

import fcntl
import os
import time
from pathlib import Path

HEARTBEAT_FILE = "livez.heartbeat"


def find_heartbeat_age_seconds(home: Path) -> float | None:
    """How long ago the agent touched its heartbeat file; None when it never did."""
    try:
        return time.time() - (home / HEARTBEAT_FILE).stat().st_mtime
    except OSError:
        return None


def is_agent_running(home: Path) -> bool:
    """Whether an agent holds the lock of this home; no, when we may not look."""
    try:
        descriptor = os.open(home / "Run" / "agent.lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
