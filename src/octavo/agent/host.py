"""What a command sees of the machine it runs on, gathered in one place so that tests can choose it."""

import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TextIO

DEFAULT_MACHINE_FOLDER = Path("/etc/octopus")


@dataclass(frozen=True, slots=True)
class Host:
    """Streams, environment and places of one process."""

    stdout: TextIO
    stderr: TextIO
    stdin: BinaryIO | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    working_folder: Path = field(default_factory=Path.cwd)
    program: Path = field(default_factory=lambda: Path(sys.argv[0]).absolute())
    machine_id_file: Path = Path("/etc/machine-id")
    name: str = field(default_factory=lambda: socket.gethostname().partition(".")[0])
    processors: int = field(default_factory=lambda: os.cpu_count() or 1)
    unit_folder: Path = Path("/etc/systemd/system")
    is_root: bool = field(default_factory=lambda: os.geteuid() == 0)

    @property
    def machine_folder(self) -> Path:
        """Where the registry and the machine's key are: `/etc/octopus` unless the environment says otherwise."""
        return Path(self.environment.get("TentacleMachineConfigurationHomeDirectory") or DEFAULT_MACHINE_FOLDER)

    @property
    def early_log_folder(self) -> Path:
        """Where the service log goes before the instance is known."""
        chosen = self.environment.get("DefaultLogDirectory")
        if chosen:
            return Path(chosen)
        home = Path(self.environment.get("HOME") or "/")
        return Path(self.environment.get("XDG_DATA_HOME") or home / ".local" / "share") / "Octopus" / "Logs"


def this_host() -> Host:
    """The process we are, as it stands."""
    stdin = sys.stdin.buffer if sys.stdin is not None else None
    return Host(sys.stdout, sys.stderr, stdin, dict(os.environ))
