"""Bad input and faults that cross server and agent, on real processes: one clear message, and nothing done by halves.

Source: DESIGN §1; the faults inside one part are in tests/integration.
"""

import io
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from rich.console import Console

from octavo.cli.demo.agents import DemoAgent, ServerAddress
from octavo.cli.demo.narrator import Narrator, NotAsExpected
from octavo.cli.demo.rest import RestClient
from octavo_program import API_KEY, RunningServer, running_octavo

PATIENCE_SECONDS = 60.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_octavo(tmp_path / "data") as running:
        yield running


@pytest.fixture
def client(server: RunningServer) -> Iterator[RestClient]:
    made = RestClient(server.url, API_KEY)
    yield made
    made.close()


@pytest.fixture
def agent(server: RunningServer, tmp_path: Path) -> Iterator[DemoAgent]:
    """A registered listening worker that does not run yet."""
    polling_port = urlsplit(server.addresses["Polling"]).port
    address = ServerAddress(server.url, polling_port or 0, API_KEY)
    quiet = Narrator(Console(file=io.StringIO()))
    made = DemoAgent("worker", "TentaclePassive", tmp_path / "worker", address, quiet)
    made.register()
    yield made
    made.stop()


def test_a_package_whose_bytes_changed_on_the_server_is_not_run(server: RunningServer, client: RestClient) -> None:
    file = server.data.parent / "Site.1.0.0.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("deploy.sh", "echo harmless\n")
    client.push_package(file)
    stored = next(path for path in (server.data / "blobs").rglob("*") if path.is_file())
    stored.chmod(0o600)
    stored.write_bytes(stored.read_bytes().replace(b"harmless", b"hostile!"))

    package = {"Name": "site", "PackageId": "Site", "Version": "1.0.0", "Properties": {"Extract": "True"}}
    task_id = client.start_script("corrupt", "echo the script runs", PackageReferences=[package])
    task = wait_for_end(client, task_id)

    said = [line.text for line in client.log_lines(task_id)]
    assert task["State"] == "Failed"
    assert any("Site" in line and "SHA-256" in line for line in said), said
    assert "the script runs" not in said


def test_work_for_a_worker_that_vanished_waits_and_never_runs_on_the_server(
    server: RunningServer, client: RestClient, agent: DemoAgent
) -> None:
    agent.start()
    wait_until(lambda: health(client) == "Healthy")
    agent.kill()
    check_health(client)
    wait_until(lambda: health(client) == "Unavailable")

    task_id = client.start_script("lost", "echo ran")
    wait_until(lambda: client.get(f"/api/tasks/{task_id}/waiting")["IsWaiting"])

    waiting = client.get(f"/api/tasks/{task_id}/waiting")
    assert [worker["Name"] for worker in waiting["Workers"]] == ["worker"]
    assert waiting["Workers"][0]["Reason"]
    assert not (server.data / "built-in-worker").exists()
    agent.start()
    assert wait_for_end(client, task_id)["FinishedSuccessfully"]


def test_a_worker_with_another_certificate_is_not_trusted(client: RestClient, agent: DemoAgent) -> None:
    agent.start()
    wait_until(lambda: health(client) == "Healthy")
    trusted = worker(client)["Endpoint"]["Thumbprint"]
    agent.stop()
    agent.renew_certificate()
    agent.start()
    check_health(client)

    wait_until(lambda: health(client) == "Unavailable")
    summary = worker(client)["StatusSummary"]
    assert trusted in summary
    assert "thumbprint" in summary.lower()


def test_registering_with_an_unknown_name_says_so_and_changes_nothing(client: RestClient, agent: DemoAgent) -> None:
    agent.deregister()

    for option, value in (("--workerpool", "No Such Pool"), ("--space", "Nowhere"), ("--policy", "Lax")):
        with pytest.raises(NotAsExpected, match=value):
            agent.register_again("--workerpool", "Default Worker Pool", option, value)

    assert client.get("/api/Spaces-1/workers")["Items"] == []
    assert client.get("/api/builtinworker")["State"] == "On"


def worker(client: RestClient) -> dict[str, Any]:
    (only,) = client.get("/api/Spaces-1/workers")["Items"]
    return dict(only)


def health(client: RestClient) -> str:
    return str(worker(client)["HealthStatus"])


def check_health(client: RestClient) -> None:
    """Ask for a check now, and wait for its end."""
    arguments = {"WorkerIds": [worker(client)["Id"]]}
    wait_for_end(client, str(client.post("/api/Spaces-1/tasks", {"Name": "Health", "Arguments": arguments})["Id"]))


def wait_for_end(client: RestClient, task_id: str) -> dict[str, Any]:
    wait_until(lambda: bool(client.get(f"/api/tasks/{task_id}")["IsCompleted"]))
    return client.get(f"/api/tasks/{task_id}")


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)
