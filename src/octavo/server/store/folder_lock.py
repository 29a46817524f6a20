"""One server a data folder. The lock is the kernel's: it ends with the process, however that dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from octavo.base.errors import ConfigurationError

_FILE_NAME = "server.lock"


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """The data folder, made when absent (0700), and ours while the block runs.

    Raises:
        ConfigurationError: another server uses it, or this account may not.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder / _FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigurationError(
            f"The data folder {folder} cannot be used: {error.strerror}. It must be a folder that this account may "
            "read and write; choose another with --data."
        ) from error
    try:
        _take(handle, folder)
        yield
    finally:
        os.close(handle)


def _take(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
        raise ConfigurationError(
            f"Another Octavo server (process {owner}) uses the data folder {folder}. End it, or give this one a folder "
            "of its own with --data."
        ) from error
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
