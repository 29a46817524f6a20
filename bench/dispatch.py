"""From the API call to the first line, tasks per second, lines per second, and back after kill -9.

Everything through the REST API of a server process, with real agents beside it; the client is part of the load.
"""

import asyncio
import json
import math
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from bench.figures import Figure
from bench.floors import bash_milliseconds
from bench.running import API_KEY, RunningServer, resident_megabytes, running_agents, running_server, start_server
from octavo.cli.demo.processes import wait_until

WARM_UPS = 10
LATENCY_RUNS = 100
TASKS = 600
IN_FLIGHT = 8
LINES = 200_000
LINE_BYTES = 100
PATIENCE_SECONDS = 120


def measure() -> list[Figure]:
    """All figures, on one server: first the built-in worker alone, then the two external ones."""
    bash = bash_milliseconds()
    figures: list[Figure] = []
    with running_server() as server:
        figures += _latency(server, "built-in", None, bash)
        with running_agents(server):
            workers = server.worker_ids()
            for name, style in (("bench-listening", "listening"), ("bench-polling", "polling")):
                figures += _latency(server, style, workers[name], bash)
            figures += asyncio.run(_throughput(server, workers["bench-listening"], bash))
            figures += _lines(server, workers["bench-listening"])
            figures += _reattachment(server, workers["bench-listening"])
    return figures


def _latency(server: RunningServer, style: str, worker_id: str | None, bash: float) -> list[Figure]:
    """From sending the POST until the first line of the script is in the client's hands, on an idle server."""
    with _client(server) as client:
        for _ in range(WARM_UPS):
            _first_line_milliseconds(client, worker_id)
        times = [_first_line_milliseconds(client, worker_id) for _ in range(LATENCY_RUNS)]
    p50, p95 = statistics.median(times), sorted(times)[math.ceil(len(times) * 0.95) - 1]
    name = f"POST to first line, {style} worker"
    return [
        Figure(f"{name}, p50", p50, "ms", bash, "≤ 15 ms"),
        Figure(f"{name}, p95", p95, "ms", bash, "≤ 40 ms"),
    ]


def _first_line_milliseconds(client: httpx.Client, worker_id: str | None) -> float:
    begin = time.perf_counter()
    first = math.nan
    for name, data in _events(client, _queue(client, "echo hello", worker_id)):
        if name == "line" and math.isnan(first) and '"MessageText":"hello"' in data:
            first = (time.perf_counter() - begin) * 1000
    return first


async def _throughput(server: RunningServer, worker_id: str, bash: float) -> list[Figure]:
    """Trivial script tasks through one worker, eight at a time, each waited for to its end."""
    open_tasks = asyncio.Semaphore(IN_FLIGHT)
    headers = {"X-Octopus-ApiKey": API_KEY}
    failed = 0

    async def one(client: httpx.AsyncClient) -> None:
        nonlocal failed
        async with open_tasks:
            answer = await client.post("/api/tasks", json=_task("echo hello", worker_id))
            address = f"/api/tasks/{answer.json()['Id']}/log/stream"
            text = (await client.get(address)).text
            failed += '"State": "Success"' not in text or '"MessageText":"hello"' not in text

    limits = httpx.Limits(max_connections=IN_FLIGHT, max_keepalive_connections=IN_FLIGHT)
    async with httpx.AsyncClient(
        base_url=server.address.url, headers=headers, timeout=PATIENCE_SECONDS, limits=limits
    ) as client:
        await asyncio.gather(*(one(client) for _ in range(IN_FLIGHT * 4)))
        begin = time.perf_counter()
        await asyncio.gather(*(one(client) for _ in range(TASKS)))
        seconds = time.perf_counter() - begin
    return [
        Figure(
            f"script tasks, {IN_FLIGHT} at a time, one listening worker", TASKS / seconds, "1/s", 1000 / bash, "≥ 150"
        ),
        Figure("of these failed or without their line", failed, "tasks", 0, "0"),
    ]


def _lines(server: RunningServer, worker_id: str) -> list[Figure]:
    """One script that prints a great deal: from the POST until all is stored, and what became of the lines."""
    before = resident_megabytes(server.program.pid)
    script = f"printf '%0{LINE_BYTES}d\\n' $(seq 1 {LINES})"
    with _client(server) as client:
        begin = time.perf_counter()
        task_id = _queue(client, script, worker_id)
        peak = before
        while not client.get(f"/api/tasks/{task_id}").json()["IsCompleted"]:
            peak = max(peak, resident_megabytes(server.program.pid))
            time.sleep(0.02)
        seconds = time.perf_counter() - begin
        peak = max(peak, resident_megabytes(server.program.pid))
        raw = client.get(f"/api/tasks/{task_id}/raw").text
    numbers = [int(line.rpartition("|")[2]) for line in raw.splitlines() if " Info " in line]
    wrong = abs(len(numbers) - LINES) + sum(have != number for number, have in enumerate(numbers, 1))
    return [
        Figure(f"log lines stored, {LINES} of {LINE_BYTES} bytes", LINES / seconds, "1/s", budget="≥ 100000"),
        Figure("of these lost, doubled or out of order", wrong, "lines", 0, "0"),
        Figure("growth of the server's memory meanwhile", peak - before, "MB", budget="≤ 64 MB"),
    ]


def _reattachment(server: RunningServer, worker_id: str) -> list[Figure]:
    """kill -9 of the server while scripts print: from starting it again until a new line of each arrives."""
    script = "for i in $(seq 1 600); do echo $i; sleep 0.05; done"
    with _client(server) as client:
        ids = [_queue(client, script, worker_id) for _ in range(IN_FLIGHT)]
        wait_until("the scripts print", PATIENCE_SECONDS, lambda: all(_lines_of(client, each) > 8 for each in ids))
        before = {each: _lines_of(client, each) for each in ids}
    server.program.kill()
    begin = time.perf_counter()
    again = start_server(server.folder, server.address)
    try:
        with _client(server) as client:
            wait_until("the server answers", PATIENCE_SECONDS, server.client.answers)
            wait_until(
                "the scripts are heard again",
                PATIENCE_SECONDS,
                lambda: all(_lines_of(client, each) > before[each] for each in ids),
            )
            seconds = time.perf_counter() - begin
            wrong = sum(_is_wrong(client, each) for each in ids)
    finally:
        again.stop()
    return [
        Figure(f"kill -9 to {IN_FLIGHT} scripts heard again", seconds, "s", budget="≤ 5 s"),
        Figure("of these with lost or doubled lines", wrong, "scripts", 0, "0"),
    ]


def _lines_of(client: httpx.Client, task_id: str) -> int:
    return int(client.get(f"/api/tasks/{task_id}").json()["LogPosition"])


def _is_wrong(client: httpx.Client, task_id: str) -> bool:
    for _ in _events(client, task_id):
        pass
    raw = client.get(f"/api/tasks/{task_id}/raw").text
    numbers = [line.rpartition("|   ")[2] for line in raw.splitlines() if " Info " in line]
    return numbers != [str(number) for number in range(1, 601)]


@contextmanager
def _client(server: RunningServer) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=server.address.url, headers={"X-Octopus-ApiKey": API_KEY}, timeout=PATIENCE_SECONDS
    ) as client:
        yield client


def _queue(client: httpx.Client, script: str, worker_id: str | None) -> str:
    return str(client.post("/api/tasks", json=_task(script, worker_id)).json()["Id"])


def _task(script: str, worker_id: str | None) -> dict[str, object]:
    arguments: dict[str, object] = {"ScriptBody": script, "Syntax": "Bash"}
    if worker_id is not None:
        arguments["WorkerIds"] = [worker_id]
    return {"Name": "AdHocScript", "Arguments": arguments}


def _events(client: httpx.Client, task_id: str) -> Iterator[tuple[str, str]]:
    """Name and data of each event of a task's log, to its end."""
    name = ""
    with client.stream("GET", f"/api/tasks/{task_id}/log/stream") as stream:
        for line in stream.iter_lines():
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                yield name, value
                if name == "state":
                    json.loads(value)
