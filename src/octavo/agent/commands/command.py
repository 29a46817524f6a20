"""What a command is, and what it is given when it runs."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from octavo.agent.command_line import Arguments, Option, OptionKind
from octavo.agent.configuration import Configuration, ConfigurationFile, Key, list_overrides
from octavo.agent.host import Host
from octavo.agent.instances import Instance, InstanceRegistry, select_instance
from octavo.agent.machine_key import MachineKey
from octavo.agent.service_log import ServiceLog
from octavo.base.errors import ConfigurationError

log = logging.getLogger(__name__)

INSTANCE = Option(("instance",), "Name of the instance to use")
CONFIG = Option(("config",), "Configuration file to use")
FORMAT = Option(("format",), "The format of the output (text,json). Defaults to text.")


@dataclass(frozen=True, slots=True)
class Command:
    """One command of `tentacle`. `run` returns the exit code.

    `takes_anything`: arguments that are no options are the command's own business.
    """

    name: str
    description: str
    run: Callable[["Invocation"], int]
    options: tuple[Option, ...] = ()
    aliases: tuple[str, ...] = ()
    keeps_stdout_clean: bool = False
    is_hidden: bool = False
    takes_anything: bool = False


@dataclass
class Invocation:
    """One run of a command: its arguments, the machine, and the instance it is about, found when first asked for."""

    arguments: Arguments
    host: Host
    service_log: ServiceLog
    is_interactive: bool = True
    commands: tuple[Command, ...] = ()
    _changed: bool = field(default=False)

    @cached_property
    def registry(self) -> InstanceRegistry:
        """The machine's instances."""
        return InstanceRegistry(self.host.machine_folder)

    @cached_property
    def machine_key(self) -> MachineKey:
        """What guards secrets in configurations of this machine."""
        return MachineKey(self.host.machine_id_file, self.host.machine_folder / "machinekey")

    @cached_property
    def instance(self) -> Instance:
        """The instance that the command line means.

        Raises:
            ConfigurationError: none or several fit.
        """
        file = self.arguments.find_text("config")
        return select_instance(
            self.registry.list_instances(),
            name=self.arguments.find_text("instance"),
            configuration_file=Path(file) if file else None,
            working_folder=self.host.working_folder,
        )

    @cached_property
    def configuration_file(self) -> ConfigurationFile:
        """The file of the instance."""
        overrides = list_overrides(self.host.environment, self.host.program.parent)
        return ConfigurationFile(self.instance.configuration_file, overrides)

    @cached_property
    def configuration(self) -> Configuration:
        """The settings of the instance; from here on the service log goes to its home."""
        configuration = self.configuration_file.read()
        self.service_log.use_folder(home_folder(configuration, self.instance.configuration_file) / "Logs")
        return configuration

    @property
    def home(self) -> Path:
        """The instance's home folder."""
        return home_folder(self.configuration, self.instance.configuration_file)

    def save_configuration(self) -> None:
        """Write the changed settings; the end of the command says that a running agent must be restarted."""
        self.configuration_file.write(self.configuration)
        self._changed = True

    @property
    def has_changed_settings(self) -> bool:
        """Whether the command has written settings."""
        return self._changed

    def say(self, text: str) -> None:
        """Tell the user and the service log."""
        log.info("%s", text)

    def warn(self, text: str) -> None:
        """Tell the user and the service log that something deserves a look."""
        log.warning("%s", text)

    def write(self, text: str) -> None:
        """Put a result on stdout, as it is."""
        self.host.stdout.write(text)


def home_folder(configuration: Configuration, configuration_file: Path) -> Path:
    """The home folder; a relative one is relative to the configuration file."""
    return configuration_file.parent / (configuration.find(Key.HOME) or ".")


def wants_json(arguments: Arguments) -> bool:
    """Whether `--format=json` was given.

    Raises:
        ConfigurationError: it is neither text nor json.
    """
    name = arguments.find_text("format") or "text"
    if name.lower() not in {"text", "json"}:
        raise ConfigurationError(f"The format '{name}' is not supported. Try text or json.")
    return name.lower() == "json"


def switch(*names: str, description: str) -> Option:
    """An option without a value."""
    return Option(names, description, OptionKind.SWITCH)
