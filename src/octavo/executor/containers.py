"""Runs a step's script in a container, by the machine's podman or docker. The container sees the job's folder only.

The folder is mounted under its own path, so that paths in messages hold on both sides. The image is fetched before,
so that the script's output holds nothing of that. Source: DESIGN §5; docs/decisions/0085-containers.md.
"""

import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from octavo.executor.messages import say, tell

ENGINES = ("podman", "docker")
#: What a script finds of the machine's environment. Named only: no value stands in a command line.
_PASSED_ON = (
    *("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"),
    "OctopusCalamariWorkingDirectory",
)
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,500}")


class ContainerRefused(Exception):
    """The container cannot be had; the message says why."""


def find_engine() -> str | None:
    """The program that runs containers here; None when there is none."""
    return next((engine for engine in ENGINES if shutil.which(engine)), None)


@dataclass(frozen=True, slots=True)
class Container:
    """A container to be run, under a name by which it can be ended."""

    engine: str
    image: str
    name: str
    folder: Path

    def command(self, command: Sequence[str], working_folder: Path) -> list[str]:
        """The command that runs another one in the container."""
        passed_on = [f"--env={name}" for name in _PASSED_ON if name in os.environ or name.startswith("Octopus")]
        # Whoever the image would run as, the script must read its files, and the job's account must own what it writes.
        user = "0:0" if self.engine == "podman" else f"{os.getuid()}:{os.getgid()}"  # podman maps root to the account
        return [
            *(self.engine, "run", "--rm", "--pull=never", f"--name={self.name}", f"--user={user}"),
            *(f"--volume={self.folder}:{self.folder}", f"--workdir={working_folder}", *passed_on),
            *("--entrypoint", command[0], self.image, *command[1:]),
        ]

    def end(self) -> None:
        """End it, whatever it is doing."""
        subprocess.run([self.engine, "kill", self.name], check=False, capture_output=True)


def prepare_container(image: str, folder: Path) -> Container:
    """A container of this image, which is fetched when it is not here.

    Raises:
        ContainerRefused: there is no engine, or no such image.
    """
    engine = find_engine()
    if engine is None:
        raise ContainerRefused(
            f"The step wants to run in the container {image}, but this machine has neither podman nor docker. Install "
            "one there, or run the step on a machine that has it."
        )
    if not _IMAGE.fullmatch(image):
        raise ContainerRefused(f"'{image}' is not the name of a container image.")
    if subprocess.run([engine, "image", "inspect", image], check=False, capture_output=True).returncode:
        _fetch(engine, image)
    say(f"Running in the container {image}, by {engine}")
    return Container(engine, image, f"octavo-{secrets.token_hex(8)}", folder)


def _fetch(engine: str, image: str) -> None:
    tell(f"Fetching the image {image}")
    pulled = subprocess.run([engine, "pull", image], check=False, capture_output=True, text=True, errors="replace")
    if pulled.returncode:
        why = (pulled.stderr.strip().splitlines() or ["no reason was given"])[-1]
        raise ContainerRefused(
            f"The image {image} cannot be had by {engine}: {why} Is it spelled right, and may this machine fetch it?"
        )
