"""The commands that call a server, from the command line to the server's state and the configuration."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.registration_server import (
    API_KEY,
    PASSWORD,
    THUMBPRINT,
    TOKEN,
    USER_NAME,
    Document,
    RegistrationServer,
    running_registration_server,
)
from fakes.tentacle_program import Outcome, TentacleProgram
from octavo.agent.certificates import new_agent_identity, store_identity
from octavo.agent.configuration import Configuration, ConfigurationFile, Key
from octavo.agent.machine_key import MachineKey
from octavo.agent.trusted_servers import Style, TrustedServer
from octavo.halibut.identity import Identity

POOL = "--workerpool=Default Worker Pool"


@pytest.fixture
def server() -> Iterator[RegistrationServer]:
    with running_registration_server() as state:
        yield state


@pytest.fixture(scope="module")
def identity() -> Identity:
    return new_agent_identity()


@pytest.fixture
def tentacle(tmp_path: Path, identity: Identity) -> TentacleProgram:
    """A machine with the instance MyInstance, which has a certificate."""
    program = TentacleProgram(tmp_path, {"NO_PROXY": "*"})
    file = ConfigurationFile(program.create("MyInstance"))
    configuration = Configuration(file.read().stored)
    store_identity(configuration, identity, MachineKey(program.machine_id_file, program.machine_folder / "machinekey"))
    file.write(configuration)
    return program


def register(tentacle: TentacleProgram, server: RegistrationServer, *options: str) -> Outcome:
    return tentacle.run("register-worker", f"--server={server.url}", f"--apiKey={API_KEY}", POOL, *options)


def endpoint(machine: Document) -> Document:
    found = machine["Endpoint"]
    assert isinstance(found, dict)
    return found


def test_the_documented_line_registers_a_listening_worker(
    tentacle: TentacleProgram, server: RegistrationServer, identity: Identity
) -> None:
    """cli 23: the very line of the design, with this server's address."""
    line = [
        *("register-worker", "--instance", "MyInstance", "--server", f"{server.url}/"),
        *("--comms-style", "TentaclePassive", "--apikey", API_KEY, "--workerpool", "Default Worker Pool"),
    ]

    output = tentacle.succeed(*line)

    assert output.endswith("Machine registered successfully\n")
    (worker,) = server.workers
    assert (worker["Name"], worker["WorkerPoolIds"]) == ("build-07", ["WorkerPools-1"])
    assert endpoint(worker) == {
        "CommunicationStyle": "TentaclePassive",
        "Thumbprint": identity.thumbprint,
        "Uri": "https://build-07:10933/",
        "ProxyId": None,
    }
    assert tentacle.trusted_servers("MyInstance") == (TrustedServer(THUMBPRINT, Style.LISTENING),)
    assert API_KEY not in (tentacle.folder / "MyInstance" / "Logs" / "OctopusTentacle.txt").read_text()


@pytest.mark.parametrize(
    "credentials",
    [[f"--bearerToken={TOKEN}"], ["-u", USER_NAME, "-p", PASSWORD]],
    ids=["bearer", "password"],
)
def test_other_credentials_register_too(
    tentacle: TentacleProgram, server: RegistrationServer, credentials: list[str]
) -> None:
    """cli 23"""
    tentacle.succeed("register-worker", f"--server={server.url}", POOL, *credentials)

    assert len(server.workers) == 1


def test_the_key_may_come_from_the_environment(tentacle: TentacleProgram, server: RegistrationServer) -> None:
    outcome = tentacle.run("register-worker", f"--server={server.url}", POOL, OCTAVO_API_KEY=API_KEY)

    assert outcome.exit_code == 0


def test_pools_are_found_by_name_slug_and_id(tentacle: TentacleProgram, server: RegistrationServer) -> None:
    """cli 23"""
    register(tentacle, server, "--workerpool=PAINTERS", "--workerpool", "workerpools-2", "-hOther.Example.com")

    assert server.workers[0]["WorkerPoolIds"] == ["WorkerPools-1", "WorkerPools-3", "WorkerPools-2"]
    assert endpoint(server.workers[0])["Uri"] == "https://other.example.com:10933/"


def test_a_name_that_is_taken_is_refused(tentacle: TentacleProgram, server: RegistrationServer) -> None:
    """cli 24"""
    register(tentacle, server)
    before = list(server.posts())

    outcome = register(tentacle, server, "--name= BUILD-07 ")

    assert (outcome.exit_code, outcome.stderr) == (
        1,
        "A worker named 'BUILD-07' already exists in the environment. "
        "Use the 'force' parameter if you intended to update the existing worker.\n",
    )
    assert server.posts() == before


def test_force_updates_the_same_worker_and_keeps_its_policy(
    tentacle: TentacleProgram, server: RegistrationServer
) -> None:
    """cli 24"""
    register(tentacle, server, "--policy=night")

    outcome = tentacle.run(
        *("register-worker", f"--server={server.url}", f"--apiKey={API_KEY}", "--force"),
        *("--workerpool=Builders", "--tentacle-comms-port=10999"),
    )

    assert outcome.exit_code == 0
    (worker,) = server.workers
    assert (worker["Id"], worker["MachinePolicyId"]) == ("Workers-1", "MachinePolicies-2")
    assert worker["WorkerPoolIds"] == ["WorkerPools-2"]
    assert endpoint(worker)["Uri"] == "https://build-07:10999/"


@pytest.mark.parametrize(
    ("option", "exit_code", "message"),
    [
        ("--workerpool=X", 1, "Could not find the worker pool with name, slug or Id X on the Octopus Server. "
         "Ensure the worker pool exists and you have permission to access it."),
        ("--space=X", 1, 'A space with name "X" could not be found. Ensure you have spelled the space name correctly '
         "and that the user has access to this space."),
        ("--policy=X", 100, "Could not find the machine policy named X on the Octopus Server."),
        ("--proxy=X", 100, "Could not find the proxy name named X on the Octopus Server."),
    ],
)  # fmt: skip
def test_unknown_names_are_explained_and_nothing_changes(
    tentacle: TentacleProgram, server: RegistrationServer, option: str, exit_code: int, message: str
) -> None:
    """cli 25"""
    outcome = register(tentacle, server, option)

    assert outcome.exit_code == exit_code
    assert message in outcome.stderr
    assert server.posts() == []
    assert tentacle.trusted_servers("MyInstance") == ()


def test_several_unknown_pools_are_all_named(tentacle: TentacleProgram, server: RegistrationServer) -> None:
    """cli 25"""
    outcome = register(tentacle, server, "--workerpool=X", "--workerpool=Y")

    assert "worker pools with names, slugs or Ids: X, Y" in outcome.stderr


def test_a_listening_worker_may_stand_behind_a_proxy(tentacle: TentacleProgram, server: RegistrationServer) -> None:
    register(tentacle, server, "--proxy=office")

    assert endpoint(server.workers[0])["ProxyId"] == "Proxies-1"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([POOL, "--apiKey=A"], "Please specify an Octopus Server, e.g., --server=http://your-octopus-server"),
        ([POOL, "--apiKey=A", "--server=octopus"], "Please specify an Octopus Server, e.g., --server="),
        (
            [POOL, "--server=http://x", "--apiKey=A", "--bearerToken=B"],
            "Please specify a Bearer Token, API Key or username and password - not multiple.",
        ),
        ([POOL, "--server=http://x", "-u=a"], "Please specify a password for the specified user account"),
        ([POOL, "--server=http://x", "-p=a"], "Please specify a username for the specified password"),
        ([POOL, "--server=http://x"], "Please specify an Octopus API key, a Bearer Token or a username and password."),
        (
            ["--server=http://x", "--apiKey=A"],
            "Please specify a worker pool name, slug or Id, e.g., --workerpool=Default",
        ),
        (
            [POOL, "--server=http://x", "--apiKey=A", "--comms-style=Odd"],
            "Please specify a valid communications style, e.g. --comms-style=TentaclePassive",
        ),
        (
            [POOL, "--server=http://x", "--apiKey=A", "--comms-style=tentacleactive", "--proxy=p"],
            "Option --proxy can only be used with --comms-style=TentaclePassive. ",
        ),
        (
            [
                *(POOL, "--server=http://x", "--apiKey=A", "--comms-style=TentacleActive"),
                *("--server-web-socket=wss://x", "--server-comms-address=https://x"),
            ],
            "Please specify a --server-web-socket, or a --server-comms-address - not both.",
        ),
        (
            [POOL, "--server=http://x", "--apiKey=A", "--comms-style=TentacleActive", "--server-web-socket=ftp://x"],
            "The websocket address must start with wss://",
        ),
        (
            [POOL, "--server=http://x", "--apiKey=A", "--comms-style=TentacleActive", "--server-subscription-id=x"],
            "The ServerSubscriptionId must start with poll://",
        ),
    ],
)
def test_wrong_arguments_have_their_text(tentacle: TentacleProgram, options: list[str], message: str) -> None:
    """cli 18"""
    outcome = tentacle.run("register-worker", *options)

    assert outcome.exit_code == 1
    assert outcome.stderr.startswith(message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--role=web"], "Please specify an environment name, slug or Id, "),
        (["--env=Dev"], "Please specify a role name, e.g., --role=web-server"),
    ],
)
def test_wrong_arguments_of_a_target_have_their_text(
    tentacle: TentacleProgram, options: list[str], message: str
) -> None:
    """cli 18"""
    outcome = tentacle.run("register-with", "--server=http://x", "--apiKey=A", *options)

    assert outcome.exit_code == 1
    assert outcome.stderr.startswith(message)


def test_an_unparsable_port_exits_100(tentacle: TentacleProgram) -> None:
    """cli 18"""
    assert tentacle.run("register-worker", "--server-comms-port=many").exit_code == 100


def test_an_agent_without_a_certificate_is_told_so(tmp_path: Path) -> None:
    """cli 18"""
    tentacle = TentacleProgram(tmp_path)
    tentacle.create()

    outcome = tentacle.run("register-worker", "--server=http://x", "--apiKey=A", POOL)

    assert outcome.stderr == (
        "No certificate has been generated for this Tentacle. Please run the new-certificate command first.\n"
    )


def test_a_servers_refusal_is_shown_with_its_reasons(tentacle: TentacleProgram, server: RegistrationServer) -> None:
    """cli 36"""
    server.refusal = {"ErrorMessage": "There was a problem.", "Errors": ["The pool is dynamic."]}

    outcome = register(tentacle, server)

    assert (outcome.exit_code, outcome.stderr) == (1, "There was a problem.\n - The pool is dynamic.\n")
    assert tentacle.trusted_servers("MyInstance") == ()


def test_an_unknown_key_exits_100_and_is_never_shown(tentacle: TentacleProgram, server: RegistrationServer) -> None:
    outcome = tentacle.run("register-worker", f"--server={server.url}", "--apiKey=API-WRONG", POOL)

    assert outcome.exit_code == 100
    assert "You must be logged in" in outcome.stderr
    assert "API-WRONG" not in outcome.stderr + outcome.stdout


def test_an_ancient_server_is_refused(tentacle: TentacleProgram, server: RegistrationServer) -> None:
    server.version = "2.6.5"

    assert "with a 2.* Octopus Server" in register(tentacle, server).stderr


def test_a_target_is_registered_with_environments_roles_and_tenants(
    tentacle: TentacleProgram, server: RegistrationServer
) -> None:
    """cli 31"""
    output = tentacle.succeed(
        *("register-with", f"--server={server.url}", f"--apiKey={API_KEY}", "--environment=staging"),
        *("-r", "web", "-r", "db", "--tenant=ACME", "--tenanttag=Kind/VIP"),
        "--tenanted-deployment-participation=tenanted",
    )

    assert output.endswith("Machine registered successfully\n")
    (machine,) = server.machines
    assert (machine["EnvironmentIds"], machine["Roles"]) == (["Environments-9"], ["web", "db"])
    assert (machine["TenantIds"], machine["TenantTags"]) == (["Tenants-1"], ["Kind/VIP"])
    assert machine["TenantedDeploymentParticipation"] == "Tenanted"


def test_an_older_server_lists_environments_elsewhere(tentacle: TentacleProgram, server: RegistrationServer) -> None:
    """cli 31"""
    server.has_environments_v2 = False

    tentacle.succeed("register-with", f"--server={server.url}", f"--apiKey={API_KEY}", "--env=Dev", "--role=web")

    assert server.machines[0]["EnvironmentIds"] == ["Environments-1"]


def test_an_unknown_tenant_tag_is_explained(tentacle: TentacleProgram, server: RegistrationServer) -> None:
    outcome = tentacle.run(
        *("register-with", f"--server={server.url}", f"--apiKey={API_KEY}", "--env=Dev", "--role=web"),
        "--tenanttag=Kind/Odd",
    )

    assert outcome.exit_code == 1
    assert outcome.stderr.startswith("Could not find the tag named Kind/Odd")


@pytest.mark.parametrize("kind", ["workers", "machines"])
def test_deregistering_removes_exactly_the_own_machines(
    tentacle: TentacleProgram, server: RegistrationServer, identity: Identity, kind: str
) -> None:
    """cli 29"""
    server.register(kind, Name="mine", Endpoint={"Thumbprint": identity.thumbprint})
    server.register(kind, Name="other", Endpoint={"Thumbprint": "B" * 40})
    command, noun = ("deregister-worker", "worker") if kind == "workers" else ("deregister-from", "machine")

    output = tentacle.succeed(command, f"--server={server.url}", f"--apiKey={API_KEY}")

    assert f"Deleting {noun} 'mine' from the Octopus Server...\n" in output
    assert f"tentacle configure --remove-trust={THUMBPRINT}\n" in output
    assert output.endswith(f"{noun.title()} deregistered successfully\n")
    assert [machine["Name"] for machine in server.workers + server.machines] == ["other"]


def test_two_own_workers_are_deregistered_only_together(
    tentacle: TentacleProgram, server: RegistrationServer, identity: Identity
) -> None:
    """cli 29"""
    for name in ("one", "two"):
        server.register("workers", Name=name, Endpoint={"Thumbprint": identity.thumbprint.lower()})
    line = ["deregister-worker", f"--server={server.url}", f"--apiKey={API_KEY}"]

    refused = tentacle.run(*line)
    kept = len(server.workers)
    tentacle.succeed(*line, "-m")

    assert (refused.exit_code, kept, server.workers) == (1, 2, [])
    assert refused.stderr == (
        "The worker matches more than one machine on the server. "
        "To deregister all of these machines specify the --multiple flag.\n"
    )


def test_nothing_to_deregister_exits_1(tentacle: TentacleProgram, server: RegistrationServer) -> None:
    outcome = tentacle.run("deregister-worker", f"--server={server.url}", f"--apiKey={API_KEY}")

    assert (outcome.exit_code, outcome.stderr) == (1, "No worker was found matching this Tentacle's thumbprint.\n")


def test_a_second_address_is_polled_without_asking(tentacle: TentacleProgram) -> None:
    """cli 32"""
    tentacle.succeed("configure", f"--trust={THUMBPRINT}")
    tentacle.succeed("server-comms", "--style=TentacleActive", "--host=node1")
    tentacle.succeed("configure", f"--remove-trust={'B' * 40}")

    tentacle.succeed("poll-server", "--reuse-server-thumbprint", "--server-comms-address=https://node2:10943")

    assert tentacle.trusted_servers("MyInstance")[-1].address == "https://node2:10943"


def test_the_polling_port_must_answer(tentacle: TentacleProgram, server: RegistrationServer) -> None:
    """cli 19: the client's half; nothing listens on TLS there."""
    outcome = register(
        tentacle, server, "--comms-style=TentacleActive", f"--server-comms-port={server.url.rpartition(':')[2]}"
    )

    assert outcome.exit_code == 100
    assert "does not answer as an Octopus Server's would" in outcome.stderr
    assert tentacle.configuration("MyInstance").find(Key.POLLING_CONNECTION_COUNT) is None
    assert server.posts() == []
