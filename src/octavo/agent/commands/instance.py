"""Commands about instances: create, delete, list. Source: tentacle-cli §4.1."""

import json
from pathlib import Path

from octavo.agent.command_line import Option
from octavo.agent.commands.command import CONFIG, FORMAT, INSTANCE, Command, Invocation, wants_json
from octavo.agent.configuration import ConfigurationFile, Key
from octavo.agent.files import make_folder
from octavo.agent.instances import DEFAULT_CONFIGURATION_FILE, DEFAULT_INSTANCE


def create_instance(invocation: Invocation) -> int:
    """`create-instance`: an empty configuration, its entry in the registry, its home."""
    arguments = invocation.arguments
    file, home = _resolve_places(invocation)
    configuration_file = ConfigurationFile(file)
    if configuration_file.create_if_missing():
        invocation.say(f"Creating empty configuration file: {file}")
    else:
        invocation.say(f"Configuration file at {file} already exists.")
    if arguments.was_given("instance") or arguments.was_given("config"):
        name = arguments.find_text("instance") or DEFAULT_INSTANCE
        invocation.say(f"Saving instance: {name}")
        invocation.registry.save(name, file)
    invocation.say(f"Setting home directory to: {home}")
    make_folder(home)
    configuration = configuration_file.read()
    configuration.set(Key.HOME, str(home))
    configuration_file.write(configuration)
    return 0


def delete_instance(invocation: Invocation) -> int:
    """`delete-instance`: forget the instance; its files and its service stay."""
    instances = invocation.registry.list_instances()
    wanted = (invocation.arguments.find_text("instance") or "").lower()
    broken = next((one for one in instances if (one.name or "").lower() == wanted), None)
    name = (broken or invocation.instance).name
    if name is not None:
        invocation.registry.delete(name)
    invocation.say(f"Deleted instance: {name or invocation.instance.configuration_file}")
    return 0


def list_instances(invocation: Invocation) -> int:
    """`list-instances`."""
    as_json = wants_json(invocation.arguments)
    instances = invocation.registry.list_instances()
    if as_json:
        documents = [
            {"InstanceName": instance.name, "ConfigurationFilePath": str(instance.configuration_file)}
            for instance in instances
        ]
        invocation.write(json.dumps(documents, indent=2, ensure_ascii=False))
        return 0
    for instance in instances:
        invocation.write(f"Instance '{instance.name}' uses configuration '{instance.configuration_file}'.\n")
    if not instances:
        invocation.write("No instances installed\n")
    return 0


def _resolve_places(invocation: Invocation) -> tuple[Path, Path]:
    """The configuration file and the home, both absolute."""
    base = invocation.host.working_folder
    given = Path(invocation.arguments.find_text("config") or DEFAULT_CONFIGURATION_FILE)
    home = invocation.arguments.find_text("home")
    if home is None:
        return base / given, (base / given).parent
    return base / home / given, base / home


COMMANDS = (
    Command(
        "create-instance",
        "Registers a new instance of the Tentacle service",
        create_instance,
        (
            Option(("instance",), "Name of the instance to create"),
            Option(("config",), "Path to configuration file to create"),
            Option(
                ("home",), "[Optional] Path to the home directory - defaults to the same directory as the config file"
            ),
        ),
    ),
    Command(
        "delete-instance",
        "Deletes an instance of the Tentacle service",
        delete_instance,
        (INSTANCE, CONFIG),
    ),
    Command(
        "list-instances",
        "Lists all installed Tentacle instances",
        list_instances,
        (FORMAT,),
        keeps_stdout_clean=True,
    ),
)
