"""What it costs when nothing happens: memory and processor time of the server, its built-in worker and the agents."""

import time

from bench.figures import Figure
from bench.running import children_of, cpu_seconds, resident_megabytes, running_agents, running_server

SETTLE_SECONDS = 3
WATCH_SECONDS = 10


def measure() -> list[Figure]:
    """Idle figures of all processes, watched at the same time."""
    with running_server() as server:
        figures = _watch({"server": server.program.pid} | _built_in(server.program.pid), "≤ 160 MB")
        with running_agents(server) as agents:
            pids = {f"agent, {name.partition('-')[2]}": agent.pids[0] for name, agent in agents.items()}
            return figures + _watch(pids, "≤ 45 MB")


def _built_in(server_pid: int) -> dict[str, int]:
    return {f"built-in worker {n}" if n else "built-in worker": pid for n, pid in enumerate(children_of(server_pid))}


def _watch(pids: dict[str, int], memory_budget: str) -> list[Figure]:
    time.sleep(SETTLE_SECONDS)
    before = {name: cpu_seconds(pid) for name, pid in pids.items()}
    time.sleep(WATCH_SECONDS)
    figures = []
    for name, pid in pids.items():
        share = 100 * (cpu_seconds(pid) - before[name]) / WATCH_SECONDS
        budget = "≤ 45 MB" if name.startswith("built-in") else memory_budget
        figures.append(Figure(f"idle {name}: resident memory", resident_megabytes(pid), "MB", budget=budget))
        figures.append(Figure(f"idle {name}: processor", share, "% of a core", budget="≤ 0.5 %"))
    return figures
