"""The installed program `tentacle` as a process of its own, with a registry of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PROGRAMS = Path(sys.executable).parent
TIMEOUT_SECONDS = 60


def tentacle_environment(folder: Path, **more: str) -> dict[str, str]:
    """The environment that keeps the program inside `folder`."""
    own = {
        "TentacleMachineConfigurationHomeDirectory": str(folder / "etc"),
        "DefaultLogDirectory": str(folder / "early-logs"),
        "HOME": str(folder),
        "NO_PROXY": "*",
    }
    return {**os.environ, **own, **more}


def run_tentacle(
    folder: Path, *arguments: str, program: str = "tentacle", stdin: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command line to its end."""
    done = subprocess.run(
        [PROGRAMS / program, *arguments],
        input=stdin,
        capture_output=True,
        cwd=folder,
        env=tentacle_environment(folder, **environment),
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    return subprocess.CompletedProcess(arguments, done.returncode, done.stdout.decode(), done.stderr.decode())


def new_instance(folder: Path, name: str, *configure: str) -> Path:
    """Set up an instance with a certificate; its home."""
    home = folder / name
    lines: Sequence[Sequence[str]] = (
        ("create-instance", "--instance", name, "--config", str(home / "tentacle.config")),
        ("new-certificate", "--instance", name, "--if-blank"),
        ("configure", "--instance", name, "--app", str(home / "Applications"), *configure),
    )
    for line in lines:
        done = run_tentacle(folder, *line)
        assert done.returncode == 0, done
    return home
