"""The running agent: serve scripts and files to the servers it trusts, until told to stop.

Source: tentacle-cli.md §4.5 (whose log lines tools wait for); DESIGN §5.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path

from octavo.agent.jobs.cleaner import Cleaner, CleanerTimes
from octavo.agent.jobs.opening import DEFAULT_TUNING, OpenedJobs, Tuning, open_jobs
from octavo.agent.polling_proxy import find_polling_proxy
from octavo.agent.services.capabilities import Capabilities
from octavo.agent.services.file_transfer import FileTransfer
from octavo.agent.services.machine_facts import MachineFactsSource
from octavo.agent.services.octavo_script_service import OctavoScripts
from octavo.agent.services.script_service_v1 import ScriptServiceOne
from octavo.agent.services.script_service_v2 import ScriptServiceTwo
from octavo.agent.settings import AgentSettings, PolledServer
from octavo.base.clock import SystemClock
from octavo.base.errors import ConfigurationError
from octavo.contracts.capabilities import CAPABILITIES_SERVICE_V2
from octavo.contracts.file_transfer import FILE_TRANSFER_SERVICE
from octavo.contracts.octavo_script_service import OCTAVO_SCRIPT_SERVICE
from octavo.contracts.script_service_v1 import SCRIPT_SERVICE_V1
from octavo.contracts.script_service_v2 import SCRIPT_SERVICE_V2
from octavo.halibut import (
    Endpoint,
    FriendlyPage,
    Identity,
    Limits,
    Listener,
    Runtime,
    Thumbprint,
    Trust,
    parse_thumbprint,
)

log = logging.getLogger(__name__)

#: `livez` calls an agent dead whose heartbeat is a minute old.
_HEARTBEAT_SECONDS = 10.0

#: A Tentacle waits 5 s after a refused dial. A server that restarts is away for a second or two, and its agents shall
#: be back within five (DESIGN §7); the back-off that follows is the same.
AGENT_LIMITS = Limits(reconnect_minimum_seconds=1)

_PAGE = FriendlyPage(
    "<html><head><title>Octopus Tentacle</title></head>"
    "<body><h1>Octopus Tentacle configured successfully</h1>"
    "<p>This is an Octavo agent. It waits for its server.</p></body></html>"
)


async def run_agent(
    settings: AgentSettings,
    stop: asyncio.Event,
    *,
    tuning: Tuning = DEFAULT_TUNING,
    limits: Limits = AGENT_LIMITS,
    on_listening: Callable[[int], None] | None = None,
) -> None:
    """Serve until `stop` is set. Started scripts go on running afterwards; the next agent takes them up.

    `on_listening` hears the port once it is open.

    Raises:
        ConfigurationError: the port is taken, another agent uses this home, a thumbprint or address cannot be right.
    """
    trust = _read_trust(settings)
    _log_trust(settings)
    async with open_jobs(settings, tuning) as opened, _runtime(settings, trust, limits) as runtime:
        _offer_services(runtime, settings, opened)
        background = [
            asyncio.create_task(_beat(opened.places.heartbeat), name="heartbeat"),
            asyncio.create_task(_cleaner(opened).run(), name="cleaner"),
            *_pollers(runtime, settings),
        ]
        try:
            listener = await _listen(runtime, settings)
            if listener is not None and on_listening is not None:
                on_listening(listener.port)
            await _wait_stop(stop, background)
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)


def _runtime(settings: AgentSettings, trust: Trust, limits: Limits) -> Runtime:
    identity = Identity(settings.certificate_pem, settings.private_key_pem)
    return Runtime(identity, spool=settings.home / "Run" / "spool", trust=trust, limits=limits)


def _read_trust(settings: AgentSettings) -> Trust:
    trust = Trust()
    for thumbprint in settings.trusted_thumbprints:
        trust.allow(_parse(thumbprint))
    return trust


def _parse(thumbprint: str) -> Thumbprint:
    try:
        return parse_thumbprint(thumbprint)
    except ValueError as error:
        raise ConfigurationError(f"The trusted thumbprint '{thumbprint}' cannot be right: {error}") from error


def _log_trust(settings: AgentSettings) -> None:
    if settings.trusted_thumbprints:
        for thumbprint in settings.trusted_thumbprints:
            log.info("Agent will trust Octopus Servers with the thumbprint: %s", thumbprint)
    else:
        log.info("The agent is not configured to trust any Octopus Servers.")


def _offer_services(runtime: Runtime, settings: AgentSettings, opened: OpenedJobs) -> None:
    jobs, confinement = opened.jobs, settings.default_confinement
    levels = tuple(str(level) for level in opened.offer.available)
    facts = MachineFactsSource(opened.places.work, levels, settings.executor_command)
    log.info("Jobs can be confined by: %s", ", ".join(levels))
    runtime.offer(CAPABILITIES_SERVICE_V2, Capabilities())
    runtime.offer(SCRIPT_SERVICE_V1, ScriptServiceOne(jobs, confinement, SystemClock()))
    runtime.offer(SCRIPT_SERVICE_V2, ScriptServiceTwo(jobs, confinement))
    runtime.offer(FILE_TRANSFER_SERVICE, FileTransfer(settings.home))
    runtime.offer(OCTAVO_SCRIPT_SERVICE, OctavoScripts(jobs, facts))


def _cleaner(opened: OpenedJobs) -> Cleaner:
    try:
        times = CleanerTimes.from_environment(os.environ)
    except ValueError as error:
        raise ConfigurationError(f"A TENTACLE_WORKSPACE_CLEANER variable cannot be read: {error}") from error
    return Cleaner(opened.places.work, times, opened.jobs.is_alive, opened.jobs.drop)


def _pollers(runtime: Runtime, settings: AgentSettings) -> list[asyncio.Task[None]]:
    return [
        asyncio.create_task(_poll(runtime, settings, server), name=f"poll {server.address}")
        for server in settings.polled_servers
    ]


async def _poll(runtime: Runtime, settings: AgentSettings, server: PolledServer) -> None:
    log.info(
        "Agent will poll Octopus Server at %s for subscription %s expecting thumbprint %s",
        server.address,
        server.subscription_id,
        server.thumbprint,
    )
    log.info("Starting %d polling connections", settings.polling_connection_count)
    proxy = find_polling_proxy(settings.polling_proxy, server.address, os.environ)
    endpoint = Endpoint(server.address, _parse(server.thumbprint), proxy)
    await runtime.poll(endpoint, server.subscription_id, connections=settings.polling_connection_count)


async def _listen(runtime: Runtime, settings: AgentSettings) -> Listener | None:
    if settings.listen is None:
        log.info("Agent will not listen on any TCP ports")
        return None
    host, port = settings.listen.host, settings.listen.port
    try:
        listener = await runtime.listen(host, port, accept="client", page=_PAGE)
    except OSError as error:
        raise ConfigurationError(
            f"The agent cannot listen on port {port}: {error.strerror or error}. Is another agent running? "
            "Choose another port with: tentacle configure --port"
        ) from error
    log.info("Agent listening on: %s:%d", _bracketed(host or "::"), listener.port)
    return listener


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


async def _beat(heartbeat: Path) -> None:
    while True:
        try:
            heartbeat.touch()  # noqa: ASYNC240  one system call
        except OSError as error:
            log.warning("the heartbeat file cannot be touched: %s", error)
        await asyncio.sleep(_HEARTBEAT_SECONDS)


async def _wait_stop(stop: asyncio.Event, background: list[asyncio.Task[None]]) -> None:
    """Until told to stop, or something in the background failed, which then is raised."""
    stopping = asyncio.create_task(stop.wait(), name="stop")
    try:
        done, _ = await asyncio.wait([stopping, *background], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        stopping.cancel()
