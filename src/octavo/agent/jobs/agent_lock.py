"""One agent per home. The lock is shared with the agent's launcher, so it is free only when neither can start jobs."""

import fcntl
import os
import time
from pathlib import Path

from octavo.base.errors import ConfigurationError

#: A launcher of an agent that was killed reads the end of its connection at once; this is far more than it needs.
_WAIT_SECONDS = 10.0
_PAUSE_SECONDS = 0.02


def lock_home(run_folder: Path) -> int:
    """Take the lock and return its descriptor, to be kept open. Blocking: call it in a thread.

    Raises:
        ConfigurationError: another agent runs on this home.
    """
    descriptor = os.open(run_folder / "agent.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    end = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                os.close(descriptor)
                raise ConfigurationError(
                    f"Another agent runs on the home {run_folder.parent}. Stop it first, or give this instance "
                    "a home of its own (tentacle configure --home)."
                ) from None
            time.sleep(_PAUSE_SECONDS)
        else:
            return descriptor
