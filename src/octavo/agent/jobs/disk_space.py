"""Refuses work when the disk is short. Source: tentacle-services.md §5.5."""

import shutil
import socket
from pathlib import Path

SCRIPT_BYTES = 500 << 20

_MARGIN_BYTES = 1 << 20


class DiskShort(OSError):
    """Too little room for what was asked."""


def ensure_disk_space(folder: Path, needed_bytes: int) -> None:
    """Check that the volume of `folder` has room for this many bytes and a tenth more.

    Raises:
        DiskShort: it has not; the message says how much is free and how much is needed.
    """
    needed = int(needed_bytes * 1.1) + _MARGIN_BYTES
    free = shutil.disk_usage(_nearest_existing(folder)).free
    if free < needed:
        raise DiskShort(
            f"The drive containing the directory '{folder}' on machine '{socket.gethostname()}' does not have enough "
            f"free disk space available for this operation to proceed. The disk only has {free >> 20} MB available; "
            f"please free up at least {needed >> 20} MB."
        )


def _nearest_existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())
