"""The command lines of `tentacle` as a user meets them: streams, exit codes, texts, files."""

import json
import os
import re
import zipfile
from pathlib import Path

import pytest

from fakes.tentacle_program import TentacleProgram
from octavo import __version__
from octavo.agent.configuration import Key
from octavo.agent.jobs.agent_lock import lock_home
from octavo.agent.program import COMMANDS
from octavo.agent.trusted_servers import Style

A, B = "A" * 40, "B" * 40


@pytest.fixture
def tentacle(tmp_path: Path) -> TentacleProgram:
    return TentacleProgram(tmp_path)


def test_no_command_shows_the_help_and_exits_2(tentacle: TentacleProgram) -> None:
    """cli 1"""
    outcome = tentacle.run()

    assert outcome.exit_code == 2
    assert outcome.stdout.startswith("Usage: Tentacle <command> [<options>]\n\nWhere <command> is one of: \n")


def test_an_unknown_command_exits_2(tentacle: TentacleProgram) -> None:
    """cli 1"""
    outcome = tentacle.run("nonsense")

    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (
        2,
        "See 'Tentacle help'\n",
        "Command 'nonsense' is not supported\n",
    )


def test_an_unknown_option_exits_1_with_nothing_on_stdout(tentacle: TentacleProgram) -> None:
    """cli 1"""
    outcome = tentacle.run("version", "--unknown=x")

    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (
        1,
        "",
        "Unrecognized command line arguments: --unknown=x\n",
    )


@pytest.mark.parametrize(
    "line",
    [
        ["version"],
        ["--version"],
        ["/version"],
        *(["version", f"--{name}"] for name in ("console", "nologo", "noconsolelogging")),
    ],
)
def test_the_version_is_printed_alone(tentacle: TentacleProgram, line: list[str]) -> None:
    """cli 2"""
    assert tentacle.succeed(*line) == __version__


def test_the_version_as_json_has_the_documented_members(tentacle: TentacleProgram) -> None:
    assert set(json.loads(tentacle.succeed("version", "--format=json"))) == {
        "InformationalVersion",
        "MajorMinorPatch",
        "NuGetVersion",
        "SourceBranchName",
        "IsPrerelease",
    }


def test_an_unknown_format_is_refused(tentacle: TentacleProgram) -> None:
    outcome = tentacle.run("version", "--format=xml")

    assert (outcome.exit_code, outcome.stderr) == (1, "The format 'xml' is not supported. Try text or json.\n")


def test_the_help_of_a_command_is_laid_out_as_specified(tentacle: TentacleProgram) -> None:
    """cli 3"""
    assert tentacle.succeed("version", "--help") == (
        "Usage: Tentacle version [<options>]\n"
        "\n"
        "Where [<options>] is any of: \n"
        "\n"
        "      --format=VALUE         The format of the output (text,json). Defaults \n"
        "                               to text.\n"
        "\n"
        "Or one of the common options: \n"
        "\n"
        "      --help                 Show detailed help for this command\n"
    )


def test_one_letter_names_come_first_in_the_help(tentacle: TentacleProgram) -> None:
    """cli 3"""
    assert "\n  -b, --if-blank             Generates" in tentacle.succeed("help", "new-certificate")


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_every_command_has_help_without_an_instance(tentacle: TentacleProgram, command: str) -> None:
    """cli 3"""
    text = tentacle.succeed(command, "--help")
    document = json.loads(tentacle.succeed("help", command, "--format=json"))

    assert all(len(line) <= 80 for line in text.splitlines())
    assert list(document) == ["Name", "Description", "Aliases", "Options", "CommonOptions"]
    assert [option["Name"] for option in document["CommonOptions"]] == ["help"]


def test_the_general_help_as_json_lists_the_commands(tentacle: TentacleProgram) -> None:
    """cli 3"""
    text = tentacle.succeed("help", "--format=json")

    names = [command["Name"] for command in json.loads(text)["Commands"]]
    assert names == sorted(command.name for command in COMMANDS if not command.is_hidden)
    assert not text.endswith("\n")


def test_create_instance_makes_configuration_registry_entry_and_home(tentacle: TentacleProgram) -> None:
    """cli 5"""
    file = tentacle.folder / "W1" / "tentacle-W1.config"

    output = tentacle.succeed("create-instance", "--instance", "W1", "--config", str(file))

    assert output == (
        f"Creating empty configuration file: {file}\nSaving instance: W1\nSetting home directory to: {file.parent}\n"
    )
    assert tentacle.configuration().find(Key.HOME) == str(file.parent)
    assert json.loads((tentacle.machine_folder / "Tentacle" / "Instances" / "w1.config").read_text()) == {
        "Name": "W1",
        "ConfigurationFilePath": str(file),
    }


def test_create_instance_keeps_an_existing_configuration(tentacle: TentacleProgram) -> None:
    tentacle.create()
    tentacle.succeed("configure", "--port=1234")

    output = tentacle.succeed("create-instance", "--instance=W1", f"--config={tentacle.folder}/W1/tentacle-W1.config")

    assert "already exists." in output
    assert tentacle.configuration().find_number(Key.PORT) == 1234


def test_a_relative_configuration_file_is_rooted_in_the_home(tentacle: TentacleProgram) -> None:
    tentacle.succeed("create-instance", "--instance=W1", f"--home={tentacle.folder}/there", "--config=W1.config")

    assert (tentacle.folder / "there" / "W1.config").is_file()


def test_a_forbidden_place_exits_1_and_says_why(tentacle: TentacleProgram) -> None:
    outcome = tentacle.run("create-instance", "--instance=W1", "--config=/proc/nowhere/t.config")

    assert outcome.exit_code == 1
    assert "/proc/nowhere" in outcome.stderr


def test_delete_instance_leaves_the_configuration(tentacle: TentacleProgram) -> None:
    file = tentacle.create()

    assert tentacle.succeed("delete-instance", "--instance=w1") == "Deleted instance: W1\n"

    assert file.exists()
    assert tentacle.succeed("list-instances") == "No instances installed\n"


def test_an_instance_whose_configuration_is_gone_can_be_deleted(tentacle: TentacleProgram) -> None:
    tentacle.create().unlink()

    assert tentacle.succeed("delete-instance", "--instance=W1") == "Deleted instance: W1\n"


def test_instances_are_listed_as_text_and_json(tentacle: TentacleProgram) -> None:
    """cli 9"""
    file = tentacle.create()

    assert tentacle.succeed("list-instances") == f"Instance 'W1' uses configuration '{file}'.\n"
    assert json.loads(tentacle.succeed("list-instances", "--format=json")) == [
        {"InstanceName": "W1", "ConfigurationFilePath": str(file)}
    ]


def test_a_missing_instance_exits_1(tentacle: TentacleProgram) -> None:
    """cli 6"""
    outcome = tentacle.run("show-thumbprint", "--instance=X")

    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert outcome.stderr == (
        "Instance X of Tentacle has not been configured on this machine. Available instances: .\n"
    )


def test_a_certificate_is_made_once_and_shown_alone(tentacle: TentacleProgram) -> None:
    """cli 7, cli 8"""
    tentacle.create()

    first = tentacle.succeed("new-certificate", "--if-blank")
    shown = tentacle.succeed("show-thumbprint")
    second = tentacle.succeed("new-certificate", "--if-blank")

    assert re.fullmatch("[0-9A-F]{40}", shown)
    assert first == f"A new certificate has been generated and installed. Thumbprint:\n{shown}\n"
    assert second == "A certificate already exists, no changes will be applied.\n"
    assert tentacle.succeed("show-thumbprint") == shown
    assert json.loads(tentacle.succeed("show-thumbprint", "--format=json")) == {"Thumbprint": shown}


@pytest.mark.parametrize(
    ("first", "second"),
    [("--if-blank", "--export-file=x"), ("--if-blank", "--export-pfx=x"), ("--export-file=x", "--export-pfx=x")],
)
def test_contradictory_certificate_options_are_refused(tentacle: TentacleProgram, first: str, second: str) -> None:
    tentacle.create()
    names = [text.partition("=")[0] for text in (first, second)]

    outcome = tentacle.run("new-certificate", first, second)

    assert outcome.exit_code == 1
    assert outcome.stderr == f"Invalid command: {names[0]} and {names[1]} cannot be specified together\n"


def test_an_exported_certificate_is_imported(tentacle: TentacleProgram) -> None:
    tentacle.create()
    exported = tentacle.succeed("new-certificate", "--export-pfx=own.pfx", "--pfx-password=geheim").split()[-1]

    imported = tentacle.succeed("import-certificate", "-f", "own.pfx", "--pw", "geheim")

    assert imported == f"Certificate with thumbprint {exported} imported successfully.\n"
    assert tentacle.succeed("show-thumbprint") == exported


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "Please specify the certificate to import.\n"),
        (["-f", "a", "-b", "x"], "Please specify only one of either from-registry or from-file or from-base64\n"),
    ],
)
def test_an_import_needs_one_source(tentacle: TentacleProgram, options: list[str], message: str) -> None:
    tentacle.create()

    outcome = tentacle.run("import-certificate", *options)

    assert (outcome.exit_code, outcome.stderr) == (1, message)


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


def test_messages_are_also_in_the_instances_log(tentacle: TentacleProgram) -> None:
    home = tentacle.create().parent

    tentacle.succeed("configure", "--port=1")

    assert "Services listen port: 1" in (home / "Logs" / "OctopusTentacle.txt").read_text()


def test_console_logging_can_be_silenced(tentacle: TentacleProgram) -> None:
    tentacle.create()

    assert tentacle.succeed("configure", "--port=1", "--noconsolelogging") == ""


def test_completion_knows_every_command_and_its_options(tentacle: TentacleProgram) -> None:
    script = tentacle.succeed("completion", "bash")

    assert all(command.name in script for command in COMMANDS if not command.is_hidden)
    assert "--reset-trust" in script
    assert "bashcompinit" in tentacle.succeed("completion", "zsh")


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


def test_a_package_is_extracted(tentacle: TentacleProgram) -> None:
    with zipfile.ZipFile(tentacle.folder / "Acme.1.0.0.nupkg", "w") as package:
        package.writestr("content/a%20b.txt", "hello")
        package.writestr("run.sh", "true")

    output = tentacle.succeed("extract", "--package=Acme.1.0.0.nupkg", "--destination=out")

    assert output == "2 files extracted\n"
    assert (tentacle.folder / "out" / "content" / "a b.txt").read_text() == "hello"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--destination=out"], "Please specify the package"),
        (["--package=x"], "Please specify where"),
        (["--package=x", "--destination=out"], "does not exist"),
        (["--package=bad", "--destination=out"], "cannot be extracted"),
    ],
)
def test_a_package_that_cannot_be_extracted_is_explained(
    tentacle: TentacleProgram, options: list[str], message: str
) -> None:
    (tentacle.folder / "bad").write_text("no zip")

    outcome = tentacle.run("extract", *options)

    assert outcome.exit_code == 1
    assert message in outcome.stderr


@pytest.mark.parametrize("command", ["watchdog", "checkservices"])
def test_windows_commands_say_so(tentacle: TentacleProgram, command: str) -> None:
    outcome = tentacle.run(command, "--instances=*")

    assert (outcome.exit_code, outcome.stderr) == (1, "This command is only supported on Windows.\n")


def test_kubernetes_commands_are_refused_with_a_way_out(tentacle: TentacleProgram) -> None:
    outcome = tentacle.run("register-k8s-worker", "--server=x", "--anything")

    assert outcome.exit_code == 1
    assert "tentacle register-worker" in outcome.stderr
