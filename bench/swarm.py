"""A thousand idle polling agents on one server process: what each costs, and how fast all are back after a restart.

The agents are connections of one process of ours, and disabled workers, so that nothing but waiting is measured. They
count as there when the kernel has all their connections and the server has calmed down, its handshakes done.
"""

import asyncio
import tempfile
import time
from pathlib import Path

import httpx

from bench.figures import Figure
from bench.running import API_KEY, RunningServer, cpu_seconds, resident_megabytes, running_server, start_server
from octavo.cli.demo.processes import Program
from octavo.halibut import Endpoint, Identity, Runtime, Trust, new_identity, parse_thumbprint

AGENTS = 1000
REGISTER_AT_ONCE = 8
CONNECT_SECONDS = 120
WATCH_SECONDS = 32  # each idle connection gets a null message within 30 s
CALM_SECONDS = 0.5
CALM_SHARE = 0.2  # of a core
ESTABLISHED = "01"


async def measure() -> list[Figure]:
    """Figures of the swarm."""
    identity = new_identity("swarm")
    with running_server() as server, tempfile.TemporaryDirectory() as spool:
        pool = server.client.get("/api/Spaces-1/workerpools")["Items"][0]["Id"]
        thumbprint = server.client.get("/api/configuration/certificates/certificate-global")["Thumbprint"]
        await _register(server, identity, pool)
        before = resident_megabytes(server.program.pid)
        trust = Trust()
        trust.allow(parse_thumbprint(thumbprint))
        endpoint = Endpoint(f"https://127.0.0.1:{server.address.polling_port}/", parse_thumbprint(thumbprint))
        async with Runtime(identity, spool=Path(spool), trust=trust) as runtime, asyncio.TaskGroup() as group:
            polls = [group.create_task(runtime.poll(endpoint, _subscription(number))) for number in range(AGENTS)]
            try:
                return await _watch(server, before)
            finally:
                for poll in polls:
                    poll.cancel()


async def _watch(server: RunningServer, before_megabytes: float) -> list[Figure]:
    connected = await _wait_back(server, server.program)
    grown = resident_megabytes(server.program.pid) - before_megabytes
    used = cpu_seconds(server.program.pid)
    await asyncio.sleep(WATCH_SECONDS)
    share = 100 * (cpu_seconds(server.program.pid) - used) / WATCH_SECONDS
    server.program.kill()
    restarted = start_server(server.folder, server.address)
    try:
        back = await _wait_back(server, restarted)
    finally:
        restarted.stop()
    return [
        Figure(f"{AGENTS} polling agents: all connected after", connected, "s"),
        Figure(f"{AGENTS} polling agents: server memory each", grown * 1e6 / 1024 / AGENTS, "KiB", budget="≤ 64 KiB"),
        Figure(f"{AGENTS} polling agents: server processor", share, "% of a core", budget="≤ 2 %"),
        Figure(f"{AGENTS} polling agents: all back after kill -9 and start", back, "s", budget="≤ 5 s"),
    ]


async def _register(server: RunningServer, identity: Identity, pool: str) -> None:
    """A worker each, as `register-worker` would post it."""
    limit = asyncio.Semaphore(REGISTER_AT_ONCE)
    headers = {"X-Octopus-ApiKey": API_KEY}
    async with httpx.AsyncClient(base_url=server.address.url, headers=headers, timeout=60) as client:

        async def register(number: int) -> None:
            endpoint = {
                "CommunicationStyle": "TentacleActive",
                "Thumbprint": identity.thumbprint,
                "Uri": _subscription(number),
            }
            worker = {"Name": f"swarm-{number}", "WorkerPoolIds": [pool], "Endpoint": endpoint, "IsDisabled": True}
            async with limit:
                (await client.post("/api/Spaces-1/workers", json=worker)).raise_for_status()

        async with asyncio.TaskGroup() as group:
            for number in range(AGENTS):
                group.create_task(register(number))


def _subscription(number: int) -> str:
    return f"poll://swarm{number:015d}/"


async def _wait_back(server: RunningServer, program: Program) -> float:
    """Seconds until every agent has a connection that the server has got to know."""
    started = time.perf_counter()
    async with asyncio.timeout(CONNECT_SECONDS):
        while _connections(server.address.polling_port) < AGENTS or not await _is_calm(program.pid):
            await asyncio.sleep(0.1)
    return time.perf_counter() - started - CALM_SECONDS


async def _is_calm(pid: int) -> bool:
    before = cpu_seconds(pid)
    await asyncio.sleep(CALM_SECONDS)
    return cpu_seconds(pid) - before < CALM_SHARE * CALM_SECONDS


def _connections(port: int) -> int:
    """Established connections accepted on `port`, as the kernel counts them."""
    local = f":{port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = (line.split() for line in lines)
    return sum(words[1].endswith(local) and words[3] == ESTABLISHED for words in fields)
