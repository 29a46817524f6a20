"""store/folder_lock.py"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from octavo.base.errors import ConfigurationError
from octavo.server.store.folder_lock import locked_folder

HOLD = """
import sys
from pathlib import Path
from octavo.server.store.folder_lock import locked_folder
with locked_folder(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_the_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    with locked_folder(tmp_path / "a" / "data"):
        assert (tmp_path / "a" / "data").stat().st_mode & 0o777 == 0o700


def test_a_second_server_is_told_who_has_the_folder(tmp_path: Path) -> None:
    with (
        locked_folder(tmp_path),
        pytest.raises(ConfigurationError, match=rf"process {os.getpid()}\) uses the data folder {tmp_path}"),
        locked_folder(tmp_path),
    ):
        pass


def test_the_folder_is_free_after_its_server_was_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(ConfigurationError, match=f"process {holder.pid}"), locked_folder(tmp_path):
            pass
        holder.send_signal(signal.SIGKILL)

    with locked_folder(tmp_path):
        assert (tmp_path / "server.lock").read_text() == f"{os.getpid()}\n"


def test_a_file_in_the_folders_place_is_explained(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")

    with pytest.raises(ConfigurationError, match="choose another with --data"), locked_folder(tmp_path / "data"):
        pass
