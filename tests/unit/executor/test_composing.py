"""Scripts made ready to run: modules, interpreters, proxies. What each language offers is in test_bash and its like."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from octavo.executor.bash import helper_source
from octavo.executor.composing import SYNTAXES, Source, command, compose, interpreter_check

QUIET = {"Octopus.Action.Script.SuppressEnvironmentLogging": "True"}
MODULE = "Octopus.Script.Module"


def run(
    folder: Path, syntax: str, script: str, variables: Mapping[str, str] = {}, environment: Mapping[str, str] = {}
) -> str:
    """Run a script in a folder; what it printed."""
    composed = compose(Source(syntax, script, f"Script{SYNTAXES[syntax]}"), QUIET | dict(variables))
    for name, text in composed.beside.items():
        (folder / name).write_text(text, newline="")
    main = folder / f"Bootstrap{SYNTAXES[syntax]}"
    main.write_text(composed.text, newline="")
    environment = {"PATH": os.environ["PATH"], **environment}
    started = command(syntax, variables, str(main))
    return subprocess.run(started, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout


# ---- Modules (script-execution 29) -----------------------------------------------------------------------------------


def a_module(name: str, language: str, body: str) -> dict[str, str]:
    return {f"{MODULE}[{name}]": body, f"{MODULE}.Language[{name}]": language}


def test_a_bash_module_is_sourced_by_its_reduced_name_and_sees_the_helpers(tmp_path: Path) -> None:
    """script-execution 29"""
    module = a_module("My Mod!", "Bash", 'greet() { echo "hello $(get_octopusvariable Name)"; }\r\n')

    assert run(tmp_path, "Bash", "source MyMod.sh\ngreet", {**module, "Name": "Ada"}) == "hello Ada\n"


def test_a_python_module_is_imported_by_its_reduced_name_and_sees_the_helpers(tmp_path: Path) -> None:
    """script-execution 29"""
    module = a_module("My Mod!", "python", "def greet():\n    print('hello', get_octopusvariable('Name'))\n")

    assert run(tmp_path, "Python", "import MyMod\nMyMod.greet()", {**module, "Name": "Ada"}) == "hello Ada\n"


def test_a_module_that_uses_the_array_of_parameters_brings_it_with_it(tmp_path: Path) -> None:
    module = a_module("Show", "Bash", 'show() { echo "${octopus_parameters[Name]}"; }')

    assert run(tmp_path, "Bash", "source Show.sh; show", {**module, "Name": "Ada"}) == "Ada\n"


def test_modules_in_another_language_stay_away() -> None:
    variables = a_module("One", "Python", "") | {f"{MODULE}[Two]": "function Two {}"}

    assert compose(Source("Bash", "true", "Script.sh"), variables).beside == {}
    assert set(compose(Source("PowerShell", "", "Script.ps1"), variables).beside) == {"Two.psm1", "Script.ps1"}


@pytest.mark.parametrize("names", [("A b", "Ab"), ("!",)])
def test_modules_whose_files_would_be_one_are_refused(names: tuple[str, ...]) -> None:
    variables = {key: value for name in names for key, value in a_module(name, "Bash", "").items()}

    with pytest.raises(ValueError, match="Rename it"):
        compose(Source("Bash", "true", "Script.sh"), variables)


# ---- PowerShell ------------------------------------------------------------------------------------------------------


def test_a_powershell_script_keeps_its_own_file_with_a_mark() -> None:
    """script-execution 16: `.ps1` has a byte order mark."""
    composed = compose(Source("PowerShell", "Write-Host 'ö'", "Script.ps1", parameters="-Name 'x y'"), QUIET)

    assert composed.beside == {"Script.ps1": "\ufeffWrite-Host 'ö'"}
    assert composed.text.startswith("\ufeff")
    assert ". (Join-Path $PSScriptRoot 'Script.ps1') -Name 'x y'\n" in composed.text


def test_no_value_stands_in_a_powershell_script_as_code() -> None:
    composed = compose(Source("PowerShell", "", "It’s.ps1"), {**QUIET, "Evil": "'; Remove-Item / #"})

    assert "Remove-Item" not in composed.text
    assert "'It’’s.ps1'" in composed.text


@pytest.mark.parametrize(("value", "has_profile"), [("True", False), ("false", True), ("", True)])
def test_a_profile_is_left_out_when_the_step_says_so(value: str, has_profile: bool) -> None:
    started = command("PowerShell", {"Octopus.Action.PowerShell.ExecuteWithoutProfile": value}, "x.ps1")

    assert (started[0], started[-2:], "-NoProfile" in started) == ("pwsh", ["-File", "x.ps1"], not has_profile)


@pytest.mark.parametrize(("syntax", "program"), [("PowerShell", "pwsh"), ("Python", "python3")])
def test_a_missing_interpreter_is_named_with_what_to_do(tmp_path: Path, syntax: str, program: str) -> None:
    script = f"{interpreter_check(syntax)}echo there"

    missing = subprocess.run(["/bin/bash", "-c", script], env={"PATH": ""}, capture_output=True, text=True, check=False)
    (tmp_path / program).write_text("#!/bin/sh\n")
    (tmp_path / program).chmod(0o755)
    there = subprocess.run(
        ["/bin/bash", "-c", script], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )

    assert (missing.returncode, f"This machine has no {program}" in missing.stderr) == (1, True)
    assert "Install" in missing.stderr
    assert (there.returncode, there.stdout) == (0, "there\n")


# ---- Proxies (script-execution 25) -----------------------------------------------------------------------------------

PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY")
LOCAL = "127.0.0.1,localhost,169.254.169.254"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"http_proxy": "a"}, {"http_proxy": "a", "HTTP_PROXY": "a"}),
        ({"NO_PROXY": "", "TentacleProxyHost": "p"}, {"NO_PROXY": "", "no_proxy": ""}),
        ({"https_proxy": "a", "HTTPS_PROXY": "b"}, {"https_proxy": "a", "HTTPS_PROXY": "b"}),
        (
            {"TentacleProxyHost": "p", "TentacleProxyPort": "8080"},
            {**dict.fromkeys(PROXIES[:4], "http://p:8080"), **dict.fromkeys(PROXIES[4:], LOCAL)},
        ),
        (
            {
                "TentacleProxyHost": "p",
                "TentacleProxyPort": "80",
                "TentacleProxyUsername": "jo e@x",
                "TentacleProxyPassword": "ö/",
            },
            {**dict.fromkeys(PROXIES[:4], "http://jo+e%40x:%C3%B6%2F@p:80"), **dict.fromkeys(PROXIES[4:], LOCAL)},
        ),
        ({}, {}),
        ({"TentacleUseDefaultProxy": "True"}, {}),
        ({"TentacleUseDefaultProxy": "False"}, {"NO_PROXY": "*"}),
    ],
)
def test_the_proxy_variables_are_exactly_these(tmp_path: Path, given: dict[str, str], expected: dict[str, str]) -> None:
    """script-execution 25"""

    def shown(output: str) -> dict[str, str]:
        pairs = (line.partition("=") for line in output.splitlines())
        return {name: value for name, _, value in pairs if name in PROXIES}

    assert shown(run(tmp_path, "Bash", "env", environment=given)) == expected
    script = f"set -eu\n{helper_source('proxies.sh')}env"
    output = subprocess.run(["/bin/bash", "-c", script], env={"PATH": os.environ["PATH"], **given}, capture_output=True)
    assert shown(output.stdout.decode()) == expected
