"""Runs one script on a worker: composed beside the file it comes from, in that file's folder.

Source: script-execution.md §2.3, §2.4.
"""

import base64
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from octavo.executor.composing import SYNTAXES, Source, command, compose
from octavo.executor.containers import Container
from octavo.executor.plan import ScriptPlan


class StepRefused(Exception):
    """The step cannot be run; the message says why."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a script runs in. `hear` is told of each variable that it sets, while it runs."""

    folder: Path
    container: Container | None = None
    hear: Callable[[str, str], None] | None = None


def run_script(script: ScriptPlan, variables: Mapping[str, str], surroundings: Surroundings) -> int:
    """Compose the script beside the file it comes from, and run it there, or in the container; its exit code.

    Raises:
        StepRefused: it is not there, or in no language that runs here.
    """
    folder, container = surroundings.folder, surroundings.container
    if script.body is not None:
        place = folder / f"Script{SYNTAXES.get(script.syntax, '')}"
        source = Source(script.syntax, script.body, place.name, parameters=script.parameters)
    else:
        place = script_file(script, folder)
        text = "" if script.syntax == "PowerShell" else place.read_text("utf-8-sig")  # that one is run where it lies
        source = Source(script.syntax, text, place.name, is_file=True, parameters=script.parameters)
    try:
        composed = compose(source, variables)
    except ValueError as error:
        raise StepRefused(str(error)) from error
    bootstrap = place.with_name(f"Bootstrap.{secrets.token_hex(4)}.{place.name}")
    with _files({bootstrap.name: composed.text, **composed.beside}, place.parent):
        start = command(script.syntax, variables, str(bootstrap))
        if container is not None:
            start = container.command([Path(start[0]).name, *start[1:]], place.parent)
        return _wait_for(start, place.parent, surroundings)


@contextmanager
def _files(texts: Mapping[str, str], folder: Path) -> Iterator[None]:
    """These files in the folder, while the block runs.

    Raises:
        StepRefused: one is there already.
    """
    made: list[Path] = []
    try:
        for name, text in texts.items():
            try:
                with open(folder / name, "x", encoding="utf-8", newline="", opener=_private) as file:
                    made.append(folder / name)
                    file.write(text)
            except FileExistsError as error:
                raise StepRefused(
                    f"The script module in {name} has the name of a file that is in {folder} already. Rename one."
                ) from error
        yield
    finally:
        for path in made:
            path.unlink(missing_ok=True)


def script_file(script: ScriptPlan, folder: Path) -> Path:
    """The file of a package that the step runs.

    Raises:
        StepRefused: it is not there, or not in the folder.
    """
    if not script.file:
        raise StepRefused("The step has neither a script nor the name of a script file in its package.")
    place = Path(os.path.realpath(folder / script.file.replace("\\", "/")))
    if not place.is_relative_to(os.path.realpath(folder)) or not place.is_file():
        raise StepRefused(
            f"The package has no script file {script.file}. Is its path spelled exactly as in the package?"
        )
    return place


def _wait_for(command: list[str], working_folder: Path, surroundings: Surroundings) -> int:
    """Run the script; signals to end us end it. Its exit code, or 128 + the signal that ended it."""
    environment = {**os.environ, "OctopusCalamariWorkingDirectory": str(surroundings.folder)}
    output = None if surroundings.hear is None else subprocess.PIPE
    try:
        process = subprocess.Popen(
            command, cwd=working_folder, stdin=subprocess.DEVNULL, stdout=output, env=environment
        )
    except FileNotFoundError as error:
        raise StepRefused(
            f"This machine has no {command[0]}, which the step needs. Install it there, or run the step on a machine "
            "that has it."
        ) from error

    def end(number: int, _: object) -> None:
        process.send_signal(number) if surroundings.container is None else surroundings.container.end()

    with process:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        if process.stdout is not None and surroundings.hear is not None:
            _pass_on(process.stdout, surroundings.hear)
        code = process.wait()
    return code if code >= 0 else 128 - code


def _pass_on(output: IO[bytes], hear: Callable[[str, str], None]) -> None:
    """Write the script's lines where ours go, and tell of the variables that they set."""
    for line in output:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
        for attributes in re.findall(rb"##octopus\[setVariable ([^\]]*)\]", line):
            found = dict(re.findall(rb"([A-Za-z]+)=['\"]([A-Za-z0-9+/=]*)['\"]", attributes))
            with suppress(ValueError, KeyError):  # what cannot be read sets nothing
                name, value = (base64.b64decode(found[key]).decode("utf-8") for key in (b"name", b"value"))
                hear(name, value)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
