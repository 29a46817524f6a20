"""What the agent tells of its machine."""

import os
import platform
import pwd
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

import octavo
from octavo.contracts.octavo_script_service import MachineFacts
from octavo.executor.containers import find_engine
from octavo.halibut import Long


@dataclass(frozen=True, slots=True)
class MachineFactsSource:
    """Reads the facts anew at every call; the levels and the executor are fixed at start."""

    work: Path
    confinements: tuple[str, ...]
    executor_command: tuple[str, ...]
    shell: str = "Bash"

    def get(self, running_jobs: int) -> MachineFacts:
        """The facts of this moment. Blocking."""
        return MachineFacts(
            agent_version=octavo.__version__,
            operating_system=_operating_system(),
            architecture=platform.machine(),
            shell=self.shell,
            host_name=socket.gethostname(),
            account=_account(),
            processors=len(os.sched_getaffinity(0)),
            memory_bytes=Long(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")),
            disk_free_bytes=Long(shutil.disk_usage(self.work).free),
            running_jobs=running_jobs,
            confinements=self.confinements,
            executor_command=self.executor_command,
            container_engine=find_engine() or "",
        )


def _operating_system() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return platform.system()


def _account() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
