"""The commands that change or show an instance's settings."""

import json
import os
from pathlib import Path

import pytest

from fakes.tentacle_program import TentacleProgram
from octavo.agent.configuration import Key
from octavo.agent.jobs.agent_lock import lock_home
from octavo.agent.trusted_servers import Style

A, B = "A" * 40, "B" * 40


@pytest.fixture
def tentacle(tmp_path: Path) -> TentacleProgram:
    return TentacleProgram(tmp_path)


def test_trust_is_reset_before_it_is_added(tentacle: TentacleProgram) -> None:
    """cli 10"""
    tentacle.create()
    tentacle.succeed("configure", "--trust", "C" * 40)

    output = tentacle.succeed("configure", "--trust", A, "--trust", B.lower(), "--reset-trust")

    assert "Adding 2 trusted Octopus Servers\n" in output
    assert [(server.thumbprint, server.style) for server in tentacle.trusted_servers()] == [
        (A, Style.LISTENING),
        (B, Style.LISTENING),
    ]


def test_trust_is_removed_by_exact_thumbprint(tentacle: TentacleProgram) -> None:
    tentacle.create()
    tentacle.succeed("configure", "--trust", A, "--trust", B)

    tentacle.succeed("configure", "--remove-trust", A.lower(), "--remove-trust", B)

    assert [server.thumbprint for server in tentacle.trusted_servers()] == [A]


def test_settings_are_stored_and_said(tentacle: TentacleProgram) -> None:
    tentacle.create()

    output = tentacle.succeed(
        "configure", "--port=10944", "--noListen=True", "--listenIpAddress=::1", f"--app={tentacle.folder}/apps"
    )

    assert "Services listen port: 10944\nTentacle will not listen on a port\n" in output
    configuration = tentacle.configuration()
    assert configuration.stored[Key.NO_LISTEN] == "true"
    assert configuration.find(Key.LISTEN_IP) == "::1"
    assert (tentacle.folder / "apps").is_dir()


@pytest.mark.parametrize(
    ("option", "exit_code", "message"),
    [
        ("--pollingConnectionCount=0", 1, "must be greater than 0, but was 0."),
        ("--pollingConnectionCount=x", 1, "x is not a valid whole number."),
        ("--port=70000", 1, "70000 is not a port"),
        ("--port=x", 100, "Could not convert string `x'"),
        ("--noListen=x", 100, "Could not convert string `x'"),
        ("--listenIpAddress=here", 1, "here is not an IP address"),
    ],
)
def test_a_wrong_setting_is_explained_and_changes_nothing(
    tentacle: TentacleProgram, option: str, exit_code: int, message: str
) -> None:
    before = tentacle.create().read_bytes()

    outcome = tentacle.run("configure", "--trust", A, option)

    assert outcome.exit_code == exit_code
    assert message in outcome.stderr
    assert tentacle.create().read_bytes() == before


def test_unexpected_failures_are_framed(tentacle: TentacleProgram) -> None:
    outcome = tentacle.run("configure", "--port")

    assert outcome.exit_code == 100
    assert outcome.stderr.startswith("=" * 79 + "\n")
    assert "Terminating process with exit code 100\n" in outcome.stderr
    assert str(tentacle.folder / "early-logs") in outcome.stderr


def test_polling_is_configured_without_a_call(tentacle: TentacleProgram) -> None:
    """cli 11"""
    tentacle.create()
    tentacle.succeed("configure", "--trust", A)

    tentacle.succeed("server-comms", "--style=TentacleActive", "--host=h")
    once = tentacle.trusted_servers()
    output = tentacle.succeed("server-comms", "--style=TentacleActive", "--host=h")

    assert output == "Updated server communications configuration\n"
    assert tentacle.trusted_servers() == once
    assert [(server.style, server.address) for server in once] == [
        (Style.LISTENING, None),
        (Style.POLLING, "https://h:10943"),
    ]


@pytest.mark.parametrize(
    ("trusted", "options", "message"),
    [
        (
            [],
            ["--style=TentacleActive"],
            "Before server communications can be modified, trust must be established with the configure command",
        ),
        ([A, B], ["--style=TentacleActive"], "More than one server is trusted; please provide the thumbprint"),
        ([A], ["--style=Odd"], "Please specify a valid communications style, e.g. --style=TentaclePassive"),
        ([A], [], "Please specify a valid communications style, e.g. --style=TentaclePassive"),
        (
            [A],
            ["--style=TentacleActive", "--host=h", f"--thumbprint={B}"],
            "No trusted server was found with the supplied thumbprint",
        ),
        (
            [A],
            ["--style=TentacleActive"],
            "Please provide either the server hostname or websocket address, e.g. --host=OCTOPUS",
        ),
        (
            [A],
            ["--style=TentacleActive", "--host=h", "--web-socket=wss://h"],
            "The hostname and websocket options cannot be used together",
        ),
    ],
)
def test_wrong_server_communications_are_explained(
    tentacle: TentacleProgram, trusted: list[str], options: list[str], message: str
) -> None:
    tentacle.create()
    tentacle.succeed("configure", *(f"--trust={thumbprint}" for thumbprint in trusted))

    outcome = tentacle.run("server-comms", *options)

    assert outcome.exit_code == 1
    assert outcome.stderr.startswith(message)


def test_a_servers_new_thumbprint_is_taken_over(tentacle: TentacleProgram) -> None:
    """cli 12"""
    tentacle.create()
    tentacle.succeed("configure", "--trust", A, "--trust", B)

    tentacle.succeed("update-trust", f"--oldThumbprint={A.lower()}", "--newThumbprint", "C" * 40)

    assert [server.thumbprint for server in tentacle.trusted_servers()] == ["C" * 40, B]
    assert tentacle.run("update-trust", "--oldThumbprint=A").exit_code == 1


def test_trust_is_cleared_except_what_is_kept(tentacle: TentacleProgram) -> None:
    tentacle.create()
    tentacle.succeed("configure", "--trust", A)
    tentacle.succeed("server-comms", "--style=TentacleActive", "--host=h")

    tentacle.succeed("clear-trusted-servers", "--keep=https://h:10943,https://other:1")

    assert [server.address for server in tentacle.trusted_servers()] == ["https://h:10943"]


def test_a_proxy_is_disabled_unless_it_is_enabled(tentacle: TentacleProgram) -> None:
    """cli 13"""
    tentacle.create()
    on = tentacle.succeed("proxy", "--proxyEnable=true", "--proxyHost=H", "--proxyPassword=geheim")
    stored = dict(tentacle.configuration().stored)

    off = tentacle.succeed("proxy", "--proxyHost=H")

    assert (on, off) == ("Using custom proxy at: H\n", "Proxy use is disabled\n")
    assert stored["Octopus.Proxy.ProxyPort"] == "80"
    assert "geheim" not in stored["Octopus.Proxy.ProxyPassword"]
    assert tentacle.configuration().stored["Octopus.Proxy.UseDefaultProxy"] == "false"
    assert tentacle.configuration().find("Octopus.Proxy.ProxyHost") is None


def test_the_polling_proxy_is_another_one(tentacle: TentacleProgram) -> None:
    tentacle.create()

    tentacle.succeed("polling-proxy", "--proxyEnable=true", "--proxyHost=H", "--proxyPort=3128")

    assert tentacle.configuration().find_number("Octopus.Server.Proxy.ProxyPort") == 3128
    assert tentacle.configuration().find("Octopus.Proxy.ProxyHost") is None


def test_a_running_agent_must_be_restarted(tentacle: TentacleProgram) -> None:
    run_folder = tentacle.create().parent / "Run"
    run_folder.mkdir()
    lock = lock_home(run_folder)

    running = tentacle.succeed("configure", "--port=1")
    os.close(lock)
    stopped = tentacle.succeed("configure", "--port=2")

    assert "require a restart" not in stopped
    assert running.endswith("These changes require a restart of the Tentacle.\n")


def test_the_configuration_is_shown_as_nested_json(tentacle: TentacleProgram) -> None:
    """cli 9"""
    home = tentacle.create().parent
    tentacle.succeed("configure", "--trust", A, "--pollingConnectionCount=5")

    shown = json.loads(tentacle.succeed("show-configuration"))

    assert shown == {
        "Octopus": {"Home": str(home), "Watchdog": {"Enabled": False, "Instances": "*", "Interval": 0}},
        "Tentacle": {
            "CertificateThumbprint": None,
            "Communication": {
                "PollingConnectionCount": 5,
                "TrustedOctopusServers": [
                    {
                        "Thumbprint": A,
                        "CommunicationStyle": 1,
                        "Address": None,
                        "Squid": None,
                        "SubscriptionId": None,
                    }
                ],
            },
            "Deployment": {"ApplicationDirectory": "/home/Octopus/Applications"},
            "Services": {"ListenIP": None, "NoListen": False, "PortNumber": 10933},
        },
    }


def test_the_configuration_is_shown_in_a_file(tentacle: TentacleProgram) -> None:
    tentacle.create()

    assert tentacle.succeed("show-configuration", "--file=shown.json") == ""
    assert set(json.loads((tentacle.folder / "shown.json").read_text())) == {"Octopus", "Tentacle"}
