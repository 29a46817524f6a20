"""The command `service`: the agent as a system service. Source: tentacle-cli §4.5."""

from typing import TYPE_CHECKING

from octavo.agent.command_line import Option
from octavo.agent.commands.command import INSTANCE, Command, Invocation, switch
from octavo.agent.instances import Instance
from octavo.base.errors import ConfigurationError

if TYPE_CHECKING:
    from octavo.agent.system_service import ServiceDescription, Systemd

_DEFAULT_USER = "root"
_EVERY_INSTANCE = "*"
#: In this order, whatever the command line's.
_DEEDS = ("restart", "stop", "uninstall", "install", "reconfigure", "start")
_DEEDS_FOR_MANY = {"start", "stop", "restart"}


def manage_service(invocation: Invocation) -> int:
    """`service`."""
    deeds = [deed for deed in _DEEDS if invocation.arguments.is_on(deed)]
    if not deeds:
        raise ConfigurationError(f"Please say what to do with the service: {', '.join(f'--{deed}' for deed in _DEEDS)}")
    instances = _choose_instances(invocation, deeds)
    from octavo.agent.system_service import Systemd

    host = invocation.host
    systemd = Systemd(unit_folder=host.unit_folder, search_path=host.environment.get("PATH", ""), is_root=host.is_root)
    systemd.check_prerequisites()
    for deed in deeds:
        for instance in instances:
            _do(invocation, systemd, deed, instance)
    return 0


def _do(invocation: Invocation, systemd: "Systemd", deed: str, instance: Instance) -> None:
    from octavo.agent.system_service import render_unit, unit_name

    unit = unit_name(instance.name)
    match deed:
        case "restart":
            systemd.restart(unit)
        case "stop":
            systemd.stop(unit)
        case "uninstall":
            systemd.uninstall(unit)
        case "install":
            systemd.install(unit, render_unit(_describe(invocation, instance)))
        case "reconfigure":
            systemd.reconfigure(unit, render_unit(_describe(invocation, instance)))
        case _:
            systemd.start(unit)


def _describe(invocation: Invocation, instance: Instance) -> "ServiceDescription":
    from octavo.agent.system_service import ServiceDescription

    environment = invocation.host.environment
    which = f"--config={instance.configuration_file}" if instance.name is None else f"--instance={instance.name}"
    kept = ("TentacleMachineConfigurationHomeDirectory",)
    return ServiceDescription(
        program=invocation.host.program,
        arguments=(which,),
        user=invocation.arguments.find_text("username") or environment.get("OCTOPUS_SERVICE_USERNAME") or _DEFAULT_USER,
        environment={name: environment[name] for name in kept if environment.get(name)},
    )


def _choose_instances(invocation: Invocation, deeds: list[str]) -> list[Instance]:
    if invocation.arguments.find_text("instance") != _EVERY_INSTANCE:
        return [invocation.instance]
    if not set(deeds) <= _DEEDS_FOR_MANY:
        raise ConfigurationError("--instance=* can only be used with --start, --stop and --restart.")
    return invocation.registry.list_instances()


COMMANDS = (
    Command(
        "service",
        "Start, stop, install and configure the Tentacle service",
        manage_service,
        (
            switch("start", description="Start the service if it is not already running"),
            switch("stop", description="Stop the service if it is running"),
            switch("restart", description="Restart the service if it is running"),
            switch("reconfigure", description="Reconfigure the service"),
            switch("install", description="Install the service"),
            switch("uninstall", description="Uninstall the service"),
            Option(("username", "user"), "Username to run the service under; root by default"),
            Option(
                ("password",), "Password for the username specified with --username (Windows only)", is_sensitive=True
            ),
            Option(("dependOn",), "Service that must start before this one (Windows only)"),
            INSTANCE,
        ),
    ),
)
