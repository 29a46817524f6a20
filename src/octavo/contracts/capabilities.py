"""`ICapabilitiesServiceV2`: what an agent offers. Source: tentacle-services.md §2.4, §3."""

from dataclasses import dataclass
from typing import Protocol

from octavo.halibut import Contract, wire_type


@wire_type("Octopus.Tentacle.Contracts.Capabilities.CapabilitiesResponseV2, Octopus.Tentacle.Contracts")
@dataclass(frozen=True, slots=True)
class CapabilitiesResponseV2:
    """The names of the services an agent offers, `ICapabilitiesServiceV2` itself left out."""

    supported_capabilities: tuple[str, ...] = ()


class CapabilitiesServiceV2(Protocol):
    """The one method of `ICapabilitiesServiceV2`."""

    async def get_capabilities(self) -> CapabilitiesResponseV2: ...


CAPABILITIES_SERVICE_V2 = Contract("ICapabilitiesServiceV2", CapabilitiesServiceV2)
