"""Composes a Python step: the user's script, its variables and the helper functions in one file for `python3 -u`.

The script runs as `__main__` in the file's own namespace, so helpers are its globals, and is compiled under the name
`Script.py`, so tracebacks show its own lines. Variables and script travel as base64 of JSON.

Source: script-execution.md §2.6.2, §2.9, §2.11; docs/decisions/0070-composed-scripts.md.
"""

import base64
import json
from collections.abc import Mapping

from octavo.executor.bash import SUPPRESS_ENVIRONMENT_LOGGING, check_no_nul, helper_source


def compose(script: str, variables: Mapping[str, str], parameters: str = "") -> str:
    """One Python file that runs the script. `parameters` are split as .NET splits a command line.

    Raises:
        ValueError: the script, a parameter or a value contains NUL; the message says which.
    """
    check_no_nul(script, variables, parameters)
    payload = {
        "script": script.removeprefix("\ufeff"),
        "variables": dict(variables),
        "parameters": split_parameters(parameters),
        "logs_environment": variables.get(SUPPRESS_ENVIRONMENT_LOGGING) != "True",
    }
    encoded = base64.b64encode(json.dumps(payload).encode("ascii")).decode("ascii")
    # The payload has a line of its own: a traceback shows the line of the call, and must not show values.
    return (
        f'{helper_source("python_helpers.py")}\n_octavo_payload = "{encoded}"\nexec(_octavo_prepare(_octavo_payload))\n'
    )


def split_parameters(text: str) -> list[str]:
    """The arguments of a .NET command line: only double quotes group, backslashes matter only before them.

    Source: tentacle-services.md §6.3.
    """
    arguments: list[str] = []
    current: str | None = None
    is_quoted = False
    position = 0
    while position < len(text):
        backslashes = 0
        while text.startswith("\\", position + backslashes):
            backslashes += 1
        position += backslashes
        character = text[position : position + 1]
        if backslashes:
            kept = backslashes // 2 if character == '"' else backslashes
            current = (current or "") + "\\" * kept
            if character == '"' and backslashes % 2:
                current += '"'
                position += 1
            continue
        position += 1
        if character in (" ", "\t") and not is_quoted:
            arguments += [current] if current is not None else []
            current = None
        elif character == '"' and is_quoted and text[position : position + 1] == '"':
            current = (current or "") + '"'
            position += 1
        elif character == '"':
            is_quoted = not is_quoted
            current = current or ""
        else:
            current = (current or "") + character
    return arguments + ([current] if current is not None else [])
