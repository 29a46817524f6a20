"""The demo's two workers: each is set up by the documented command lines, as a person would type them."""

import shlex
import socket
from dataclasses import dataclass
from pathlib import Path

from octavo.cli.demo.narrator import Narrator
from octavo.cli.demo.processes import Program, free_port, program_path, run_command

POOL = "Default Worker Pool"
AGENT_PORT = 10933
POLLING_PORT = 10943


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """What an agent must know of the server."""

    url: str
    polling_port: int
    api_key: str


class DemoAgent:
    """One `tentacle` with an instance name and folder of its own; needs no root."""

    def __init__(self, name: str, style: str, folder: Path, server: ServerAddress, narrator: Narrator) -> None:
        self.name, self.style, self.folder = name, style, folder
        self._server, self._narrator = server, narrator
        self._environment = {"TentacleMachineConfigurationHomeDirectory": str(folder / "registry")}
        self._program: Program | None = None

    def register(self) -> None:
        """Create the instance, its certificate and configuration, and register it as a worker."""
        self.folder.mkdir(parents=True)
        self._tentacle("create-instance", "--config", str(self.folder / "tentacle.config"))
        self._tentacle("new-certificate", "--if-blank")
        applications = ["--app", str(self.folder / "applications")]
        if self.style == "TentaclePassive":
            self._tentacle("configure", *applications, "--port", str(free_port(AGENT_PORT)), "--noListen", "False")
        else:
            self._tentacle("configure", *applications, "--noListen", "True")
        self.register_again("--workerpool", POOL)

    def register_again(self, *options: str) -> None:
        """Register the instance, which is set up, as a worker with these options."""
        self._tentacle("register-worker", *self._api(), "--comms-style", self.style, *options, *self._extra())

    def renew_certificate(self) -> None:
        """Give the instance a new certificate, as after a new installation of the machine."""
        self._tentacle("new-certificate")

    def deregister(self) -> None:
        """Take the worker away from the server."""
        self._tentacle("deregister-worker", *self._api())

    def start(self) -> None:
        """Run the agent until killed or stopped."""
        argv = ["tentacle", "agent", "--instance", self.name, "--noninteractive"]
        self._narrator.command(f"{shlex.join(argv)} &")
        log_file = self.folder / "agent.log"
        self._program = Program(f"agent {self.name}", [program_path(argv[0]), *argv[1:]], log_file, self._environment)

    def kill(self) -> int:
        """SIGKILL; the id of the process that died."""
        program = self._running()
        program.kill()
        return program.pid

    def stop(self) -> None:
        """End the agent, if it runs."""
        if self._program is not None:
            self._program.stop()

    @property
    def pids(self) -> list[int]:
        """The agent's process, for the record."""
        return [self._program.pid] if self._program is not None else []

    def check_alive(self) -> None:
        """Raises NotAsExpected when the agent's process is gone."""
        self._running().check_alive()

    def _running(self) -> Program:
        assert self._program is not None, "started before"  # noqa: S101 - the story's order, not input
        return self._program

    def _api(self) -> list[str]:
        return ["--server", self._server.url, "--apikey", self._server.api_key]

    def _extra(self) -> list[str]:
        """What the plain command line lacks here: a name, as both agents share a machine, and unusual addresses."""
        extra = ["--name", self.name]
        if self.style == "TentacleActive" and self._server.polling_port != POLLING_PORT:
            extra += ["--server-comms-port", str(self._server.polling_port)]
        if self.style == "TentaclePassive" and not _own_name_resolves():
            extra += ["--publicHostName", "127.0.0.1"]
        return extra

    def _tentacle(self, command: str, *options: str) -> None:
        argv = ["tentacle", command, "--instance", self.name, *options]
        self._narrator.command(shlex.join(argv).replace(self._server.api_key, "API-…"))
        run_command(argv, self._environment)


def _own_name_resolves() -> bool:
    try:
        socket.getaddrinfo(socket.gethostname(), None)
    except OSError:
        return False
    return True
