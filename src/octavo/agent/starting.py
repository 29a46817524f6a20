"""From an instance's configuration to the settings of a running agent.

Source: tentacle-cli §4.5; the variables of scripts: tentacle-services §6.3.
"""

import platform
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from octavo import __version__
from octavo.agent.certificates import find_identity, new_agent_identity, signature_algorithm, store_identity
from octavo.agent.configuration import Configuration, Key, ProxyRole
from octavo.agent.machine_key import MachineKey
from octavo.agent.proxies import read_proxy
from octavo.agent.settings import (
    DEFAULT_APPLICATIONS,
    DEFAULT_PORT,
    MAX_POLLING_CONNECTIONS,
    AgentSettings,
    ListenAddress,
    PolledServer,
    ProxySettings,
)
from octavo.agent.trusted_servers import Style, TrustedServer, parse_trusted_servers, render_trusted_servers
from octavo.base.errors import ConfigurationError
from octavo.halibut.identity import Identity


def complete_configuration(configuration: Configuration, machine_key: MachineKey) -> bool:
    """Give an instance what it lacks to start: a certificate, a style for idle entries; whether anything changed."""
    changed = False
    if configuration.find(Key.CERTIFICATE) is None:
        store_identity(configuration, new_agent_identity(), machine_key)
        changed = True
    servers = parse_trusted_servers(configuration.find(Key.TRUSTED_SERVERS))
    styled = tuple(_with_style(server) for server in servers)
    if not configuration.is_true(Key.NO_LISTEN, default=False) and styled != servers:
        configuration.set(Key.TRUSTED_SERVERS, render_trusted_servers(styled))
        changed = True
    return changed


def read_agent_settings(
    configuration: Configuration,
    machine_key: MachineKey,
    *,
    instance_name: str | None,
    home: Path,
    program: Path,
    environment: Mapping[str, str],
) -> AgentSettings:
    """What the configuration means for a running agent.

    Raises:
        ConfigurationError: a setting cannot be right, or the certificate cannot be decrypted here.
    """
    identity = find_identity(configuration, machine_key)
    if identity is None:
        raise ConfigurationError("This Tentacle has no certificate. Make one: tentacle new-certificate")
    applications = Path(configuration.find(Key.APPLICATIONS) or DEFAULT_APPLICATIONS)
    servers = parse_trusted_servers(configuration.find(Key.TRUSTED_SERVERS))
    settings = AgentSettings(
        home=home,
        applications=applications,
        certificate_pem=identity.certificate_pem,
        private_key_pem=identity.private_key_pem,
        instance_name=instance_name,
        listen=_listen_address(configuration),
        trusted_thumbprints=tuple(dict.fromkeys(server.thumbprint for server in servers)),
        polled_servers=tuple(_polled_servers(servers)),
        polling_connection_count=_polling_connections(configuration, environment),
        polling_proxy=read_proxy(configuration, ProxyRole.POLLING, machine_key),
    )
    variables = _agent_variables(settings, identity, program)
    return replace(settings, script_variables=variables | _proxy_variables(configuration, machine_key))


def _with_style(server: TrustedServer) -> TrustedServer:
    return replace(server, style=Style.LISTENING) if server.style is Style.NONE else server


def _listen_address(configuration: Configuration) -> ListenAddress | None:
    if configuration.is_true(Key.NO_LISTEN, default=False):
        return None
    port = configuration.find_number(Key.PORT)
    return ListenAddress(DEFAULT_PORT if port is None else port, configuration.find(Key.LISTEN_IP))


def _polled_servers(servers: tuple[TrustedServer, ...]) -> list[PolledServer]:
    return [
        PolledServer(server.address, server.thumbprint, server.subscription_id)
        for server in servers
        if server.style is Style.POLLING and server.address and server.subscription_id
    ]


def _polling_connections(configuration: Configuration, environment: Mapping[str, str]) -> int:
    text = environment.get("TentaclePollingConnectionCount", "").strip()
    wanted = int(text) if text.isdecimal() else configuration.find_number(Key.POLLING_CONNECTION_COUNT) or 1
    return max(1, min(wanted, MAX_POLLING_CONNECTIONS))


def _agent_variables(settings: AgentSettings, identity: Identity, program: Path) -> dict[str, str]:
    variables = {
        "TentacleHome": str(settings.home),
        "TentacleApplications": str(settings.applications),
        "TentacleJournal": str(settings.home / "DeploymentJournal.xml"),
        "CalamariPackageRetentionJournalPath": str(settings.home / "PackageRetentionJournal.json"),
        "TentacleVersion": __version__,
        "TentacleNetFrameworkDescription": f"{platform.python_implementation()} {platform.python_version()}",
        "TentacleExecutablePath": str(program),
        "TentacleProgramDirectoryPath": str(program.parent),
        "AgentProgramDirectoryPath": str(program.parent),
        "TentacleCertificateSignatureAlgorithm": signature_algorithm(identity),
    }
    if settings.instance_name is not None:
        variables["TentacleInstanceName"] = settings.instance_name
    return variables


def _proxy_variables(configuration: Configuration, machine_key: MachineKey) -> dict[str, str]:
    proxy: ProxySettings = read_proxy(configuration, ProxyRole.WEB, machine_key)
    variables = {
        "TentacleUseDefaultProxy": str(proxy.use_default),
        "TentacleProxyUsername": proxy.user_name or "",
        "TentacleProxyPassword": proxy.password.reveal() if proxy.password else "",
        "TentacleProxyHost": proxy.host or "",
        "TentacleProxyPort": str(proxy.port) if proxy.host else "",
    }
    return {name: value for name, value in variables.items() if value}
