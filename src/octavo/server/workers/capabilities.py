"""What each agent offers, asked once per 600 s, and the client that suits it.

Source: tentacle-services.md §3.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from octavo.contracts.capabilities import CAPABILITIES_SERVICE_V2
from octavo.contracts.octavo_script_service import OCTAVO_SCRIPT_SERVICE
from octavo.contracts.script_service_v1 import SCRIPT_SERVICE_V1
from octavo.contracts.script_service_v2 import SCRIPT_SERVICE_V2
from octavo.halibut import Endpoint, Runtime, ServiceFailed, ServiceNotFound
from octavo.server.domain.script_runs import ServiceVersion
from octavo.server.workers.retries import Notice, RetryPolicy, call_with_retries, say_nothing
from octavo.server.workers.script_client import OctavoClient, ScriptClient, V1Client, V2Client

CACHE_SECONDS = 600
_OLDEST = ("IScriptService", "IFileTransferService")


class Freshness(Enum):
    """Whether a remembered answer will do."""

    REMEMBERED = auto()
    ASKED_NOW = auto()


@dataclass(frozen=True, slots=True)
class _Answer:
    names: tuple[str, ...]
    until: float


class Capabilities:
    """Remembers what agents offer, by address and thumbprint."""

    def __init__(self, runtime: Runtime, clock: Callable[[], float] = time.monotonic) -> None:
        self._runtime = runtime
        self._clock = clock
        self._answers: dict[tuple[str, str], _Answer] = {}

    async def get_capabilities(
        self,
        endpoint: Endpoint,
        policy: RetryPolicy,
        notify: Notice = say_nothing,
        freshness: Freshness = Freshness.REMEMBERED,
    ) -> tuple[str, ...]:
        """The names of the services that the agent offers.

        Raises:
            HalibutError: it could not be asked.
        """
        key = (endpoint.uri, endpoint.thumbprint)
        known = self._answers.get(key)
        if known is not None and known.until > self._clock() and freshness is Freshness.REMEMBERED:
            return known.names
        names = await self._ask(endpoint, policy, notify)
        self._answers[key] = _Answer(names, self._clock() + CACHE_SECONDS)
        return names

    async def get_client(self, endpoint: Endpoint, policy: RetryPolicy, notify: Notice = say_nothing) -> ScriptClient:
        """The best script client that the agent understands.

        Raises:
            HalibutError: it could not be asked what it offers.
        """
        names = await self.get_capabilities(endpoint, policy, notify)
        return self.client_for(endpoint, choose_version(names))

    def client_for(self, endpoint: Endpoint, version: ServiceVersion) -> ScriptClient:
        """A client of a version that is known already: what a script was started with."""
        match version:
            case ServiceVersion.OCTAVO:
                return OctavoClient(self._runtime.call(OCTAVO_SCRIPT_SERVICE, endpoint))
            case ServiceVersion.V2:
                return V2Client(self._runtime.call(SCRIPT_SERVICE_V2, endpoint))
            case ServiceVersion.V1 | ServiceVersion.UNKNOWN:
                return V1Client(self._runtime.call(SCRIPT_SERVICE_V1, endpoint))

    def forget(self, endpoint: Endpoint) -> None:
        """Ask again next time: the agent may have been replaced."""
        self._answers.pop((endpoint.uri, endpoint.thumbprint), None)

    async def _ask(self, endpoint: Endpoint, policy: RetryPolicy, notify: Notice) -> tuple[str, ...]:
        service = self._runtime.call(CAPABILITIES_SERVICE_V2, endpoint)
        try:
            answer = await call_with_retries(service.get_capabilities, policy, notify)
        except ServiceFailed as error:
            if is_not_found(error):
                return _OLDEST
            raise
        return tuple(answer.supported_capabilities) or _OLDEST


def choose_version(names: tuple[str, ...]) -> ServiceVersion:
    """Ours where it is offered, else V2, else V1."""
    if "IOctavoScriptServiceV1" in names:
        return ServiceVersion.OCTAVO
    return ServiceVersion.V2 if "IScriptServiceV2" in names else ServiceVersion.V1


def is_not_found(error: ServiceFailed) -> bool:
    """Whether an agent's error says that it has no capabilities service: the many ways old agents say so (§3)."""
    if isinstance(error, ServiceNotFound):
        return True
    message, text = str(error), f"{error}{error.details}"
    if "Octopus.Tentacle.Communications.UnknownServiceNameException" in text:
        return True
    is_closing = "The Tentacle service is shutting down" in text or "ObjectDisposedException" in text
    if "CreateService(" in text and not is_closing:
        return True
    return (
        "NotRegistered" in text
        or "ICapabilitiesServiceV2" in text
        or message.startswith("Service not found: ")
        or (message.startswith("Service ") and message.endswith(" not found"))
        or error.details.startswith("System.Reflection.AmbiguousMatchException: ")
    )
