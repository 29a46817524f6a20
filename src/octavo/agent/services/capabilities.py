"""`ICapabilitiesServiceV2`. Source: tentacle-services.md §2.4; docs/decisions/0023-announced-services.md."""

from octavo.contracts.capabilities import CapabilitiesResponseV2

#: What every current agent names, and our own service after it: others ignore names they do not know.
SUPPORTED = ("IScriptService", "IFileTransferService", "IScriptServiceV2", "IOctavoScriptServiceV1")


class Capabilities:
    """Names the services of this agent."""

    async def get_capabilities(self) -> CapabilitiesResponseV2:
        """The names, `ICapabilitiesServiceV2` itself left out."""
        return CapabilitiesResponseV2(SUPPORTED)
