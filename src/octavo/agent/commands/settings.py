"""Commands that change an instance's settings and call nobody. Source: tentacle-cli §4.2."""

import ipaddress
from collections.abc import Callable
from pathlib import Path

from octavo.agent.command_line import Option, OptionKind
from octavo.agent.commands.command import CONFIG, INSTANCE, Command, Invocation, switch
from octavo.agent.configuration import Key, ProxyKey, ProxyRole
from octavo.agent.files import make_folder
from octavo.agent.trusted_servers import (
    Style,
    TrustedServer,
    add_server,
    as_stored,
    find_style,
    keep_addresses,
    listen_to_server,
    parse_trusted_servers,
    poll_server,
    render_trusted_servers,
    replace_thumbprint,
)
from octavo.base.errors import ConfigurationError
from octavo.base.sensitive import Sensitive

DEFAULT_POLLING_PORT = 10943
_HIGHEST_PORT = 65535


def configure(invocation: Invocation) -> int:
    """`configure`: trust first (reset, remove, add), then the rest in the order of the command line."""
    _change_trust(invocation)
    for one in invocation.arguments.given:
        change = _CHANGES.get(one.option.names[0])
        if change is not None:
            change(invocation, one.value or "")
    invocation.save_configuration()
    return 0


def set_polling_connection_count(invocation: Invocation) -> int:
    """`set-polling-connection-count`."""
    text = invocation.arguments.find_text("pollingConnectionCount")
    if text is None:
        raise ConfigurationError("Please specify the number of connections, e.g. --pollingConnectionCount=5")
    _set_polling_connection_count(invocation, text)
    invocation.save_configuration()
    return 0


def server_comms(invocation: Invocation) -> int:
    """`server-comms`: how a trusted server is reached."""
    arguments = invocation.arguments
    servers = list_trusted_servers(invocation)
    if not servers:
        raise ConfigurationError(
            "Before server communications can be modified, trust must be established with the configure command"
        )
    thumbprint = _choose_thumbprint(servers, arguments.find_text("thumbprint"))
    style = find_style(arguments.find_text("style"))
    if style is None:
        raise ConfigurationError("Please specify a valid communications style, e.g. --style=TentaclePassive")
    if not any(server.thumbprint == thumbprint for server in servers):
        raise ConfigurationError("No trusted server was found with the supplied thumbprint")
    if style is Style.POLLING:
        changed = poll_server(servers, thumbprint, _server_address(invocation))
    else:
        changed = listen_to_server(servers, thumbprint)
    save_trusted_servers(invocation, changed)
    invocation.say("Updated server communications configuration")
    return 0


def update_trust(invocation: Invocation) -> int:
    """`update-trust`: a server has a new certificate."""
    old, new = (invocation.arguments.find_text(name) for name in ("oldThumbprint", "newThumbprint"))
    if old is None or new is None:
        missing = "oldThumbprint" if old is None else "newThumbprint"
        raise ConfigurationError(f"Please specify the thumbprint, e.g. --{missing}=THUMBPRINT")
    before = list_trusted_servers(invocation)
    after = replace_thumbprint(before, old, new)
    if after != before:
        save_trusted_servers(invocation, after)
    changed = sum(1 for one, other in zip(before, after, strict=True) if one != other)
    invocation.say(f"Updated the thumbprint of {changed} trusted Octopus Servers")
    return 0


def clear_trusted_servers(invocation: Invocation) -> int:
    """`clear-trusted-servers`: trust none, or only those with the addresses to keep."""
    kept = (invocation.arguments.find_text("keep") or "").split(",")
    before = list_trusted_servers(invocation)
    after = keep_addresses(before, kept)
    save_trusted_servers(invocation, after)
    invocation.say(f"Removed {len(before) - len(after)} trusted Octopus Servers, kept {len(after)}")
    return 0


def set_web_proxy(invocation: Invocation) -> int:
    """`proxy`: the proxy for the agent's web requests and its scripts."""
    return _set_proxy(invocation, ProxyRole.WEB)


def set_polling_proxy(invocation: Invocation) -> int:
    """`polling-proxy`: the proxy for polling connections."""
    return _set_proxy(invocation, ProxyRole.POLLING)


def list_trusted_servers(invocation: Invocation) -> tuple[TrustedServer, ...]:
    """The servers that the instance trusts."""
    return parse_trusted_servers(invocation.configuration.find(Key.TRUSTED_SERVERS))


def save_trusted_servers(invocation: Invocation, servers: tuple[TrustedServer, ...]) -> None:
    """Replace the list and write the configuration."""
    invocation.configuration.set(Key.TRUSTED_SERVERS, render_trusted_servers(servers))
    invocation.save_configuration()


def parse_port(text: str) -> int:
    """A TCP port.

    Raises:
        ConfigurationError: the number is out of range.
    """
    port = int(text)
    if not 1 <= port <= _HIGHEST_PORT:
        raise ConfigurationError(f"{port} is not a port: please give a number from 1 to {_HIGHEST_PORT}.")
    return port


def _change_trust(invocation: Invocation) -> None:
    arguments = invocation.arguments
    servers = () if arguments.is_on("reset-trust") else list_trusted_servers(invocation)
    if arguments.is_on("reset-trust"):
        invocation.say("Removing all trusted Octopus Servers...")
    removed = [text.strip() for text in arguments.list_texts("remove-trust")]
    if removed:
        invocation.say(f"Removing {len(removed)} trusted Octopus Servers")
        servers = tuple(server for server in servers if server.thumbprint not in removed)
    added = [as_stored(text) for text in arguments.list_texts("trust") if text.strip()]
    if added:
        invocation.say(f"Adding {len(added)} trusted Octopus Servers")
    for thumbprint in added:
        servers = add_server(servers, TrustedServer(thumbprint))
    invocation.configuration.set(Key.TRUSTED_SERVERS, render_trusted_servers(servers))


def _set_home(invocation: Invocation, text: str) -> None:
    invocation.configuration.set(Key.HOME, str(_new_folder(invocation, text)))
    invocation.say(f"Home directory set to: {text}")


def _set_applications(invocation: Invocation, text: str) -> None:
    invocation.configuration.set(Key.APPLICATIONS, str(_new_folder(invocation, text, mode=0o755)))
    invocation.say(f"Application directory set to: {text}")


def _new_folder(invocation: Invocation, text: str, mode: int = 0o700) -> Path:
    if not text.strip():
        raise ConfigurationError("Please give the folder, e.g. --home=/etc/octopus/W1")
    folder = invocation.host.working_folder / text
    make_folder(folder, mode)
    return folder


def _set_port(invocation: Invocation, text: str) -> None:
    invocation.configuration.set(Key.PORT, parse_port(text))
    invocation.say(f"Services listen port: {int(text)}")


def _set_no_listen(invocation: Invocation, text: str) -> None:
    is_silent = text.strip().lower() == "true"
    invocation.configuration.set(Key.NO_LISTEN, is_silent)
    invocation.say("Tentacle will not listen on a port" if is_silent else "Tentacle will listen on a TCP port")


def _set_listen_ip(invocation: Invocation, text: str) -> None:
    address = None if text.strip().lower() == "any" else text.strip()
    try:
        invocation.configuration.set(Key.LISTEN_IP, str(ipaddress.ip_address(address)) if address else None)
    except ValueError:
        raise ConfigurationError(
            f"{text} is not an IP address. Please give one of this machine's, "
            "e.g. --listenIpAddress=192.168.1.2, or any."
        ) from None
    invocation.say(f"Listen on IP address: {address or 'any'}")


def _set_polling_connection_count(invocation: Invocation, text: str) -> None:
    try:
        count = int(text)
    except ValueError:
        raise ConfigurationError(
            f"pollingConnectionCount: {text} is not a valid whole number. Please give one greater than 0."
        ) from None
    if count < 1:
        raise ConfigurationError(f"pollingConnectionCount must be greater than 0, but was {count}.")
    invocation.configuration.set(Key.POLLING_CONNECTION_COUNT, count)
    invocation.say(f"Polling connection count: {count}")


#: What `configure` does for which option, after the trust is settled.
_CHANGES: dict[str, Callable[[Invocation, str], None]] = {
    "home": _set_home,
    "app": _set_applications,
    "port": _set_port,
    "noListen": _set_no_listen,
    "listenIpAddress": _set_listen_ip,
    "pollingConnectionCount": _set_polling_connection_count,
}


def _choose_thumbprint(servers: tuple[TrustedServer, ...], given: str | None) -> str:
    if given is not None:
        return as_stored(given)
    thumbprints = {server.thumbprint for server in servers}
    if len(thumbprints) > 1:
        raise ConfigurationError(
            "More than one server is trusted; please provide the thumbprint of the server to configure, "
            f"e.g. --thumbprint={servers[0].thumbprint}"
        )
    return servers[0].thumbprint


def _server_address(invocation: Invocation) -> str:
    arguments = invocation.arguments
    host, web_socket = arguments.find_text("host"), arguments.find_text("web-socket")
    if host is None and web_socket is None:
        raise ConfigurationError("Please provide either the server hostname or websocket address, e.g. --host=OCTOPUS")
    if host is not None and web_socket is not None:
        raise ConfigurationError("The hostname and websocket options cannot be used together")
    if host is None:
        raise ConfigurationError("Polling over web sockets is available on Windows only; please use --host.")
    port = parse_port(arguments.find_text("port") or str(DEFAULT_POLLING_PORT))
    return f"https://{host}:{port}"


def _set_proxy(invocation: Invocation, role: ProxyRole) -> int:
    arguments, configuration = invocation.arguments, invocation.configuration
    is_enabled = arguments.is_on("proxyEnable")
    host = arguments.find_text("proxyHost") if is_enabled else None
    password = arguments.find_text("proxyPassword") if is_enabled else None
    configuration.set(role + ProxyKey.USE_DEFAULT, is_enabled and host is None)
    configuration.set(role + ProxyKey.HOST, host)
    configuration.set(role + ProxyKey.PORT, (arguments.find_number("proxyPort") or 80) if host else None)
    configuration.set(role + ProxyKey.USER_NAME, arguments.find_text("proxyUsername") if is_enabled else None)
    encrypted = invocation.machine_key.encrypt(Sensitive(password)) if password else None
    configuration.set(role + ProxyKey.PASSWORD, encrypted)
    invocation.save_configuration()
    if not is_enabled:
        invocation.say("Proxy use is disabled")
    elif host is None:
        invocation.say("Using the default proxy of this machine")
    else:
        invocation.say(f"Using custom proxy at: {host}")
    return 0


_POLLING_COUNT = Option(("pollingConnectionCount",), "The number of polling connections to each Octopus Server")
_PROXY_OPTIONS = (
    INSTANCE,
    CONFIG,
    Option(("proxyEnable",), "Whether to use a proxy (true,false)", OptionKind.BOOLEAN),
    Option(("proxyUsername",), "Username to use when authenticating with the proxy"),
    Option(("proxyPassword",), "Password to use when authenticating with the proxy", is_sensitive=True),
    Option(("proxyHost",), "The proxy host to use. Leave empty to use the default system proxy"),
    Option(("proxyPort",), "The proxy port to use in conjunction with the host set with proxyHost", OptionKind.NUMBER),
)

COMMANDS = (
    Command(
        "configure",
        "Sets Tentacle settings such as the port number and thumbprints",
        configure,
        (
            INSTANCE,
            CONFIG,
            Option(("home", "homedir"), "Home directory"),
            Option(("app", "appdir"), "Default directory to deploy applications to"),
            Option(("port",), "TCP port on which Tentacle should listen to connections", OptionKind.NUMBER),
            Option(
                ("noListen",),
                "Suppress listening on a TCP port (intended for polling Tentacles only)",
                OptionKind.BOOLEAN,
            ),
            Option(("listenIpAddress",), "IP address on which Tentacle should listen, or any"),
            _POLLING_COUNT,
            Option(("trust",), "The thumbprint of the Octopus Server to trust"),
            Option(("remove-trust",), "The thumbprint of the Octopus Server to remove from the trusted list"),
            switch("reset-trust", description="Removes all trusted Octopus Servers"),
        ),
    ),
    Command(
        "set-polling-connection-count",
        "Sets the number of connections a polling Tentacle keeps open to each Octopus Server",
        set_polling_connection_count,
        (INSTANCE, CONFIG, _POLLING_COUNT),
    ),
    Command(
        "server-comms",
        "Configure how the Tentacle communicates with an Octopus Server",
        server_comms,
        (
            INSTANCE,
            CONFIG,
            Option(
                ("thumbprint",),
                "The thumbprint of the Octopus Server to configure communication with; "
                "if only one Octopus Server is configured, this may be omitted",
            ),
            Option(
                ("style",), "The communication style to use with the Octopus Server: TentacleActive or TentaclePassive"
            ),
            Option(("host",), "When using active communication, the host name of the Octopus Server"),
            Option(
                ("port",),
                "When using active communication, the communications port of the Octopus Server; the default is 10943",
                OptionKind.NUMBER,
            ),
            Option(
                ("web-socket",),
                "When using active communication over websockets, the address of the Octopus Server, "
                "e.g. wss://example.com/OctopusComms",
            ),
        ),
    ),
    Command(
        "update-trust",
        "Replaces the trusted Octopus Server thumbprint of any matching polling or listening registrations "
        "with a new thumbprint to trust",
        update_trust,
        (
            INSTANCE,
            CONFIG,
            Option(("oldThumbprint",), "The thumbprint of the old Octopus Server to be replaced"),
            Option(("newThumbprint",), "The thumbprint of the new Octopus Server"),
        ),
    ),
    Command(
        "clear-trusted-servers",
        "Removes the trusted Octopus Servers",
        clear_trusted_servers,
        (
            INSTANCE,
            CONFIG,
            Option(("keep",), "The communication addresses of the servers to keep, separated by commas"),
        ),
    ),
    Command("proxy", "Configure the HTTP proxy used by Octopus", set_web_proxy, _PROXY_OPTIONS),
    Command(
        "polling-proxy",
        "Configure the HTTP proxy used by polling Tentacles to reach the Octopus Server",
        set_polling_proxy,
        _PROXY_OPTIONS,
    ),
)
