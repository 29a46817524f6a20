"""One agent over real TLS: job start, lines stored and fetched, idle cost, re-attaching after `kill -9`."""

import asyncio
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from bench.figures import Figure
from bench.floors import bash_milliseconds
from octavo.contracts.octavo_script_service import (
    OCTAVO_SCRIPT_SERVICE,
    JobStatus,
    JobStatusRequest,
    OctavoScriptService,
    StartJobCommand,
)
from octavo.contracts.script_service_v2 import StartScriptCommandV2
from octavo.contracts.scripts import ProcessState, ScriptIsolationLevel, ScriptTicket
from octavo.halibut import Endpoint, Long, Runtime, new_identity, parse_thumbprint

STARTS = 100
TOGETHER = 8
SCRIPTS = 400
LINES = 200_000
IDLE_SECONDS = 5
WAIT = timedelta(seconds=30)

_PROGRAM = (
    "import sys; from pathlib import Path; from octavo.agent.built_in import run_built_in_worker; "
    "run_built_in_worker(Path(sys.argv[1]), sys.argv[2])"
)


async def measure() -> list[Figure]:
    """Start latency, scripts and lines per second, memory, and the return after a kill."""
    server = new_identity("server")
    with tempfile.TemporaryDirectory(prefix="octavo-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # other accounts must pass for `account` and `sandbox`
        async with Runtime(server, spool=folder / "spool") as runtime:
            async with _agent(folder / "home", server.thumbprint, runtime) as (service, pid):
                figures = [await _idle(pid)]
                figures += await _starts(service)
                figures += [await _scripts_per_second(service), await _lines_per_second(service), _memory(pid)]
            figures.append(await _reattach(folder / "home", server.thumbprint, runtime))
    return figures


@asynccontextmanager
async def _agent(home: Path, trusted: str, runtime: Runtime) -> AsyncIterator[tuple[OctavoScriptService, int]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _PROGRAM, str(home), trusted),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    facts = json.loads(await process.stdout.readline())
    endpoint = Endpoint(f"https://127.0.0.1:{facts['port']}/", parse_thumbprint(facts["thumbprint"]))
    try:
        yield runtime.call(OCTAVO_SCRIPT_SERVICE, endpoint), process.pid
    finally:
        process.stdin.close()
        await process.wait()


async def _idle(pid: int) -> Figure:
    before = _cpu_seconds(pid)
    await asyncio.sleep(IDLE_SECONDS)
    share = (_cpu_seconds(pid) - before) / IDLE_SECONDS * 100
    return Figure("idle agent, processor", share, "% of a core", budget="≤ 0.5 %")


async def _starts(service: OctavoScriptService) -> list[Figure]:
    floor = await asyncio.to_thread(bash_milliseconds)
    figures = []
    for level in ("none", "account", "sandbox"):
        milliseconds = []
        for number in range(STARTS):
            started = time.perf_counter()
            status = await service.start_job(_job(f"{level}-{number}", "echo hi", level))
            milliseconds.append((time.perf_counter() - started) * 1e3)
            if not status.confinement:
                break
            await service.complete_job(status.ticket)
        name = f"call → first line or end, {level}"
        if status.confinement:
            milliseconds.sort()
            figures.append(Figure(f"{name}, p50", statistics.median(milliseconds), "ms", floor))
            figures.append(Figure(f"{name}, p95", milliseconds[len(milliseconds) * 95 // 100], "ms", floor))
    return figures


async def _scripts_per_second(service: OctavoScriptService) -> Figure:
    async def run_some(worker: int) -> None:
        for number in range(SCRIPTS // TOGETHER):
            ticket = f"many-{worker}-{number}"
            status = await service.start_job(_job(ticket, "echo hi", "none"))
            while status.state is not ProcessState.COMPLETE:
                status = await _next(service, status)
            await service.complete_job(status.ticket)

    started = time.perf_counter()
    await asyncio.gather(*(run_some(worker) for worker in range(TOGETHER)))
    rate = SCRIPTS / (time.perf_counter() - started)
    return Figure(f"scripts, {TOGETHER} at a time, workspace made and deleted", rate, "/s", budget="≥ 150")


async def _lines_per_second(service: OctavoScriptService) -> Figure:
    body = f"seq -f '%g {'x' * 92}' {LINES}"
    started = time.perf_counter()
    status = await service.start_job(_job("lines", body, "none"))
    received = status.log.count(b'"]')
    while status.state is not ProcessState.COMPLETE or status.has_more:
        status = await _next(service, status)
        received += status.log.count(b'"]')
    rate = LINES / (time.perf_counter() - started)
    lost = LINES - (received - 7)  # three lines before and four of debugging around
    return Figure(f"lines of 100 bytes stored and fetched ({lost} lost)", rate, "/s", budget="≥ 250,000")


async def _reattach(home: Path, trusted: str, runtime: Runtime) -> Figure:
    async with _agent(home, trusted, runtime) as (service, pid):
        await service.start_job(_job("long", "echo begun; sleep 2; exit 7", "none"))
        os.kill(pid, signal.SIGKILL)
    started = time.perf_counter()
    async with _agent(home, trusted, runtime) as (service, pid):
        status = await service.get_job_status(JobStatusRequest(ScriptTicket("long"), Long(0), timedelta()))
        seconds = time.perf_counter() - started
        while status.state is not ProcessState.COMPLETE:
            status = await _next(service, status)
    outcome = "true exit code" if status.exit_code == 7 else f"exit code {status.exit_code}"
    return Figure(f"agent killed → next one answers for its script ({outcome})", seconds, "s", budget="≤ 5")


async def _next(service: OctavoScriptService, status: JobStatus) -> JobStatus:
    return await service.get_job_status(JobStatusRequest(status.ticket, status.next_log_sequence, WAIT))


def _job(ticket: str, body: str, level: str) -> StartJobCommand:
    script = StartScriptCommandV2(
        ScriptTicket(ticket), body, "ServerTasks-1", None, ScriptIsolationLevel.NO_ISOLATION, timedelta()
    )
    return StartJobCommand(script, level, "bench", wait_for_news=WAIT)


def _memory(pid: int) -> Figure:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    megabytes = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    return Figure("agent, resident memory after all of this", megabytes, "MB", budget="≤ 45 idle")


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
