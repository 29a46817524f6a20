"""What the executor says on stdout: verbose lines, warnings, service messages. Source: script-execution.md §1."""

import base64
import sys


def say(text: str) -> None:
    """A verbose line."""
    _write(f"##octopus[stdout-verbose]\n{text}\n##octopus[stdout-default]\n")


def tell(text: str) -> None:
    """A line that everybody sees."""
    _write(f"{text}\n")


def warn(text: str) -> None:
    """A warning line."""
    _write(f"##octopus[stdout-warning]\n{text}\n##octopus[stdout-default]\n")


def message(name: str, /, **attributes: str) -> None:
    """A service message."""
    encoded = "".join(
        f" {key}='{base64.b64encode(value.encode('utf-8', 'surrogateescape')).decode('ascii')}'"
        for key, value in attributes.items()
    )
    _write(f"##octopus[{name}{encoded}]\n")


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
