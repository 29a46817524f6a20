"""Registered agents and the server reach each other: server, listening and polling agents are real processes."""

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fakes.tentacle_process import PROGRAMS, new_instance, run_tentacle, tentacle_environment
from octavo.agent.certificates import find_identity
from octavo.agent.configuration import ConfigurationFile
from octavo.agent.machine_key import MachineKey
from octavo.client import Client, Resource
from services_under_test.octavo_server import API_KEY, OctavoServer, running_octavo_server
from services_under_test.processes import free_ports, running_server

TIMEOUT_SECONDS = 60
POOL = "Default Worker Pool"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OctavoServer]:
    with running_octavo_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@contextmanager
def running_agent(folder: Path, name: str, line: str) -> Iterator[Path]:
    """The agent of an instance, from when it has logged `line`; its log."""
    log = folder / f"{name}.log"
    command: list[str | Path] = [PROGRAMS / "tentacle", "agent", f"--instance={name}", "--noninteractive"]
    environment = tentacle_environment(folder)
    with running_server(command, log, lambda: line in log.read_text(), environment=environment):
        yield log


def register(folder: Path, server: OctavoServer, name: str, *options: str) -> None:
    done = run_tentacle(
        folder,
        *("register-worker", f"--instance={name}", f"--server={server.url}", f"--apiKey={API_KEY}"),
        *(f"--workerpool={POOL}", f"--name={name}", *options),
    )
    assert done.returncode == 0, done


def check_health(client: Client, worker: Resource) -> str:
    """Run a health check to its end; what the server then knows."""
    task = client.create(
        "/api/Spaces-1/tasks",
        {"Name": "Health", "Description": "test", "Arguments": {"WorkerIds": [worker.id], "Timeout": "00:01:00"}},
    )
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not client.get(task.link("Self")).is_true("IsCompleted"):
        assert time.monotonic() < deadline, "the health check does not end"
        time.sleep(0.1)
    return client.get(worker.link("Self")).text("HealthStatus")


def find_worker(client: Client, name: str) -> Resource:
    (worker,) = client.list(client.space().link("Workers"), name=name)
    return worker


def test_a_listening_worker_is_reached_and_checked_by_its_thumbprint(tmp_path: Path, server: OctavoServer) -> None:
    """cli 28: another agent at the same address is not taken for it."""
    (port,) = free_ports(1)
    for name in ("listening", "other"):
        new_instance(tmp_path, name, f"--port={port}")
    register(tmp_path, server, "listening", "--publicHostName=127.0.0.1")
    run_tentacle(tmp_path, "configure", "--instance=other", f"--trust={server_thumbprint(server)}")

    with server.client() as client:
        worker = find_worker(client, "listening")
        with running_agent(tmp_path, "listening", "Agent listening on:"):
            reached = check_health(client, worker)
        with running_agent(tmp_path, "other", "Agent listening on:"):
            mistaken = check_health(client, worker)

    assert (reached, mistaken) == ("Healthy", "Unavailable")


def test_a_polling_worker_is_accepted_and_a_stranger_is_not(tmp_path: Path, server: OctavoServer) -> None:
    """cli 27: the stranger knows the subscription id, but has another certificate."""
    for name in ("mine", "stranger"):
        new_instance(tmp_path, name, "--noListen=true")
    register(tmp_path, server, "mine", "--comms-style=TentacleActive", f"--server-comms-port={server.polling_port}")

    with server.client() as client:
        worker = find_worker(client, "mine")
        with running_agent(tmp_path, "mine", "Starting 5 polling connections"):
            health = check_health(client, worker)
        subscription = worker.child("Endpoint").text("Uri")
        mine, stranger = (subscribe(tmp_path, name, server, subscription) for name in ("mine", "stranger"))

    assert health == "Healthy"
    assert mine.startswith(b"MX-SERVER")
    assert stranger == b""


def server_thumbprint(server: OctavoServer) -> str:
    with server.client() as client:
        return client.get(client.root().link("CertificateConfiguration"), id="certificate-global").text("Thumbprint")


def subscribe(folder: Path, name: str, server: OctavoServer, subscription: str) -> bytes:
    """What the server first says to a polling agent that shows this instance's certificate."""
    configuration = ConfigurationFile(folder / name / "tentacle.config").read()
    identity = find_identity(configuration, MachineKey(Path("/etc/machine-id"), folder / "etc" / "machinekey"))
    assert identity is not None
    pem = folder / f"{name}.pem"
    pem.write_bytes(identity.certificate_pem + identity.private_key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(pem)
    address = ("127.0.0.1", server.polling_port)
    with socket.create_connection(address, TIMEOUT_SECONDS) as plain, context.wrap_socket(plain) as connection:
        connection.sendall(b"MX\r\n\r\n")
        connection.sendall(f"MX-SUBSCRIBER 1.0 {subscription}\r\n\r\n".encode())
        with contextlib.suppress(ConnectionError, ssl.SSLEOFError):
            return connection.recv(100)
    return b""
