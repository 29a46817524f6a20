"""The program `tentacle` inside the test's process: same code, own streams, own folders."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from octavo.agent.configuration import Configuration, ConfigurationFile, Key
from octavo.agent.host import Host
from octavo.agent.program import run
from octavo.agent.trusted_servers import TrustedServer, parse_trusted_servers

MACHINE_ID = "0123456789abcdef0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a user sees of one run."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass
class TentacleProgram:
    """A machine with its own registry, on which commands run one after the other."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    name: str = "build-07"
    is_root: bool = True

    def run(self, *arguments: str, **environment: str) -> Outcome:
        """Run a command line to its end."""
        stdout, stderr = io.StringIO(), io.StringIO()
        self.machine_id_file.write_text(MACHINE_ID + "\n")
        host = Host(
            stdout,
            stderr,
            io.BytesIO(),
            self.places | dict(self.environment) | environment,
            working_folder=self.folder,
            program=self.folder / "bin" / "tentacle",
            machine_id_file=self.machine_id_file,
            name=self.name,
            processors=2,
            unit_folder=self.folder / "units",
            is_root=self.is_root,
        )
        return Outcome(run(arguments, host), stdout.getvalue(), stderr.getvalue())

    def succeed(self, *arguments: str) -> str:
        """Run a command that must succeed; its stdout."""
        outcome = self.run(*arguments)
        assert (outcome.exit_code, outcome.stderr) == (0, ""), outcome
        return outcome.stdout

    def create(self, name: str = "W1") -> Path:
        """Set up an instance; its configuration file."""
        file = self.folder / name / f"tentacle-{name}.config"
        self.succeed("create-instance", "--instance", name, "--config", str(file))
        return file

    def configuration(self, name: str = "W1") -> Configuration:
        """The settings of an instance."""
        return ConfigurationFile(self.folder / name / f"tentacle-{name}.config").read()

    def trusted_servers(self, name: str = "W1") -> tuple[TrustedServer, ...]:
        """Whom the instance trusts."""
        return parse_trusted_servers(self.configuration(name).find(Key.TRUSTED_SERVERS))

    @property
    def machine_id_file(self) -> Path:
        """The machine's id."""
        return self.folder / "machine-id"

    @property
    def machine_folder(self) -> Path:
        """What would be `/etc/octopus`."""
        return self.folder / "etc"

    @property
    def places(self) -> dict[str, str]:
        """The environment that keeps a run inside the folder."""
        return {
            "TentacleMachineConfigurationHomeDirectory": str(self.machine_folder),
            "DefaultLogDirectory": str(self.folder / "early-logs"),
            "HOME": str(self.folder),
        }
