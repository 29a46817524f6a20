"""Fills a ticket's folder before its script starts, and removes it afterwards. Blocking: call it in a thread.

Source: tentacle-services.md §4.4, §5.1–5.4.
"""

import shutil
import time
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from octavo.agent.jobs.encryption import encrypt_file
from octavo.agent.supervisor.job_folder import JobFolder
from octavo.contracts.scripts import ScriptFile

_DELETE_TRIES = 3
_DELETE_PAUSE_SECONDS = 0.1


def make_workspace(folder: JobFolder, body: str, files: Iterable[ScriptFile]) -> None:
    """A fresh folder with the bootstrap script and the command's files; what a broken-off try left is removed.

    Raises:
        ValueError: a file's name leads out of the workspace.
        OSError: the disk refused.
    """
    if folder.path.exists():
        shutil.rmtree(folder.path)
    folder.path.mkdir(parents=True, mode=0o700)
    folder.own.mkdir(mode=0o700)
    folder.bootstrap.write_bytes(body.replace("\r\n", "\n").encode("utf-8", "replace"))
    for file in files:
        _save(folder, file)


def delete_workspace(folder: JobFolder) -> None:
    """Remove the folder, patiently; what cannot be removed stays for the cleaner."""
    for _ in range(_DELETE_TRIES):
        shutil.rmtree(folder.path, ignore_errors=True)
        if not folder.path.exists():
            return
        _open_folders(folder.path)
        time.sleep(_DELETE_PAUSE_SECONDS)
    shutil.rmtree(folder.path, ignore_errors=True)


def _save(folder: JobFolder, file: ScriptFile) -> None:
    path = _path_inside(folder, file.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    source = file.contents.source
    if file.encryption_password is not None:
        text = source if isinstance(source, bytes) else source.read_bytes()
        path.write_bytes(encrypt_file(text, file.encryption_password))
    elif isinstance(source, bytes):
        path.write_bytes(source)
    else:
        shutil.move(source, path)


def _path_inside(folder: JobFolder, name: str) -> Path:
    relative = PurePosixPath(name.replace("\\", "/"))
    if not relative.parts or relative.is_absolute() or ".." in relative.parts or relative.parts[0] == folder.own.name:
        raise ValueError(f"The script file {name!r} would be written outside of its workspace.")
    return folder.path / relative


def _open_folders(path: Path) -> None:
    """A script may have left folders that even their owner cannot empty."""
    for sub in (path, *path.rglob("*")):
        if sub.is_dir() and not sub.is_symlink():
            try:
                sub.chmod(0o700)
            except OSError:
                continue
