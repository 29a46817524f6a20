"""The command lines of `tentacle` as a user meets them: streams, exit codes, texts, files."""

import json
import re
import zipfile
from pathlib import Path

import pytest

from fakes.tentacle_program import TentacleProgram
from octavo import __version__
from octavo.agent.configuration import Key
from octavo.agent.program import COMMANDS

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
