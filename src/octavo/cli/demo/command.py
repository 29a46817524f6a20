"""The command `octavo demo`: options in, exit code out."""

import subprocess
from pathlib import Path
from typing import Annotated

import typer


def demo(
    folder: Annotated[Path, typer.Option(help="Where everything of the demo lives; emptied at the start.")] = Path(
        "octavo-demo"
    ),
    stop_at_end: Annotated[bool, typer.Option("--stop-at-end", help="Stop the server when the story is told.")] = False,
) -> None:
    """Play the whole story on real processes and leave a server running."""
    from rich.console import Console

    from octavo.cli.demo.narrator import Narrator, NotAsExpected
    from octavo.cli.demo.story import play

    narrator = Narrator(Console())
    try:
        play(folder.resolve(), narrator, stop_at_end)
    except (NotAsExpected, subprocess.TimeoutExpired) as fault:
        narrator.complain(str(fault))
        narrator.say(f"Logs: {folder / 'server.log'} and {folder}/demo-*/agent.log")
        raise typer.Exit(1) from fault
