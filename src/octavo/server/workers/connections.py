"""The server's end of every agent: one Halibut runtime, whom it trusts, and where each machine is.

Trust follows the documents: whoever changes a machine publishes `agents`, and a look now and then makes up for lost
messages. Source: DESIGN §4, §6; tentacle-cli.md §7.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from octavo.base.errors import NotFound, OctavoError
from octavo.halibut import Endpoint, Proxy, Runtime, Thumbprint, parse_thumbprint
from octavo.server.bus import Bus
from octavo.server.domain.vault import Vault, place
from octavo.server.store import Store
from octavo.server.store.agents import find_machine, find_proxy, list_agents
from octavo.server.store.resources import Document

log = logging.getLogger(__name__)

LOOK_SECONDS = 30.0  # trust is read again, should a wake-up have been lost


class NoAgent(OctavoError):
    """The machine runs no agent that this server can talk to; the message says why."""


class Connections:
    """Where machines are and which of them may talk to us. `runtime` is entered by whoever made it."""

    def __init__(self, runtime: Runtime, store: Store, bus: Bus, vault: Vault) -> None:
        self.runtime = runtime
        self._store = store
        self._bus = bus
        self._vault = vault
        self._endpoints: dict[str, Endpoint] = {}
        self._trusted: dict[tuple[Thumbprint, str | None], str] = {}

    async def follow_machines(self) -> None:
        """Keep trust in step with the machines until cancelled."""
        async with self._bus.subscribe("agents") as messages:
            while True:
                try:
                    await self.synchronise_trust()
                except OctavoError:
                    log.exception("the trusted machines could not be read")
                try:
                    async with asyncio.timeout(LOOK_SECONDS):
                        await anext(messages)
                except TimeoutError:
                    continue

    async def synchronise_trust(self) -> None:
        """Trust exactly the machines that there are; a subscription only with its own machine's certificate."""
        async with self._store.reading() as connection:
            agents = await list_agents(connection)
        wanted = {(parse_thumbprint(agent.thumbprint), agent.subscription): agent.name for agent in agents}
        trust = self.runtime.trust
        gone = {thumbprint for thumbprint, _ in self._trusted} - {thumbprint for thumbprint, _ in wanted}
        changed = {thumbprint for thumbprint, _ in self._trusted.keys() - wanted.keys()}
        for thumbprint in gone | changed:
            trust.revoke(thumbprint)
        for thumbprint, subscription in wanted:
            if (thumbprint, subscription) not in self._trusted or thumbprint in changed:
                trust.allow(thumbprint, subscription)
        self._trusted = dict(wanted)
        self._endpoints.clear()

    async def get_endpoint(self, machine_id: str) -> Endpoint:
        """Where this worker or target is; remembered until a machine changes.

        Raises:
            NotFound: there is no such machine.
            NoAgent: it runs no agent.
        """
        known = self._endpoints.get(machine_id)
        if known is None:
            known = self._endpoints[machine_id] = await self._read_endpoint(machine_id)
        return known

    async def _read_endpoint(self, machine_id: str) -> Endpoint:
        async with self._store.reading() as connection:
            machine = await find_machine(connection, machine_id)
            if machine is None:
                raise NotFound(f"The machine {machine_id} is gone: it was deleted.")
            proxy_id = machine.doc["Endpoint"].get("ProxyId")
            proxy = await find_proxy(connection, proxy_id) if proxy_id else None
        return self._endpoint(machine, proxy)

    def _endpoint(self, machine: Document, proxy: Document | None) -> Endpoint:
        details: Mapping[str, Any] = machine.doc["Endpoint"]
        style, uri = details.get("CommunicationStyle"), details.get("Uri")
        if style not in ("TentaclePassive", "TentacleActive") or not uri:
            raise NoAgent(f"{machine.name} has the communication style {style}: no agent runs scripts there.")
        return Endpoint(uri, parse_thumbprint(str(details["Thumbprint"])), self._proxy(proxy))

    def _proxy(self, proxy: Document | None) -> Proxy | None:
        if proxy is None:
            return None
        sealed = proxy.doc.get("Password")
        password = self._vault.open(sealed, place("proxies", proxy.id, "Password")).reveal() if sealed else None
        return Proxy(proxy.doc["Host"], int(proxy.doc["Port"]), proxy.doc.get("Username") or None, password)
