"""What is asked about machines beyond storing them: summaries, names in use, drafts, the state of their connection."""

import asyncio
import ssl
from collections import Counter
from collections.abc import Sequence

from octavo.base.errors import AgentUnavailable
from octavo.halibut.identity import thumbprint_of
from octavo.server.domain.permissions import Permission
from octavo.server.operations.context import OperationContext, require
from octavo.server.operations.documents import Json
from octavo.server.operations.kinds.environments import ENVIRONMENTS
from octavo.server.operations.kinds.machines import MACHINES, WORKERS, names_in_use
from octavo.server.operations.kinds.worker_pools import WORKER_POOLS
from octavo.server.operations.resource_kinds import ResourceKind
from octavo.server.operations.resources import ListRequest, list_resources

_DISCOVERY_SECONDS = 10.0


async def list_values(context: OperationContext, kind: ResourceKind, member: str) -> list[str]:
    """The different values of a member over the machines of the space."""
    require(context, kind.rights.view)
    async with context.store.reading() as connection:
        return await names_in_use(connection, kind.table, context.space_id, member)


async def summarise_pools(context: OperationContext, wanted: ListRequest) -> Json:
    """Each pool with its workers counted."""
    pools, _ = await list_resources(context, WORKER_POOLS, wanted)
    workers, _ = await list_resources(context, WORKERS, ListRequest())
    summaries = [
        {"WorkerPool": pool, **_counted([each for each in workers if pool["Id"] in each["WorkerPoolIds"]])}
        for pool in pools
    ]
    return {"WorkerPoolSummaries": summaries, **_counted(workers), "Links": {}}


async def summarise_environments(context: OperationContext, wanted: ListRequest) -> Json:
    """Each environment with its targets counted."""
    environments, _ = await list_resources(context, ENVIRONMENTS, wanted)
    machines, _ = await list_resources(context, MACHINES, ListRequest())
    summaries = [
        {"Environment": each, **_counted([target for target in machines if each["Id"] in target["EnvironmentIds"]])}
        for each in environments
    ]
    return {"EnvironmentSummaries": summaries, **_counted(machines), "Links": {}}


def connection_of(machine: Json) -> Json:
    """What the last health check said about the connection."""
    details = machine["Endpoint"].get("TentacleVersionDetails") or {}
    return {
        "MachineId": machine["Id"],
        "Status": machine["Status"],
        "CurrentTentacleVersion": details.get("Version"),
        "LastChecked": machine.get("HealthLastChecked"),
        "Logs": [],
        "Links": {"Self": machine["Links"]["Connection"], "Machine": machine["Links"]["Self"]},
    }


async def discover(context: OperationContext, kind: ResourceKind, host: str, port: int) -> Json:
    """A draft of the machine whose agent listens there, with the thumbprint it shows.

    Raises:
        AgentUnavailable: nothing there speaks TLS.
    """
    require(context, Permission.WORKER_EDIT if kind is WORKERS else Permission.MACHINE_CREATE)
    uri = f"https://{host}:{port}/"
    thumbprint = thumbprint_of(await _certificate_at(host, port))
    endpoint = {"CommunicationStyle": "TentaclePassive", "Uri": uri, "Thumbprint": thumbprint, "ProxyId": None}
    members: Json = {"WorkerPoolIds": []} if kind is WORKERS else {"EnvironmentIds": [], "Roles": []}
    return {"Name": host, "Endpoint": endpoint, "Thumbprint": thumbprint, "Uri": uri, **members, "Links": {}}


async def _certificate_at(host: str, port: int) -> bytes:
    """The DER certificate shown there. It is not checked: the user compares the thumbprint and decides."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(_DISCOVERY_SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
    except (OSError, TimeoutError) as error:
        raise AgentUnavailable(
            f"No agent answers at {host}:{port} ({error or 'it takes too long'}). Is it running there, and does the "
            "firewall let this server in?"
        ) from error
    certificate: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return certificate


def _counted(machines: Sequence[Json]) -> Json:
    health = Counter(machine["HealthStatus"] for machine in machines)
    return {
        "TotalMachines": len(machines),
        "TotalDisabledMachines": sum(machine["IsDisabled"] for machine in machines),
        "MachineHealthStatusSummaries": [{"HealthStatus": name, "Count": count} for name, count in health.items()],
        "MachineIdsForCalamariUpgrade": [],
        "MachineIdsForTentacleUpgrade": [],
        "TentacleUpgradesRequired": False,
    }
