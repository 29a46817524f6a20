"""The agents that are set up on this machine: one small registry file an instance.

Source: tentacle-cli §3.1.
"""

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from octavo.agent.files import write_atomically
from octavo.base.errors import ConfigurationError

DEFAULT_INSTANCE = "Tentacle"
DEFAULT_CONFIGURATION_FILE = "Tentacle.config"


@dataclass(frozen=True, slots=True)
class Instance:
    """An agent's name, None when it is known by its configuration file only, and that file."""

    name: str | None
    configuration_file: Path


class InstanceRegistry:
    """The folder of registry files under the machine's configuration folder (`/etc/octopus`)."""

    def __init__(self, machine_folder: Path) -> None:
        self._folder = machine_folder / "Tentacle" / "Instances"

    def list_instances(self) -> list[Instance]:
        """All instances by name. A file that cannot be read is passed over: it is nobody's instance."""
        found = []
        for file in sorted(self._folder.glob("*.config")):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                document = json.loads(file.read_text("utf-8-sig"))
                found.append(Instance(str(document["Name"]), Path(document["ConfigurationFilePath"])))
        return sorted(found, key=lambda instance: instance.name or "")

    def save(self, name: str, configuration_file: Path) -> None:
        """Enter an instance, or point it to another configuration file."""
        document = {"Name": name, "ConfigurationFilePath": str(configuration_file)}
        text = json.dumps(document, indent=2, ensure_ascii=False)
        write_atomically(self._file(name), text.encode(), mode=0o644, folder_mode=0o755)

    def delete(self, name: str) -> None:
        """Remove an instance's entry; everything else of it stays."""
        with contextlib.suppress(FileNotFoundError):
            self._file(name).unlink()

    def _file(self, name: str) -> Path:
        return self._folder / (name.replace(" ", "-").lower() + ".config")


def select_instance(
    instances: Sequence[Instance], *, name: str | None, configuration_file: Path | None, working_folder: Path
) -> Instance:
    """The instance a command is about: by name, else by file, else the one that goes without saying.

    Raises:
        ConfigurationError: there is none, or more than one; the message lists them.
    """
    if name is not None:
        return _with_existing_file(_get_by_name(instances, name))
    if configuration_file is not None:
        return _with_existing_file(Instance(None, working_folder / configuration_file))
    nearby = working_folder / DEFAULT_CONFIGURATION_FILE
    if nearby.is_file():
        return Instance(None, nearby)
    return _with_existing_file(_get_default(instances))


def _get_by_name(instances: Sequence[Instance], name: str) -> Instance:
    alike = [instance for instance in instances if (instance.name or "").lower() == name.lower()]
    exact = [instance for instance in alike if instance.name == name]
    if len(exact) == 1 or len(alike) == 1:
        return (exact or alike)[0]
    if alike:
        raise ConfigurationError(
            f"Instance {name} of Tentacle could not be matched to one of the existing instances: {_names(alike)}. "
            "Please write the name exactly."
        )
    raise ConfigurationError(
        f"Instance {name} of Tentacle has not been configured on this machine. "
        f"Available instances: {_names(instances)}."
    )


def _get_default(instances: Sequence[Instance]) -> Instance:
    default = [instance for instance in instances if (instance.name or "").lower() == DEFAULT_INSTANCE.lower()]
    if default or len(instances) == 1:
        return (default or instances)[0]
    if not instances:
        raise ConfigurationError("Unable to find default instance of Tentacle. Available instances: .")
    raise ConfigurationError(
        "There is more than one instance of Tentacle configured on this machine. "
        f"Please pass --instance=INSTANCENAME when invoking this command to target a specific instance. "
        f"Available instances: {_names(instances)}."
    )


def _with_existing_file(instance: Instance) -> Instance:
    file = instance.configuration_file
    if file.is_file():
        return instance
    if instance.name is None:
        raise ConfigurationError(
            f"The configuration file at {file} could not be located at the specified location. "
            "Has it been moved? `tentacle create-instance --config=FILE` makes a new one."
        )
    raise ConfigurationError(
        f"The configuration file for instance {instance.name} could not be located at the specified location {file}. "
        "The file might have been manually removed without properly removing the instance and as such it is still "
        f"listed as present. Please run `tentacle delete-instance --instance={instance.name}` or restore the file."
    )


def _names(instances: Sequence[Instance]) -> str:
    return ", ".join(instance.name or "" for instance in instances)
