"""The agent as a systemd service: the unit file, and the commands that systemd understands.

`render_unit` is pure. `Systemd` runs real programs found on the PATH it is given, with sudo where we are not root.
Source: tentacle-cli §4.5 (service); docs/decisions/0031-service.md for what differs.
"""

import logging
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from octavo.base.errors import ConfigurationError

log = logging.getLogger(__name__)

NAMELESS_UNIT = "OctopusDeploy-Tentacle"
_UNIT_MODE = 0o644


@dataclass(frozen=True, slots=True)
class ServiceDescription:
    """One agent as a service. `arguments` name its instance or configuration file."""

    program: Path
    arguments: tuple[str, ...]
    user: str = "root"
    environment: Mapping[str, str] = field(default_factory=dict)


def unit_name(instance_name: str | None) -> str:
    """The unit of an instance, without `.service`."""
    return NAMELESS_UNIT if instance_name is None else re.sub(r"[\s/]", "-", instance_name)


def render_unit(service: ServiceDescription) -> str:
    """The unit file. `KillMode=process`: scripts outlive the agent, so systemd must stop the agent alone."""
    command = " ".join(_quote(word) for word in (str(service.program), "run", *service.arguments, "--noninteractive"))
    lines = [
        "[Unit]",
        "Description=Octopus Deploy: Tentacle deployment agent",
        "After=network.target",
        "",
        "[Service]",
        "Type=simple",
        f"User={service.user}",
        *(f"Environment={_quote(f'{name}={value}')}" for name, value in service.environment.items()),
        f"ExecStart={command}",
        "Restart=always",
        "KillMode=process",
        "",
        "[Install]",
        "WantedBy=multi-user.target",
        "",
    ]
    return "\n".join(lines)


class Systemd:
    """The system's services, by `systemctl`."""

    def __init__(self, *, unit_folder: Path, search_path: str, is_root: bool) -> None:
        self._unit_folder = unit_folder
        self._search_path = search_path
        self._is_root = is_root

    def check_prerequisites(self) -> None:
        """See that this machine can have services.

        Raises:
            ConfigurationError: bash, systemd, or the right to use sudo is missing.
        """
        if self._find("bash") is None:
            raise ConfigurationError("Could not detect bash. bash is required to run tentacle as a service.")
        if self._find("systemctl") is None:
            raise ConfigurationError(
                "Could not detect systemd. systemd is required to run Tentacle as a service. "
                "Without it run the agent yourself: tentacle agent --noninteractive"
            )
        if not self._is_root and not self._may_sudo():
            raise ConfigurationError(
                "Requires elevated privileges. Please run the command as root, or as a user who may use sudo "
                "without being asked for a password (sudo -vn)."
            )

    def install(self, unit: str, text: str) -> None:
        """Write the unit and enable it, so that the service starts with the machine.

        Raises:
            ConfigurationError: the unit cannot be written or enabled.
        """
        self._write(unit, text)
        self._require("daemon-reload")
        self._require("enable", f"{unit}.service")
        log.info("Service installed: %s", unit)

    def reconfigure(self, unit: str, text: str) -> None:
        """Rewrite the unit of an installed service.

        Raises:
            ConfigurationError: the unit cannot be written.
        """
        self._write(unit, text)
        self._require("daemon-reload")
        log.info("Service reconfigured: %s", unit)

    def uninstall(self, unit: str) -> None:
        """Stop, disable and remove the service; one that is not there is no error."""
        self._run("stop", f"{unit}.service")
        self._run("disable", f"{unit}.service")
        file = self._unit_folder / f"{unit}.service"
        if file.exists():
            self._as_root(["rm", "-f", str(file)])
        self._run("daemon-reload")
        log.info("Service uninstalled")

    def start(self, unit: str) -> None:
        """Start the service; a failure is logged and no more, since the unit restarts by itself."""
        if self._say_failure("start", unit):
            log.info("Service started: %s", unit)

    def stop(self, unit: str) -> None:
        """Stop the service; scripts go on."""
        log.info("Stopping service: %s", unit)
        if self._say_failure("stop", unit):
            log.info("Service stopped")

    def restart(self, unit: str) -> None:
        """Stop and start the service; scripts go on."""
        if self._say_failure("restart", unit):
            log.info("Service restarted: %s", unit)

    def _say_failure(self, verb: str, unit: str) -> bool:
        result = self._run(verb, f"{unit}.service")
        if result.returncode:
            log.error("Could not %s the service %s: %s", verb, unit, _reason(result))
        return not result.returncode

    def _require(self, *arguments: str) -> None:
        result = self._run(*arguments)
        if result.returncode:
            raise ConfigurationError(f"systemctl {' '.join(arguments)} failed: {_reason(result)}")

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run systemctl, and once more with sudo when that was refused to us."""
        result = self._execute(["systemctl", *arguments])
        if result.returncode and not self._is_root:
            result = self._execute(["sudo", "-n", "systemctl", *arguments])
        return result

    def _write(self, unit: str, text: str) -> None:
        target = self._unit_folder / f"{unit}.service"
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".service") as file:
            file.write(text)
            file.flush()
            self._as_root(["install", "-m", f"{_UNIT_MODE:o}", file.name, str(target)])

    def _as_root(self, command: list[str]) -> None:
        result = self._execute(command if self._is_root else ["sudo", "-n", *command])
        if result.returncode:
            raise ConfigurationError(f"{' '.join(command)} failed: {_reason(result)}")

    def _may_sudo(self) -> bool:
        return self._find("sudo") is not None and self._execute(["sudo", "-vn"]).returncode == 0

    def _find(self, program: str) -> str | None:
        return shutil.which(program, path=self._search_path)

    def _execute(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        program = self._find(command[0])
        if program is None:
            return subprocess.CompletedProcess(command, 127, "", f"{command[0]} is not installed")
        return subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)


def _quote(word: str) -> str:
    """A word as systemd reads it."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"' if re.search(r"[\s\"']", word) else escaped


def _reason(result: subprocess.CompletedProcess[str]) -> str:
    return result.stderr.strip() or result.stdout.strip() or f"exit code {result.returncode}"
