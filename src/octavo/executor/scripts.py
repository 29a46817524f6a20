"""Runs one script on a worker: composed beside the file it comes from, in that file's folder.

Source: script-execution.md §2.3, §2.4.
"""

import os
import secrets
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from octavo.executor import bash, python
from octavo.executor.plan import ScriptPlan

_INTERPRETERS = {"Bash": ("/bin/bash",), "Python": ("python3", "-u")}


class StepRefused(Exception):
    """The step cannot be run; the message says why."""


def run_script(script: ScriptPlan, variables: Mapping[str, str], folder: Path) -> int:
    """Compose the script beside the file it comes from, and run it there; its exit code.

    Raises:
        StepRefused: it is not there, or in no language that runs here.
    """
    if script.body is not None:
        source, place = script.body, folder / f"Script.{'sh' if script.syntax == 'Bash' else 'py'}"
    else:
        place = script_file(script, folder)
        source = place.read_text("utf-8-sig")
    composed = place.with_name(f"Bootstrap.{secrets.token_hex(4)}.{place.name}")
    try:
        with open(composed, "x", encoding="utf-8", newline="", opener=_private) as file:
            file.write(_compose(script, source, variables))
        return _wait_for([*_INTERPRETERS[script.syntax], str(composed)], place.parent, folder)
    finally:
        composed.unlink(missing_ok=True)


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


def _compose(script: ScriptPlan, source: str, variables: Mapping[str, str]) -> str:
    compose = {"Bash": bash.compose, "Python": python.compose}.get(script.syntax)
    if compose is None:
        raise StepRefused(f"Scripts in '{script.syntax}' cannot be run. Use one of: {', '.join(_INTERPRETERS)}.")
    try:
        return compose(source, variables, script.parameters)
    except ValueError as error:
        raise StepRefused(str(error)) from error


def _wait_for(command: list[str], working_folder: Path, folder: Path) -> int:
    """Run the script; signals to end us go to it. Its exit code, or 128 + the signal that ended it."""
    environment = {**os.environ, "OctopusCalamariWorkingDirectory": str(folder)}
    with subprocess.Popen(command, cwd=working_folder, stdin=subprocess.DEVNULL, env=environment) as process:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda received, _: process.send_signal(received))
        code = process.wait()
    return code if code >= 0 else 128 - code


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
