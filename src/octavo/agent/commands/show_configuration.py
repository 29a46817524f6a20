"""The command `show-configuration`: the settings as JSON, on request with what the server knows.

Source: tentacle-cli §4.2.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from octavo.agent.command_line import Option
from octavo.agent.commands.command import CONFIG, INSTANCE, Command, Invocation
from octavo.agent.commands.server_options import API_OPTIONS, open_client, other_proxy
from octavo.agent.configuration import Key
from octavo.agent.files import write_atomically
from octavo.agent.settings import DEFAULT_APPLICATIONS, DEFAULT_PORT
from octavo.agent.trusted_servers import as_document, parse_trusted_servers

if TYPE_CHECKING:
    from octavo.client import Client, Resource


def show_configuration(invocation: Invocation) -> int:
    """`show-configuration`."""
    settings = _local_settings(invocation)
    if invocation.arguments.find_text("server") is not None:
        with open_client(invocation, proxy=other_proxy(invocation)) as client:
            settings |= _remote_settings(client, invocation)
    text = json.dumps(_nest(settings), indent=2, ensure_ascii=False)
    file = invocation.arguments.find_text("file")
    if file is None:
        invocation.write(text + "\n")
    else:
        write_atomically(invocation.host.working_folder / file, text.encode())
    return 0


def _local_settings(invocation: Invocation) -> dict[str, object]:
    configuration = invocation.configuration
    servers = parse_trusted_servers(configuration.find(Key.TRUSTED_SERVERS))
    return {
        Key.HOME: str(invocation.home),
        "Octopus.Watchdog.Enabled": False,
        "Octopus.Watchdog.Instances": "*",
        "Octopus.Watchdog.Interval": 0,
        Key.CERTIFICATE_THUMBPRINT: configuration.find(Key.CERTIFICATE_THUMBPRINT),
        Key.POLLING_CONNECTION_COUNT: configuration.find_number(Key.POLLING_CONNECTION_COUNT),
        Key.TRUSTED_SERVERS: [as_document(server) for server in servers],
        Key.APPLICATIONS: configuration.find(Key.APPLICATIONS) or str(DEFAULT_APPLICATIONS),
        Key.LISTEN_IP: configuration.find(Key.LISTEN_IP),
        Key.NO_LISTEN: configuration.is_true(Key.NO_LISTEN, default=False),
        Key.PORT: configuration.find_number(Key.PORT) or DEFAULT_PORT,
    }


def _remote_settings(client: "Client", invocation: Invocation) -> dict[str, object]:
    """What the server says of this agent, if exactly one machine is it."""
    from octavo.agent.registration import find_machines

    thumbprint = invocation.configuration.find(Key.CERTIFICATE_THUMBPRINT) or ""
    space = client.space(invocation.arguments.find_text("space"))
    found = [
        (are_workers, machine)
        for are_workers in (False, True)
        for machine in find_machines(client, space, thumbprint, are_workers=are_workers)
    ]
    if len(found) != 1:
        invocation.warn(f"{len(found)} machines on the server have this Tentacle's thumbprint; showing local settings")
        return {}
    are_workers, machine = found[0]
    settings: dict[str, object] = {"Tentacle.DisplayName": machine.name}
    policy = machine.find_text("MachinePolicyId")
    if policy is not None:
        settings["Tentacle.MachinePolicy"] = _references(client, space, "MachinePolicies", [policy])[0]
    uri = urlsplit(machine.child("Endpoint").find_text("Uri") or "")
    if uri.scheme == "https":
        settings["Tentacle.Communication.PublicHostName"] = uri.hostname
    if are_workers:
        pools = _references(client, space, "WorkerPools", machine.texts("WorkerPoolIds"))
        return settings | {"Tentacle.WorkerPools": pools}
    return settings | {
        "Tentacle.Environments": _references(client, space, "Environments", machine.texts("EnvironmentIds")),
        "Tentacle.Tenants": _references(client, space, "Tenants", machine.texts("TenantIds")),
        "Tentacle.Roles": machine.texts("Roles"),
        "Tentacle.TenantTags": machine.texts("TenantTags"),
    }


def _references(client: "Client", space: "Resource", link: str, ids: Sequence[str]) -> list[dict[str, str]]:
    """Ids with the names that people know."""
    names = {item.id: item.name for item in client.list(space.link(link), ids=ids)} if ids else {}
    return [{"Id": one, "Name": names.get(one, one)} for one in ids]


def _nest(settings: Mapping[str, object]) -> dict[str, object]:
    """Keys split at their dots and sorted: `{"Octopus": {"Home": …}}`."""
    nested: dict[str, object] = {}
    for key in sorted(settings):
        *folders, last = key.split(".")
        place = nested
        for folder in folders:
            below = place.setdefault(folder, {})
            if isinstance(below, dict):
                place = below
        place[last] = settings[key]
    return nested


COMMANDS = (
    Command(
        "show-configuration",
        "Outputs the Tentacle configuration",
        show_configuration,
        (
            INSTANCE,
            CONFIG,
            Option(
                ("file",), "Exports the server configuration to a file. If not specified output goes to the console"
            ),
            Option(("space",), "The space from which the server data is retrieved; the default space if omitted"),
            *API_OPTIONS,
        ),
        keeps_stdout_clean=True,
    ),
)
