"""An agent in this process behind real TLS that offers only the services a test wants: ours, V2, or V1 alone."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agents_under_test.opened_agent import OpenedAgent, open_agent
from fakes.halibut_peers import identity
from octavo.contracts.capabilities import CAPABILITIES_SERVICE_V2, CapabilitiesResponseV2
from octavo.contracts.file_transfer import FILE_TRANSFER_SERVICE
from octavo.contracts.octavo_script_service import OCTAVO_SCRIPT_SERVICE
from octavo.contracts.script_service_v1 import SCRIPT_SERVICE_V1
from octavo.contracts.script_service_v2 import SCRIPT_SERVICE_V2
from octavo.halibut import Endpoint, Runtime, Thumbprint, Trust

OURS = ("IScriptService", "IFileTransferService", "IScriptServiceV2", "IOctavoScriptServiceV1")
OFFICIAL = ("IScriptService", "IFileTransferService", "IScriptServiceV2")
OLD = ()  # as old as Tentacles are that have no capabilities service


@dataclass
class CountedCapabilities:
    """Answers what a test wants, and counts how often it was asked."""

    names: Sequence[str]
    asked: int = 0

    async def get_capabilities(self) -> CapabilitiesResponseV2:
        self.asked += 1
        return CapabilitiesResponseV2(tuple(self.names))


@dataclass
class ServedAgent:
    """A listening agent: where it is, and what is behind it."""

    runtime: Runtime
    agent: OpenedAgent
    endpoint: Endpoint
    capabilities: CountedCapabilities
    folder: Path = field(default_factory=Path)


@asynccontextmanager
async def served_agent(folder: Path, server: Thumbprint, names: Sequence[str] = OURS) -> AsyncIterator[ServedAgent]:
    """The agent, listening, until the block ends."""
    trust = Trust()
    trust.allow(server)
    capabilities = CountedCapabilities(names)
    home = folder / "home"
    variables = {
        "TentacleHome": str(home),
        "TentacleApplications": str(home / "Applications"),
        "TentacleJournal": str(home / "DeploymentJournal.xml"),
    }
    async with (
        open_agent(folder / "home", variables=variables) as agent,
        Runtime(identity(f"agent {folder.name}"), spool=folder / "spool", trust=trust) as runtime,
    ):
        runtime.offer(SCRIPT_SERVICE_V1, agent.v1)
        runtime.offer(FILE_TRANSFER_SERVICE, agent.files)
        if names:
            runtime.offer(CAPABILITIES_SERVICE_V2, capabilities)
        if "IScriptServiceV2" in names:
            runtime.offer(SCRIPT_SERVICE_V2, agent.v2)
        if "IOctavoScriptServiceV1" in names:
            runtime.offer(OCTAVO_SCRIPT_SERVICE, agent.ours)
        listener = await runtime.listen("127.0.0.1", 0, accept="client")
        endpoint = Endpoint(f"https://127.0.0.1:{listener.port}/", runtime.identity.thumbprint)
        yield ServedAgent(runtime, agent, endpoint, capabilities, folder)
