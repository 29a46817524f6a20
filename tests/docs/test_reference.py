"""The reference names every command, option and setting that the code has."""

from collections.abc import Iterator
from dataclasses import fields

import typer
from typer.core import TyperGroup

from docs.pages import ROOT
from octavo.agent.program import COMMANDS
from octavo.cli.octavo import app
from octavo.server.settings import Settings

REFERENCE = ROOT / "docs/reference"


def test_every_command_of_octavo_is_in_the_reference() -> None:
    page = (REFERENCE / "octavo-command.md").read_text()

    assert [words for words in _octavo_commands() if f"`{words}" not in page] == []


def test_every_command_and_option_of_tentacle_is_in_the_reference() -> None:
    page = (REFERENCE / "tentacle.md").read_text()
    shown = [command for command in COMMANDS if not command.is_hidden]

    assert [command.name for command in shown if f"`{command.name}" not in page] == []
    options = {(command.name, max(option.names, key=len)) for command in shown for option in command.options}
    assert sorted((command, name) for command, name in options if f"--{name}" not in page) == []


def test_every_setting_of_the_server_is_in_the_reference() -> None:
    page = (REFERENCE / "configuration.md").read_text()
    names = [field.name for field in fields(Settings) if field.name != "source"]  # where the others came from

    assert [name for name in names if f"`{name}`" not in page] == []


def _octavo_commands() -> Iterator[str]:
    def walk(words: str, command: object) -> Iterator[str]:
        if isinstance(command, TyperGroup):
            for name, child in command.commands.items():
                yield from walk(f"{words} {name}", child)
        else:
            yield words

    return walk("octavo", typer.main.get_command(app))
