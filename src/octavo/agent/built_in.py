"""The built-in worker: an agent that a server starts beside itself and speaks to as to any other.

It listens on the loopback address at a free port, trusts that one server, says where it is in one line of JSON, and
ends when its standard input ends, that is with its server. Scripts go on under their supervisors, and the next
built-in worker on the same home takes them up.

Source: DESIGN §1.1; docs/reference/agent-jobs.md.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import octavo
from octavo.agent.run import run_agent
from octavo.agent.settings import AgentSettings, ListenAddress
from octavo.agent.supervisor.job_folder import replace_file
from octavo.base.errors import ConfigurationError
from octavo.halibut import Identity, new_identity

_COMMON_NAME = "Octopus Tentacle"


def run_built_in_worker(home: Path, trusted_thumbprint: str, *, confinement: str = "none") -> None:
    """Run until standard input ends. Prints `{"port": …, "thumbprint": …}` once it listens.

    Raises:
        ConfigurationError: the home cannot be used, or another built-in worker uses it.
    """
    try:
        identity = _get_identity(home)
    except OSError as error:
        raise ConfigurationError(f"The built-in worker cannot use its home {home}: {error.strerror}.") from error
    asyncio.run(_serve(_settings(home, identity, trusted_thumbprint, confinement), _announcer(identity)))


def _get_identity(home: Path) -> Identity:
    """The worker's own certificate, made at its first start and kept."""
    path = home / "identity.json"
    try:
        document = json.loads(path.read_bytes())
        return Identity(document["certificate"].encode(), document["private_key"].encode())
    except FileNotFoundError:
        home.mkdir(parents=True, exist_ok=True)
        identity = new_identity(_COMMON_NAME)
        pem = {"certificate": identity.certificate_pem.decode(), "private_key": identity.private_key_pem.decode()}
        replace_file(path, json.dumps(pem).encode(), durably=True)
        return identity


def _settings(home: Path, identity: Identity, trusted_thumbprint: str, confinement: str) -> AgentSettings:
    applications = home / "Applications"
    return AgentSettings(
        home=home,
        applications=applications,
        certificate_pem=identity.certificate_pem,
        private_key_pem=identity.private_key_pem,
        listen=ListenAddress(0, "127.0.0.1"),
        trusted_thumbprints=(trusted_thumbprint,),
        script_variables={
            "TentacleHome": str(home),
            "TentacleApplications": str(applications),
            "TentacleJournal": str(home / "DeploymentJournal.xml"),
            "CalamariPackageRetentionJournalPath": str(home / "PackageRetentionJournal.json"),
            "TentacleVersion": octavo.__version__,
            "TentacleUseDefaultProxy": "True",
        },
        default_confinement=confinement,
    )


def _announcer(identity: Identity) -> Callable[[int], None]:
    def announce(port: int) -> None:
        sys.stdout.write(json.dumps({"port": port, "thumbprint": identity.thumbprint}) + "\n")
        sys.stdout.flush()

    return announce


async def _serve(settings: AgentSettings, announce: Callable[[int], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    try:
        loop.add_reader(0, _look_for_end, stop)
    except PermissionError:  # standard input is a file or /dev/null, which never wakes anybody: it has ended already
        stop.set()
    try:
        await run_agent(settings, stop, on_listening=announce)
    finally:
        loop.remove_reader(0)


def _look_for_end(stop: asyncio.Event) -> None:
    if not os.read(0, 4096):
        asyncio.get_running_loop().remove_reader(0)
        stop.set()
