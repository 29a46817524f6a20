"""The registration commands against a real server, a process of its own, over loopback sockets."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from fakes.tentacle_process import run_tentacle
from fakes.tentacle_program import Outcome, TentacleProgram
from octavo.agent.trusted_servers import Style, TrustedServer
from octavo.client import AccessDenied, Anonymous, Client, Resource
from octavo.halibut.identity import thumbprint_of
from services_under_test.octavo_server import API_KEY, PASSWORD, USER_NAME, OctavoServer, running_octavo_server

POOL = "Default Worker Pool"
HEALTH_STATUSES = {"Healthy", "Unavailable", "Unknown", "HasWarnings", "Unhealthy"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OctavoServer]:
    with running_octavo_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def client(server: OctavoServer) -> Iterator[Client]:
    """A session as the administrator; afterwards the server has no machines."""
    with server.client() as session:
        yield session
        space = session.space()
        for link in ("Workers", "Machines"):
            for machine in list(session.list(space.link(link))):
                session.delete(machine)


@pytest.fixture
def tentacle(tmp_path: Path) -> TentacleProgram:
    """A machine with the instance MyInstance, which has a certificate."""
    return new_machine(tmp_path / "build-07")


def new_machine(folder: Path) -> TentacleProgram:
    folder.mkdir()
    program = TentacleProgram(folder)
    program.create("MyInstance")
    program.succeed("new-certificate")
    return program


def register(tentacle: TentacleProgram, server: OctavoServer, *options: str) -> Outcome:
    """The documented line, with `options` behind it."""
    line = ["register-worker", "--instance", "MyInstance", "--server", f"{server.url}/"]
    return tentacle.run(*line, "--apikey", API_KEY, "--workerpool", POOL, *options)


def deregister(tentacle: TentacleProgram, server: OctavoServer, *options: str) -> Outcome:
    return tentacle.run("deregister-worker", f"--server={server.url}", f"--apiKey={API_KEY}", *options)


def workers(client: Client) -> list[Resource]:
    return [*client.list(client.space().link("Workers"))]


def server_thumbprint(client: Client) -> str:
    return client.get(client.root().link("CertificateConfiguration"), id="certificate-global").text("Thumbprint")


def thumbprint_on(port: int) -> str:
    pem = ssl.get_server_certificate(("127.0.0.1", port))
    return thumbprint_of(ssl.PEM_cert_to_DER_cert(pem))


def test_the_documented_line_makes_a_listening_worker(
    tentacle: TentacleProgram, server: OctavoServer, client: Client
) -> None:
    """cli 23, cli 26, cli 33: and the agent trusts the certificate that the server shows."""
    done = register(tentacle, server, "--comms-style", "TentaclePassive", "--publicHostName", "Build-07.example.com")

    assert (done.exit_code, done.stderr) == (0, "")
    (worker,) = workers(client)
    assert worker.child("Endpoint").find_text("Uri") == "https://build-07.example.com:10933/"
    assert worker.text("HealthStatus") in HEALTH_STATUSES
    assert worker.text("SpaceId") == client.space().id
    thumbprint = server_thumbprint(client)
    assert thumbprint == thumbprint_on(server.polling_port)
    assert tentacle.trusted_servers("MyInstance") == (TrustedServer(thumbprint, Style.LISTENING),)


def test_the_documented_line_works_as_a_process(
    tentacle: TentacleProgram, server: OctavoServer, client: Client
) -> None:
    """cli 23"""
    line = [
        *("register-worker", "--instance", "MyInstance", "--server", f"{server.url}/"),
        *("--comms-style", "TentaclePassive", "--apikey", API_KEY, "--workerpool", POOL),
    ]

    done = run_tentacle(tentacle.folder, *line)

    assert (done.returncode, done.stderr) == (0, "")
    assert len(workers(client)) == 1


def test_a_polling_worker_passes_the_handshake(tentacle: TentacleProgram, server: OctavoServer, client: Client) -> None:
    """cli 19, cli 32: registered with a subscription id, which a second address then shares."""
    port = f"--server-comms-port={server.polling_port}"
    done = register(tentacle, server, "--comms-style", "TentacleActive", port)
    other = tentacle.run(
        *("poll-server", f"--server={server.url}", f"--apiKey={API_KEY}", port),
        f"--server-comms-address=https://localhost:{server.polling_port}",
    )

    assert (done.exit_code, done.stderr, other.exit_code, other.stderr) == (0, "", 0, "")
    (worker,) = workers(client)
    polled = tentacle.trusted_servers("MyInstance")
    assert [one.address for one in polled] == [
        f"https://127.0.0.1:{server.polling_port}",
        f"https://localhost:{server.polling_port}",
    ]
    assert {one.subscription_id for one in polled} == {worker.child("Endpoint").find_text("Uri")}


def test_a_password_registers_too(tentacle: TentacleProgram, server: OctavoServer, client: Client) -> None:
    """cli 23, cli 30"""
    line = ["register-worker", f"--server={server.url}/api", f"--workerpool={POOL}"]

    done = tentacle.run(*line, "-u", USER_NAME, "-p", PASSWORD)

    assert (done.exit_code, done.stderr) == (0, "")
    assert len(workers(client)) == 1


def test_a_session_is_refused_without_its_csrf_token(server: OctavoServer) -> None:
    """cli 30"""
    with httpx.Client(base_url=server.url, trust_env=False) as http:
        before = http.get("/api/users/me").status_code
        login = http.post("/api/users/login", json={"Username": USER_NAME, "Password": PASSWORD})
        tokens = [cookie for cookie in http.cookies.jar if cookie.name.startswith("Octopus-Csrf-Token")]
        refused = http.post("/api/Spaces-1/workerpools", json={"Name": "X"}).status_code

    assert (before, login.is_success, len(tokens)) == (401, True, 1)
    assert refused in (401, 403)


def test_the_root_is_public_and_the_rest_is_not(server: OctavoServer) -> None:
    """cli 20"""
    with Client(server.url, Anonymous(), use_system_proxy=False, patience_seconds=0) as client:
        root = client.root()
        with pytest.raises(AccessDenied):
            client.space()

    assert {"Self", "CurrentUser", "SignIn", "Spaces", "SpaceHome", "CertificateConfiguration"} <= set(
        root.child("Links").members
    )


def test_a_taken_name_is_refused_and_force_updates_it(
    tentacle: TentacleProgram, server: OctavoServer, client: Client
) -> None:
    """cli 24"""
    register(tentacle, server, "--name=w1", "--policy=Default Machine Policy")
    (before,) = workers(client)
    client.create(client.space().link("WorkerPools"), {"Name": "Second", "WorkerPoolType": "StaticWorkerPool"})

    refused = register(tentacle, server, "--name=W1")
    forced = register(tentacle, server, "--name=w1", "--force", "--workerpool=second", "--tentacle-comms-port=11111")

    (after,) = workers(client)
    assert refused.exit_code == 1
    assert refused.stderr == (
        "A worker named 'W1' already exists in the environment. "
        "Use the 'force' parameter if you intended to update the existing worker.\n"
    )
    assert (forced.exit_code, forced.stderr) == (0, "")
    assert (after.id, after.text("MachinePolicyId")) == (before.id, before.text("MachinePolicyId"))
    assert len(after.texts("WorkerPoolIds")) == 2
    assert urlsplit(after.child("Endpoint").text("Uri")).port == 11111


def test_another_agent_takes_a_name_over_with_force(
    tentacle: TentacleProgram, server: OctavoServer, client: Client, tmp_path: Path
) -> None:
    """cli 37: its thumbprint replaces the old one, which no worker has any longer."""
    register(tentacle, server, "--name=w1")
    (before,) = workers(client)
    other = new_machine(tmp_path / "other")

    done = register(other, server, "--name=w1", "--force")

    (after,) = workers(client)
    assert done.exit_code == 0
    assert after.id == before.id
    assert after.child("Endpoint").text("Thumbprint") != before.child("Endpoint").text("Thumbprint")
    assert deregister(tentacle, server).stderr == "No worker was found matching this Tentacle's thumbprint.\n"


UNKNOWN_NAMES = {
    "--workerpool=X": (1, "Could not find the worker pool with name, slug or Id X on the Octopus Server."),
    "--space=X": (1, 'A space with name "X" could not be found.'),
    "--policy=X": (100, "Could not find the machine policy named X on the Octopus Server."),
    "--proxy=X": (100, "Could not find the proxy name named X on the Octopus Server."),
}


@pytest.mark.parametrize("option", UNKNOWN_NAMES)
def test_unknown_names_are_explained(
    tentacle: TentacleProgram, server: OctavoServer, client: Client, option: str
) -> None:
    """cli 25"""
    exit_code, message = UNKNOWN_NAMES[option]

    done = register(tentacle, server, option)

    assert done.exit_code == exit_code
    assert message in done.stderr
    assert workers(client) == []


def test_only_the_own_workers_are_deregistered(
    tentacle: TentacleProgram, server: OctavoServer, client: Client, tmp_path: Path
) -> None:
    """cli 29"""
    register(tentacle, server, "--name=one")
    register(tentacle, server, "--name=two")
    other = new_machine(tmp_path / "other")
    register(other, server, "--name=other")

    refused = deregister(tentacle, server)
    kept = len(workers(client))
    done = deregister(tentacle, server, "--multiple")

    assert (refused.exit_code, kept) == (1, 3)
    assert (done.exit_code, done.stderr) == (0, "")
    assert [worker.name for worker in workers(client)] == ["other"]


def test_a_target_is_registered_with_environment_and_role(
    tentacle: TentacleProgram, server: OctavoServer, client: Client
) -> None:
    """cli 31"""
    client.create(client.space().link("Environments"), {"Name": "Staging"})

    done = tentacle.run(
        *("register-with", f"--server={server.url}", f"--apiKey={API_KEY}", "--env=staging", "--role=web"),
    )

    assert (done.exit_code, done.stderr) == (0, "")
    (machine,) = client.list(client.space().link("Machines"))
    assert machine.texts("Roles") == ["web"]


def test_every_page_of_a_list_is_read(server: OctavoServer, client: Client) -> None:
    """cli 22"""
    link = client.space().link("WorkerPools")
    names = {f"Pool {number:02}" for number in range(7)}
    for name in names:
        client.create(link, {"Name": name, "WorkerPoolType": "StaticWorkerPool"})

    listed = [pool.name for pool in client.list(link, take=3)]

    assert names <= set(listed)
    assert len(listed) == len(set(listed))


def test_overridden_posts_change_and_delete(server: OctavoServer, client: Client) -> None:
    """cli 21"""
    link = client.space().link("WorkerPools")
    pool = client.create(link, {"Name": "Short-lived", "WorkerPoolType": "StaticWorkerPool"})

    changed = client.update(Resource({**pool.members, "Name": "Renamed"}))
    client.delete(changed)

    assert changed.name == "Renamed"
    assert "Renamed" not in [one.name for one in client.list(link)]


def test_unknown_and_read_only_members_change_nothing(
    tentacle: TentacleProgram, server: OctavoServer, client: Client
) -> None:
    """cli 35"""
    register(tentacle, server)
    (worker,) = workers(client)
    unwanted = {"HealthStatus": "Healthy", "Status": "Online", "IsInProcess": True, "Uri": None, "Nonsense": {"a": 1}}

    changed = client.update(Resource({**worker.members, **unwanted, "OperatingSystem": None}))

    assert changed.text("HealthStatus") == worker.text("HealthStatus")
    assert changed.members.get("IsInProcess") is not True


def test_a_refusal_of_the_server_is_shown(tentacle: TentacleProgram, server: OctavoServer, client: Client) -> None:
    """cli 36"""
    done = register(tentacle, server, f"--name={'x' * 300}")

    assert done.exit_code == 1
    assert done.stderr.strip()
    assert workers(client) == []
