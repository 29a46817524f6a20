"""Writing an agent's own files: whole or not at all, and closed to other accounts."""

import os
import stat
import tempfile
from pathlib import Path

from octavo.base.errors import ConfigurationError

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
_PARENT_FOLDER = 0o755


def write_atomically(path: Path, data: bytes, *, mode: int = PRIVATE_FILE, folder_mode: int = PRIVATE_FOLDER) -> None:
    """Replace a file in one step: readers see the old bytes or the new ones, also after a crash.

    A file that is there already keeps its mode and its owner: root may change what an agent's account must read.

    Raises:
        ConfigurationError: this account may not write there.
    """
    try:
        make_folder(path.parent, folder_mode)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                _dress(handle, path, mode)
                os.fsync(handle)
            os.replace(temporary, path)  # noqa: PTH105 (the name says what matters: it replaces)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror}. Run this as an account that may write there, "
            "for example with sudo, or choose another place."
        ) from error


def make_folder(folder: Path, mode: int = PRIVATE_FOLDER) -> None:
    """Create a folder with this mode; missing parents are open to read, folders that are there keep their mode.

    Raises:
        ConfigurationError: this account may not create it.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        for one in reversed(missing):
            one.mkdir(mode=mode if one == folder else _PARENT_FOLDER, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The folder {folder} cannot be created: {error.strerror}. Run this as an account that may write there, "
            "for example with sudo, or choose another place."
        ) from error


def _dress(handle: int, path: Path, mode: int) -> None:
    try:
        old = path.stat()
    except FileNotFoundError:
        os.fchmod(handle, mode)
        return
    os.fchmod(handle, stat.S_IMODE(old.st_mode))
    if os.geteuid() == 0:
        os.fchown(handle, old.st_uid, old.st_gid)
