"""Commands that enter this agent on a server: register-worker, register-with, poll-server.

Source: tentacle-cli §4.4, §6.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from octavo.agent.command_line import Arguments, Option, OptionKind
from octavo.agent.commands.command import CONFIG, INSTANCE, Command, Invocation, switch
from octavo.agent.commands.server_options import (
    API_OPTIONS,
    is_http_address,
    open_client,
    other_proxy,
    parse_credentials,
    parse_server_address,
    proxy_url,
    registration_proxy,
)
from octavo.agent.commands.settings import DEFAULT_POLLING_PORT, list_trusted_servers, parse_port, save_trusted_servers
from octavo.agent.configuration import Key
from octavo.agent.settings import DEFAULT_PORT, ProxySettings
from octavo.agent.trusted_servers import (
    Style,
    TrustedServer,
    add_server,
    find_style,
    new_subscription_id,
)
from octavo.base.errors import ConfigurationError

if TYPE_CHECKING:
    from octavo.agent.registration import MachineEndpoint, TargetRole, WorkerRole

_PARTICIPATIONS = ("Untenanted", "TenantedOrUntenanted", "Tenanted")
_LEAST_WORKER_CONNECTIONS = 5


def register_worker(invocation: Invocation) -> int:
    """`register-worker`."""
    connections = max(_LEAST_WORKER_CONNECTIONS, invocation.host.processors)
    return _register(invocation, _worker_role, polling_connections=connections)


def register_target(invocation: Invocation) -> int:
    """`register-with`."""
    return _register(invocation, _target_role, polling_connections=1)


def add_polled_address(invocation: Invocation) -> int:
    """`poll-server`: another node of a server that this agent already polls."""
    address = _comms_address(invocation, invocation.arguments.find_text("server"))
    servers = list_trusted_servers(invocation)
    if invocation.arguments.is_on("reuse-server-thumbprint"):
        if not invocation.arguments.find_text("server-comms-address"):
            raise ConfigurationError("Please specify a --server-comms-address when using --reuse-server-thumbprint.")
        if not servers:
            raise ConfigurationError("There is no trusted Octopus Server whose thumbprint could be reused.")
        first = servers[0]
        added = TrustedServer(first.thumbprint, first.style, address, first.subscription_id)
    else:
        added = _ask_polled_server(invocation, servers, address)
    save_trusted_servers(invocation, add_server(servers, added))
    invocation.say("Polling endpoint configured")
    return 0


def _register(
    invocation: Invocation, parse_role: Callable[[Arguments], "WorkerRole | TargetRole"], *, polling_connections: int
) -> int:
    arguments, configuration = invocation.arguments, invocation.configuration
    server = parse_server_address(invocation)
    parse_credentials(invocation)
    role = parse_role(arguments)
    style = _parse_style(arguments)
    address = _comms_address(invocation, server) if style is Style.POLLING else None
    subscription = _choose_subscription(invocation, address) if address else None
    endpoint = _endpoint(invocation, style, subscription)
    proxy = registration_proxy(invocation, is_polling=style is Style.POLLING)
    if address is not None:
        _check_polling_port(invocation, address, proxy)
    from octavo.agent.registration import Registration, register

    registration = Registration(
        name=(arguments.find_text("name") or invocation.host.name).strip(),
        endpoint=endpoint,
        role=role,
        space=arguments.find_text("space"),
        policy=arguments.find_text("policy"),
        proxy=arguments.find_text("proxy"),
        is_forced=arguments.is_on("force"),
    )
    with open_client(invocation, proxy=proxy) as client:
        invocation.say(f"Registering the Tentacle with the Octopus Server at {server}")
        thumbprint = register(client, registration)
    if style is Style.POLLING and configuration.find_stored(Key.POLLING_CONNECTION_COUNT) is None:
        configuration.set(Key.POLLING_CONNECTION_COUNT, polling_connections)
    entry = TrustedServer(thumbprint, style, address, subscription)
    save_trusted_servers(invocation, add_server(list_trusted_servers(invocation), entry))
    invocation.say("Machine registered successfully")
    return 0


def _worker_role(arguments: Arguments) -> "WorkerRole":
    pools = _texts(arguments, "workerpool")
    if not pools:
        raise ConfigurationError("Please specify a worker pool name, slug or Id, e.g., --workerpool=Default")
    from octavo.agent.registration import WorkerRole

    return WorkerRole(pools)


def _target_role(arguments: Arguments) -> "TargetRole":
    environments, roles = _texts(arguments, "environment"), _texts(arguments, "role")
    if not environments:
        raise ConfigurationError("Please specify an environment name, slug or Id, e.g., --environment=Development")
    if not roles:
        raise ConfigurationError("Please specify a role name, e.g., --role=web-server")
    given = arguments.find_text("tenanted-deployment-participation") or _PARTICIPATIONS[0]
    participation = next((one for one in _PARTICIPATIONS if one.lower() == given.strip().lower()), None)
    if participation is None:
        raise ConfigurationError(
            f"{given} is no participation in tenanted deployments; please use one of {', '.join(_PARTICIPATIONS)}."
        )
    from octavo.agent.registration import TargetRole

    return TargetRole(environments, roles, _texts(arguments, "tenant"), _texts(arguments, "tenanttag"), participation)


def _texts(arguments: Arguments, name: str) -> tuple[str, ...]:
    return tuple(text.strip() for text in arguments.list_texts(name) if text.strip())


def _parse_style(arguments: Arguments) -> Style:
    style = find_style(arguments.find_text("comms-style") or "TentaclePassive")
    if style is None:
        raise ConfigurationError("Please specify a valid communications style, e.g. --comms-style=TentaclePassive")
    if style is Style.POLLING and arguments.find_text("proxy"):
        raise ConfigurationError(
            "Option --proxy can only be used with --comms-style=TentaclePassive. "
            "To set a proxy for a polling Tentacle use the polling-proxy command first and then register the Tentacle."
        )
    return style


def _endpoint(invocation: Invocation, style: Style, subscription: str | None) -> "MachineEndpoint":
    from octavo.agent.registration import MachineEndpoint

    thumbprint = invocation.configuration.find(Key.CERTIFICATE_THUMBPRINT)
    if thumbprint is None:
        raise ConfigurationError(
            "No certificate has been generated for this Tentacle. Please run the new-certificate command first."
        )
    if subscription is not None:
        return MachineEndpoint(style, thumbprint, subscription)
    arguments = invocation.arguments
    host = (arguments.find_text("publicHostName") or invocation.host.name).lower()
    given_port = arguments.find_text("tentacle-comms-port")
    port = parse_port(given_port) if given_port else invocation.configuration.find_number(Key.PORT) or DEFAULT_PORT
    return MachineEndpoint(style, thumbprint, f"https://{_bracketed(host)}:{port}/")


def _comms_address(invocation: Invocation, server: str | None) -> str:
    """Where the server is polled: `https://host:port`."""
    arguments = invocation.arguments
    given, web_socket = arguments.find_text("server-comms-address"), arguments.find_text("server-web-socket")
    if given and web_socket:
        raise ConfigurationError("Please specify a --server-web-socket, or a --server-comms-address - not both.")
    if web_socket:
        if not web_socket.lower().startswith(("wss://", "https://")):
            raise ConfigurationError("The websocket address must start with wss://")
        raise ConfigurationError(
            "Polling over web sockets is available on Windows only; please use --server-comms-address."
        )
    if given and not is_http_address(given):
        raise ConfigurationError(
            f"{given} is not an address; please give one, e.g. --server-comms-address=https://octopus"
        )
    parts = urlsplit(given or server or parse_server_address(invocation))
    port_text = arguments.find_text("server-comms-port")
    default_port = (parts.port or 443) if given else DEFAULT_POLLING_PORT
    return f"https://{_bracketed(parts.hostname or '')}:{parse_port(port_text) if port_text else default_port}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _choose_subscription(invocation: Invocation, address: str) -> str:
    """The given subscription id, else that of the existing entry with this address, else a new one."""
    given = invocation.arguments.find_text("server-subscription-id")
    if given is not None:
        if not given.startswith("poll://"):
            raise ConfigurationError("The ServerSubscriptionId must start with poll://")
        return given
    entries = (server for server in list_trusted_servers(invocation) if server.address == address)
    known = next((server.subscription_id for server in entries if server.subscription_id), None)
    squid = invocation.configuration.find(Key.SQUID)
    return known or (f"poll://{squid.lower()}/" if squid else new_subscription_id())


def _check_polling_port(invocation: Invocation, address: str, proxy: ProxySettings) -> None:
    from octavo.agent.handshake import check_polling_port

    invocation.say(f"Checking that the Octopus Server listens for polling Tentacles at {address}")
    check_polling_port(address, proxy_url(proxy), use_system_proxy=proxy.use_default)


def _ask_polled_server(invocation: Invocation, servers: tuple[TrustedServer, ...], address: str) -> TrustedServer:
    from octavo.agent.registration import get_server_thumbprint

    proxy = other_proxy(invocation)
    with open_client(invocation, proxy=proxy) as client:
        _check_polling_port(invocation, address, proxy)
        thumbprint = get_server_thumbprint(client)
    mine = [server for server in servers if server.thumbprint == thumbprint]
    if not mine:
        raise ConfigurationError(
            f"The Octopus Server with the thumbprint '{thumbprint}' is not yet trusted. "
            "Trust it first: tentacle configure --trust, or register this Tentacle with it."
        )
    polling = next((server for server in mine if server.style is Style.POLLING and server.subscription_id), None)
    if polling is None:
        raise ConfigurationError(
            "This Tentacle has not been configured to connect to the specified Octopus Server as a polling Tentacle. "
            "Configure that first: tentacle register-worker --comms-style=TentacleActive, or tentacle server-comms."
        )
    return TrustedServer(thumbprint, Style.POLLING, address, polling.subscription_id)


_SERVER_COMMS_OPTIONS = (
    Option(
        ("server-comms-address",),
        "The comms address on the Octopus Server; the address of the Octopus Server will be used if omitted",
    ),
    Option(
        ("server-comms-port",),
        "The comms port on the Octopus Server when using active communication; the default is "
        "10943. If specified, this will take precedence over any port number in "
        "server-comms-address.",
        OptionKind.NUMBER,
    ),
    Option(
        ("server-web-socket",),
        "When using active communication over websockets, the address of the Octopus Server, "
        "e.g. wss://example.com/OctopusComms",
    ),
)

_MACHINE_OPTIONS = (
    INSTANCE,
    CONFIG,
    *API_OPTIONS,
    Option(("name",), "Name of the machine when registered; the default is the hostname"),
    Option(("policy",), "The name of a machine policy that applies to this machine"),
    Option(
        ("h", "publicHostName"),
        "An Octopus-accessible DNS name or IP address for this machine; the default is the hostname",
    ),
    switch("f", "force", description="Allow overwriting of existing machines"),
    Option(
        ("comms-style",),
        "The communication style to use - either TentacleActive or TentaclePassive; the default is TentaclePassive",
    ),
    Option(
        ("proxy",),
        "When using passive communication, the name of a proxy that Octopus should connect to the Tentacle through",
    ),
    Option(
        ("space",), "The name of the space within which this command will be executed; the default space if omitted"
    ),
    *_SERVER_COMMS_OPTIONS,
    Option(
        ("server-subscription-id",),
        "When using active communication, the subscription id to use, e.g. poll://...; by default one is generated",
    ),
    Option(
        ("tentacle-comms-port",),
        "When using passive communication, the comms port that the Octopus Server is "
        "instructed to call back on to reach this machine; defaults to the configured "
        "listening port",
        OptionKind.NUMBER,
    ),
)

COMMANDS = (
    Command(
        "register-worker",
        "Registers this machine as a worker with an Octopus Server",
        register_worker,
        (
            *_MACHINE_OPTIONS,
            Option(
                ("workerpool",),
                "The worker pool name, slug or Id to add the machine to - e.g., 'Windows Pool'; "
                "specify this argument multiple times to add multiple pools",
            ),
        ),
    ),
    Command(
        "register-with",
        "Registers this machine as a deployment target with an Octopus Server",
        register_target,
        (
            *_MACHINE_OPTIONS,
            Option(
                ("env", "environment"),
                "The environment name, slug or Id to add the machine to - e.g., 'Production'; specify "
                "this argument multiple times to add multiple environments",
            ),
            Option(
                ("r", "role"),
                "The machine role that the machine will assume - e.g., 'web-server'; specify this "
                "argument multiple times to add multiple roles",
            ),
            Option(
                ("tenant",),
                "A tenant who the machine will be connected to; specify this argument multiple times "
                "to add multiple tenants",
            ),
            Option(
                ("tenanttag",),
                "A tenant tag which the machine will be tagged with - e.g., 'CustomerType/VIP'; "
                "specify this argument multiple times to add multiple tenant tags",
            ),
            Option(
                ("tenanted-deployment-participation",),
                "How the machine should participate in tenanted deployments. Allowed values are "
                "Untenanted, TenantedOrUntenanted and Tenanted.",
            ),
        ),
    ),
    Command(
        "poll-server",
        "Configures an Octopus Server that this Tentacle will poll",
        add_polled_address,
        (
            INSTANCE,
            CONFIG,
            *API_OPTIONS,
            *_SERVER_COMMS_OPTIONS,
            switch(
                "reuse-server-thumbprint",
                description="Use the thumbprint, style and subscription of the first trusted server instead of "
                "asking the server",
            ),
        ),
    ),
)
