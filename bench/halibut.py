"""The wire alone: calls, data streams and a thousand idle agents, server and agent in a process each."""

import asyncio
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bench.figures import Figure
from bench.floors import tls_copy_megabytes_per_second
from octavo.contracts.capabilities import CAPABILITIES_SERVICE_V2
from octavo.contracts.file_transfer import FILE_TRANSFER_SERVICE
from octavo.halibut import DataStream, Endpoint, Identity, Limits, Listener, Runtime, Thumbprint, new_identity

MEGABYTE = 1_000_000
STREAM_BYTES = 500 * MEGABYTE
CALLS = 2_000
AT_ONCE = 8
IDLE_AGENTS = 1_000
IDLE_SECONDS = 35  # each agent gets a null message every 30


async def measure() -> list[Figure]:
    """Calls in both modes, data streams both ways, idle agents and their return after a restart."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = await _measure_one_agent(folder)
        return figures + await _measure_idle_agents(folder)


async def _measure_one_agent(folder: Path) -> list[Figure]:
    floor = await asyncio.to_thread(tls_copy_megabytes_per_second, folder)
    async with (
        _server(folder) as (runtime, listener),
        _agent(folder, runtime, listener, pollers=1) as (port, thumbprint),
    ):
        listening, polling = Endpoint(f"https://127.0.0.1:{port}/", thumbprint), Endpoint("poll://agent-0/", thumbprint)
        return [
            *await _measure_calls("listening", runtime, listening),
            *await _measure_calls("polling", runtime, polling),
            *await _measure_streams("listening", runtime, listening, folder, floor),
            *await _measure_streams("polling", runtime, polling, folder, floor),
        ]


async def _measure_calls(mode: str, runtime: Runtime, endpoint: Endpoint) -> list[Figure]:
    stub = runtime.call(CAPABILITIES_SERVICE_V2, endpoint)
    await asyncio.gather(*(stub.get_capabilities() for _ in range(AT_ONCE)))
    seconds = sorted([await _timed(stub.get_capabilities) for _ in range(CALLS)])

    async def call_in_turn() -> None:
        for _ in range(CALLS // AT_ONCE):
            await stub.get_capabilities()

    together = await _timed(lambda: asyncio.gather(*(call_in_turn() for _ in range(AT_ONCE))))
    return [
        Figure(f"one call, {mode}, p50", statistics.median(seconds) * 1e3, "ms", budget="well under 1.5 ms"),
        Figure(f"one call, {mode}, p95", seconds[len(seconds) * 95 // 100] * 1e3, "ms"),
        Figure(f"calls, {mode}, {AT_ONCE} at a time", CALLS / together, "/s"),
    ]


async def _measure_streams(mode: str, runtime: Runtime, endpoint: Endpoint, folder: Path, floor: float) -> list[Figure]:
    source = folder / "source"
    source.write_bytes(os.urandom(MEGABYTE) * (STREAM_BYTES // MEGABYTE))
    stub = runtime.call(FILE_TRANSFER_SERVICE, endpoint)

    async def download() -> None:
        received = await stub.download_file(str(source))
        assert received is not None
        assert isinstance(received.source, Path)
        received.source.unlink()

    up = [await _timed(lambda: stub.upload_file("x", DataStream.from_file(source))) for _ in range(2)]
    down = [await _timed(download) for _ in range(2)]
    return [
        Figure(f"data stream to the agent, {mode}", STREAM_BYTES / MEGABYTE / min(up), "MB/s", floor, "≥ 500 MB/s"),
        Figure(f"data stream from the agent, {mode}", STREAM_BYTES / MEGABYTE / min(down), "MB/s", floor, "≥ 500 MB/s"),
    ]


async def _measure_idle_agents(folder: Path) -> list[Figure]:
    async with _server(folder) as (runtime, listener):
        for number in range(IDLE_AGENTS):
            runtime.trust.allow(_identity(folder, "agent").thumbprint, f"poll://agent-{number}/")
        before = _resident_bytes()
        async with _agent(folder, runtime, listener, pollers=IDLE_AGENTS):
            first = await _timed(lambda: _until(lambda: listener.connections == IDLE_AGENTS))
            memory = (_resident_bytes() - before) / IDLE_AGENTS / 1024
            busy = resource.getrusage(resource.RUSAGE_SELF).ru_utime
            await asyncio.sleep(IDLE_SECONDS)
            busy = resource.getrusage(resource.RUSAGE_SELF).ru_utime - busy
            port = listener.port
            await listener.close()
            again = await runtime.listen("127.0.0.1", port, accept="subscriber")
            back = await _timed(lambda: _until(lambda: again.connections == IDLE_AGENTS))
    return [
        Figure(f"{IDLE_AGENTS} polling agents connect", first, "s"),
        Figure("memory of an idle polling agent on the server", memory, "KiB", budget="≤ 64 KiB"),
        Figure(
            f"processor for {IDLE_AGENTS} idle polling agents", busy / IDLE_SECONDS * 100, "%", budget="≤ 2 % of a core"
        ),
        Figure(f"all {IDLE_AGENTS} back after a restart", back, "s", budget="≤ 5 s"),
    ]


@asynccontextmanager
async def _server(folder: Path) -> AsyncIterator[tuple[Runtime, Listener]]:
    limits = Limits(pooled_connections=AT_ONCE)
    async with Runtime(_identity(folder, "server"), spool=folder / "server-spool", limits=limits) as runtime:
        runtime.trust.allow(_identity(folder, "agent").thumbprint, "poll://agent-0/")
        yield runtime, await runtime.listen("127.0.0.1", 0, accept="subscriber")


@asynccontextmanager
async def _agent(
    folder: Path, runtime: Runtime, listener: Listener, *, pollers: int
) -> AsyncIterator[tuple[int, Thumbprint]]:
    """The agent's process: its port and thumbprint."""
    orders = {
        "folder": str(folder),
        "server": runtime.identity.thumbprint,
        "port": listener.port,
        "pollers": pollers,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench._halibut_agent", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(orders).encode() + b"\n")
        yield int(await process.stdout.readline()), _identity(folder, "agent").thumbprint
    finally:
        process.stdin.close()
        await process.wait()


def _identity(folder: Path, name: str) -> Identity:
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    if not key.exists():
        made = new_identity(name)
        certificate.write_bytes(made.certificate_pem)
        key.write_bytes(made.private_key_pem)
    return Identity(certificate.read_bytes(), key.read_bytes())


async def _timed(deed: Callable[[], Awaitable[object]]) -> float:
    started = time.perf_counter()
    await deed()
    return time.perf_counter() - started


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.01)


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
