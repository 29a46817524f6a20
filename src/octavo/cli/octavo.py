"""The command `octavo`: run a server and look after it.

Thin: it reads options, calls the server's functions and prints. Modules of the server are imported inside the commands,
so that `octavo --help` answers at once. Exit codes: 0 done, 1 not possible (the message says why), 2 wrong usage.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from octavo import __version__
from octavo.base.errors import OctavoError
from octavo.cli.demo.command import demo

if TYPE_CHECKING:
    from octavo.server.app import Started
    from octavo.server.settings import Settings

app = typer.Typer(
    name="octavo",
    help="Octavo, a deployment server with external workers.",
    epilog="Start with: octavo server run",
    no_args_is_help=True,
    rich_markup_mode=None,  # importing rich would double what --help costs
    pretty_exceptions_enable=False,
)
server = typer.Typer(
    rich_markup_mode=None, help="Run a server, check its settings, switch its built-in worker.", no_args_is_help=True
)
api_key = typer.Typer(rich_markup_mode=None, help="Make API keys.", no_args_is_help=True)
app.add_typer(server, name="server")
app.add_typer(api_key, name="api-key")
app.command()(demo)

Data = Annotated[
    Path | None, typer.Option("--data", help="The folder with everything the server keeps. Default: ./octavo-data")
]
Config = Annotated[Path | None, typer.Option("--config", help="A TOML file with settings.")]
Listen = Annotated[str | None, typer.Option(help="HOST:PORT of the API and the pages. Default: 127.0.0.1:8080")]
PollingListen = Annotated[
    str | None, typer.Option(help="HOST:PORT where polling agents connect. Default: 127.0.0.1:10943")
]
ExternalUrl = Annotated[str | None, typer.Option(help="How others reach this server, such as https://octavo.example/")]


class OutputFormat(StrEnum):
    """How a command prints its result."""

    TEXT = "text"
    JSON = "json"


Output = Annotated[OutputFormat, typer.Option("--output-format", help="text for people, json for programs.")]


def main() -> None:
    """Run the command line."""
    try:
        app()
    except OctavoError as error:
        print(f"octavo: {error}", file=sys.stderr)
        raise SystemExit(1) from None


@app.command()
def version(output_format: Output = OutputFormat.TEXT) -> None:
    """Print the version."""
    print(json.dumps({"Version": __version__}) if output_format is OutputFormat.JSON else __version__)


@server.command(epilog="Example: octavo server run --data /var/lib/octavo --listen 0.0.0.0:8080")
def run(
    data: Data = None,
    config: Config = None,
    listen: Listen = None,
    polling_listen: PollingListen = None,
    external_url: ExternalUrl = None,
) -> None:
    """Run the server until it is told to end (Ctrl-C or SIGTERM)."""
    from octavo.server.app import run_server
    from octavo.server.service_log import log_to_stderr

    settings = _settings(config, data=data, listen=listen, polling_listen=polling_listen, external_url=external_url)
    log_to_stderr()
    asyncio.run(run_server(settings, lambda started: _announce(settings, started)))


@server.command(epilog="Example: octavo server check --config /etc/octavo.toml --output-format json")
def check(
    data: Data = None,
    config: Config = None,
    listen: Listen = None,
    polling_listen: PollingListen = None,
    external_url: ExternalUrl = None,
    output_format: Output = OutputFormat.TEXT,
) -> None:
    """Say what is wrong with the settings, and what to do. Changes nothing; exit code 1 when something is wrong."""
    from octavo.server.configuration_check import check_configuration

    options = {
        "data": data,
        "listen": listen,
        "polling_listen": polling_listen,
        "external_url": external_url,
    }
    findings = asyncio.run(check_configuration(_flags(options), os.environ, _config(config)))
    if output_format is OutputFormat.JSON:
        print(json.dumps([finding.as_json() for finding in findings], indent=2))
    else:
        for finding in findings:
            print(f"{'ok  ' if finding.is_right else 'FAIL'}  {finding.subject}: {finding.message}")
    raise typer.Exit(0 if all(finding.is_right for finding in findings) else 1)


@server.command("built-in-worker", epilog="Example: octavo server built-in-worker --account octavo-jobs")
def built_in_worker(
    account: Annotated[
        str | None, typer.Option(help="Run its scripts as this account; '' for the server's own.")
    ] = None,
    is_on: Annotated[
        bool | None, typer.Option("--on/--off", help="Allow it (it then runs while no worker is there), or forbid it.")
    ] = None,
    data: Data = None,
    config: Config = None,
    output_format: Output = OutputFormat.TEXT,
) -> None:
    """Show or change the worker inside the server."""
    from octavo.server.administration import change_built_in_worker

    wanted: dict[str, object] = {}
    if account is not None:
        wanted["Account"] = account
    if is_on is not None:
        wanted["IsAllowed"] = is_on
    result = asyncio.run(change_built_in_worker(_settings(config, data=data), wanted))
    if output_format is OutputFormat.JSON:
        print(json.dumps(result, indent=2))
    else:
        print(f"The built-in worker is {result['State'].lower()}. {result['Reason']}")
        print(f"Account: {result['Account'] or 'the server’s own'}")


@api_key.command(epilog="Example: KEY=$(octavo api-key create --user admin --data /var/lib/octavo)")
def create(
    user: Annotated[str, typer.Option(help="Whose key it will be.")],
    purpose: Annotated[str, typer.Option(help="What it is for; shown in lists.")] = "",
    data: Data = None,
    config: Config = None,
) -> None:
    """Make an API key and print it, nothing else. Works while the server runs."""
    from octavo.server.administration import create_api_key

    print(asyncio.run(create_api_key(_settings(config, data=data), user, purpose)).reveal())


def _settings(config: Path | None, **options: object) -> "Settings":
    from octavo.server.settings import load_settings

    return load_settings(_flags(options), os.environ, _config(config))


def _config(option: Path | None) -> Path | None:
    variable = os.environ.get("OCTAVO_CONFIG")
    return option or (Path(variable) if variable else None)


def _flags(options: Mapping[str, object]) -> dict[str, str | None]:
    return {key: None if value is None else str(value) for key, value in options.items()}


def _announce(settings: "Settings", started: "Started") -> None:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    console.print(f"Octavo {__version__} is ready at [bold]{settings.external_url or started.api}[/bold]")
    console.print(f"Polling agents connect to {started.polling}; the server's thumbprint is {started.thumbprint}")
    administrator = started.installation.created
    if administrator:
        console.print("\nThis is the first start: an administrator was made. What was made up is shown this once:")
        console.print(f"  user name  {administrator.username}", markup=False)
        password = administrator.password.reveal() if settings.admin_password is None else "as you set it"
        console.print(f"  password   {password}", markup=False)
        api_key = administrator.api_key.reveal() if settings.admin_api_key is None else "as you set it"
        console.print(f"  API key    {api_key}", markup=False)
    console.file.flush()
