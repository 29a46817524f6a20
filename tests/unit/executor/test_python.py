"""Composed Python files, run by a real python3."""

import base64
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from octavo.executor import python
from octavo.executor.bash import SUPPRESS_ENVIRONMENT_LOGGING


def run(
    folder: Path, script: str, variables: Mapping[str, str] | None = None, parameters: str = ""
) -> subprocess.CompletedProcess[str]:
    file = folder / "Bootstrap.py"
    file.write_text(
        python.compose(script, {SUPPRESS_ENVIRONMENT_LOGGING: "True", **(variables or {})}, parameters), "utf-8"
    )
    command = [sys.executable, "-I", "-S", "-u", str(file)]  # -S: nothing from an index
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=60)


def output(folder: Path, script: str, variables: Mapping[str, str] | None = None, parameters: str = "") -> str:
    result = run(folder, script, variables, parameters)
    assert result.stderr == ""
    return result.stdout


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("value", ["", "a\nb\r\n", "'\"\\{}", "é 🐙", "x" * 1_048_576], ids=str.__len__)
def test_a_value_is_given_exactly(tmp_path: Path, value: str) -> None:
    """script-execution 38, 42."""
    (tmp_path / "expected").write_bytes(value.encode())

    assert (
        output(tmp_path, "print(octopusvariables['A'] == open('expected', newline='').read())", {"A": value})
        == "True\n"
    )


def test_a_missing_name_is_an_error_in_the_dictionary_only(tmp_path: Path) -> None:
    """script-execution 38."""
    script = (
        "print(repr(get_octopusvariable('zz')))\ntry:\n  octopusvariables['a']\nexcept KeyError:\n  print('KeyError')"
    )

    assert output(tmp_path, script, {"A": "x"}) == "''\nKeyError\n"


def test_set_changes_the_dictionary_and_says_so(tmp_path: Path) -> None:
    """script-execution 39."""
    script = "set_octopusvariable('A', 'b')\nset_octopusvariable('A', 's', True)\nprint(octopusvariables['A'])"

    assert output(tmp_path, script).splitlines() == [
        f"##octopus[setVariable name='{encoded('A')}' value='{encoded('b')}']",
        f"##octopus[setVariable name='{encoded('A')}' value='{encoded('s')}' sensitive='{encoded('True')}']",
        "s",
    ]


def test_a_missing_artifact_has_length_zero(tmp_path: Path) -> None:
    """script-execution 40."""
    assert f"name='{encoded('missing')}' length='{encoded('0')}']" in output(tmp_path, "createartifact('missing')")


def test_progress_needs_no_message(tmp_path: Path) -> None:
    """script-execution 40."""
    assert output(tmp_path, "updateprogress(5)") == f"##octopus[progress percentage='{encoded('5')}' message='']\n"


def test_failstep_ends_with_255(tmp_path: Path) -> None:
    """script-execution 40."""
    result = run(tmp_path, "failstep('x')")

    assert (result.returncode, result.stdout) == (255, f"##octopus[resultMessage message='{encoded('x')}']\n")


@pytest.mark.parametrize("level", ["verbose", "highlight", "wait", "warning"])
def test_printed_levels(tmp_path: Path, level: str) -> None:
    assert output(tmp_path, f"print{level}('a  b')") == f"##octopus[stdout-{level}]\na  b\n##octopus[stdout-default]\n"


def test_the_script_is_main_with_its_own_arguments(tmp_path: Path) -> None:
    """script-execution 41."""
    script = (
        "import argparse, sys\nparser = argparse.ArgumentParser()\nparser.add_argument('--name')\n"
        "print(__name__, len(sys.argv), parser.parse_args().name)"
    )

    assert output(tmp_path, script, parameters='--name "a b"') == "__main__ 3 a b\n"


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ('"a b" c \'d', ["a b", "c", "'d"]),
        ("", []),
        ('""', [""]),
        ('a\\b "c\\\\" \\"', ["a\\b", "c\\", '"']),
        ('"a""b" x"y z"', ['a"b', "xy z"]),
        (" \t a ", ["a"]),
    ],
)
def test_parameters_are_split_as_dotnet_does(text: str, arguments: list[str]) -> None:
    """script-execution 24."""
    assert python.split_parameters(text) == arguments


def test_values_are_neither_on_the_command_line_nor_in_the_environment(tmp_path: Path) -> None:
    """script-execution 28."""
    script = (
        "import os, sys\nprint('shown', sys.argv, os.environ, open('/proc/self/cmdline').read(), "
        "open('/proc/self/environ').read())"
    )

    shown = output(tmp_path, script, {"Password": "hunter2"})

    assert ("shown" in shown, "hunter2" in shown) == (True, False)


def test_an_exception_shows_the_scripts_own_line_and_no_values(tmp_path: Path) -> None:
    result = run(tmp_path, "x = 1\nraise ValueError('oops')", {"Password": "hunter2"})

    assert result.returncode == 1
    assert 'Script.py", line 2, in <module>' in result.stderr
    assert "raise ValueError('oops')" in result.stderr
    assert len(result.stderr) < 500


def test_exit_codes_are_the_scripts(tmp_path: Path) -> None:
    """script-execution 22."""
    assert run(tmp_path, "import sys; sys.exit(7)").returncode == 7


def test_future_statements_and_processes_work(tmp_path: Path) -> None:
    script = (
        "from __future__ import annotations\nimport multiprocessing\ndef f(x): return x + 1\n"
        "if __name__ == '__main__':\n  with multi"
        "processing.get_context('spawn').Pool(1) as pool: print(pool.map(f, [1]))"
    )

    assert output(tmp_path, script) == "[2]\n"


def test_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="variable 'V' contains a NUL"):
        python.compose("", {"V": "a\0"})
