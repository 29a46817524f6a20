"""What a running agent needs to know, read once at its start.

The commands make it from an instance's configuration (`configuration.py`, `commands/running.py`); `run.py` obeys it.
Nothing here can change while the agent runs.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from octavo.base.sensitive import Sensitive

DEFAULT_PORT = 10933
DEFAULT_APPLICATIONS = Path("/home/Octopus/Applications")
MAX_POLLING_CONNECTIONS = 512


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """One of the two proxies of an agent: for its web requests and scripts, or for its polling connections.

    `use_default` without a host means the system's proxy; neither means none.
    """

    use_default: bool = True
    host: str | None = None
    port: int = 80
    user_name: str | None = None
    password: Sensitive | None = None


@dataclass(frozen=True, slots=True)
class PolledServer:
    """A server that this agent dials: `address` is `https://host:port`, `thumbprint` the server's."""

    address: str
    thumbprint: str
    subscription_id: str


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where the agent listens; no host means all addresses, IPv4 and IPv6."""

    port: int = DEFAULT_PORT
    host: str | None = None


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """Everything `run_agent` needs. Thumbprints are 40 upper-case hex digits.

    `script_variables` are the variables that every script of this agent sees besides the agent's own
    environment (tentacle-services §6.3), already complete.

    `default_confinement` is the level (or `best`) of scripts that came by the standard services, which cannot say;
    `none` is what the established agents do. `hidden_folders` are unseen by sandboxed jobs, besides the home.
    `executor_command` runs the step executor on this machine; empty when it is not installed here.
    """

    home: Path
    applications: Path
    certificate_pem: bytes
    private_key_pem: bytes = field(repr=False)
    instance_name: str | None = None
    listen: ListenAddress | None = field(default_factory=ListenAddress)
    trusted_thumbprints: tuple[str, ...] = ()
    polled_servers: tuple[PolledServer, ...] = ()
    polling_connection_count: int = 1
    polling_proxy: ProxySettings = field(default_factory=ProxySettings)
    script_variables: Mapping[str, str] = field(default_factory=dict)
    default_confinement: str = "none"
    hidden_folders: tuple[Path, ...] = ()
    executor_command: tuple[str, ...] = (sys.executable, "-m", "octavo.executor")
