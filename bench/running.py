"""A running server and running agents for measurements: the installed commands, as processes of their own."""

import io
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from octavo.cli.demo.agents import DemoAgent, ServerAddress
from octavo.cli.demo.narrator import Narrator
from octavo.cli.demo.processes import Program, free_port, program_path, wait_until
from octavo.cli.demo.rest import RestClient

API_KEY = "API-BENCHBENCHBENCHBENCHBENCH"
START_SECONDS = 60
HEALTH_SECONDS = 60
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
STYLES = {"bench-listening": "TentaclePassive", "bench-polling": "TentacleActive"}


@dataclass(frozen=True, slots=True)
class RunningServer:
    """One server process with a client that may do everything."""

    folder: Path
    address: ServerAddress
    program: Program
    client: RestClient

    def worker_ids(self) -> dict[str, str]:
        """The ids of the registered workers by name."""
        return {worker["Name"]: worker["Id"] for worker in self.client.get("/api/Spaces-1/workers")["Items"]}


@contextmanager
def running_server() -> Iterator[RunningServer]:
    """A server on free ports with an empty folder, which goes with it."""
    with tempfile.TemporaryDirectory(prefix="octavo-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        port, polling_port = free_port(0), free_port(0)
        address = ServerAddress(f"http://127.0.0.1:{port}", polling_port, API_KEY)
        program = start_server(folder, address)
        stack.callback(program.stop)
        client = RestClient(address.url, API_KEY)
        stack.callback(client.close)
        wait_until("the server answers", START_SECONDS, client.answers)
        yield RunningServer(folder, address, program, client)


def start_server(folder: Path, address: ServerAddress) -> Program:
    """The server's process; the same folder and address again is a restart."""
    listen = ["--listen", address.url.removeprefix("http://"), "--polling-listen", f"127.0.0.1:{address.polling_port}"]
    argv = [program_path("octavo"), "server", "run", "--data", str(folder / "server"), *listen]
    return Program("the server", argv, folder / "server.log", {"OCTAVO_ADMIN_API_KEY": API_KEY})


@contextmanager
def running_agents(server: RunningServer, styles: Mapping[str, str] = STYLES) -> Iterator[dict[str, DemoAgent]]:
    """Workers by name and style, registered and healthy; a listening and a polling one unless told otherwise."""
    quiet = Narrator(Console(file=io.StringIO()))
    with ExitStack() as stack:
        agents = {
            name: DemoAgent(name, style, server.folder / name, server.address, quiet) for name, style in styles.items()
        }
        for agent in agents.values():
            agent.register()
            agent.start()
            stack.callback(agent.stop)
        wait_until("the workers are healthy", HEALTH_SECONDS, lambda: _healthy(server) == len(agents))
        yield agents


def resident_megabytes(pid: int) -> float:
    """The process's resident memory."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kibibytes = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return kibibytes * 1024 / 1e6


def cpu_seconds(pid: int) -> float:
    """Processor time the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def children_of(pid: int) -> list[int]:
    """The direct children of a process."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def _healthy(server: RunningServer) -> int:
    workers = server.client.get("/api/Spaces-1/workers")["Items"]
    return sum(worker["HealthStatus"] == "Healthy" for worker in workers)
