"""Composed bash files, run by the real bash."""

import base64
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octavo.executor import bash

QUIET = {bash.SUPPRESS_ENVIRONMENT_LOGGING: "True"}


def run(
    folder: Path, script: str, variables: Mapping[str, str] | None = None, parameters: str = "", path: str | None = None
) -> subprocess.CompletedProcess[bytes]:
    file = folder / "Bootstrap.sh"
    file.write_bytes(bash.compose(script, {**QUIET, **(variables or {})}, parameters).encode())
    environment = {**os.environ, **({"PATH": path} if path is not None else {})}
    return subprocess.run(["/bin/bash", str(file)], cwd=folder, capture_output=True, env=environment, timeout=60)


def output(folder: Path, script: str, variables: Mapping[str, str] | None = None, parameters: str = "") -> str:
    result = run(folder, script, variables, parameters)
    assert result.stderr == b""
    return result.stdout.decode()


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "value",
    ["", "a\nb", "$HOME `id` $(id)", "'\"\\", "é 🐙", "\x01\x02\x7f\x1b", "\r\n\t", "x" * 1_048_576, "-n", "%s"],
    ids=["empty", "lines", "expansions", "quotes", "unicode", "control", "returns", "MiB", "option", "format"],
)
def test_a_value_is_given_exactly(tmp_path: Path, value: str) -> None:
    """script-execution 30."""
    assert run(tmp_path, "get_octopusvariable A", {"A": value}).stdout.decode() == value


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1), st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0")), max_size=5))  # fmt: skip
def test_all_values_are_given_exactly(tmp_path_factory: pytest.TempPathFactory, variables: dict[str, str]) -> None:
    """script-execution 30, 37."""
    # Quoted without line ends: those of a script become \n.
    names = "".join(f"get_octopusvariable {bash._ansi_quoted(name)}; printf '\\0'\n" for name in variables)

    result = run(tmp_path_factory.mktemp("run"), names + ": octopus_parameters[x]", variables)

    assert result.stdout.decode().split("\0")[:-1] == list(variables.values())
    assert result.stderr == b""


def test_an_unknown_name_and_another_case_are_empty(tmp_path: Path) -> None:
    """script-execution 30."""
    assert output(tmp_path, 'echo "[$(get_octopusvariable a)]"; get_octopusvariable b', {"A": "x"}) == "[]\n\n"


def test_output_variables_are_announced(tmp_path: Path) -> None:
    """script-execution 31."""
    script = 'set_octopusvariable A "x y"; set_octopusvariable A "" ; set_octopusvariable A s -sensitive'

    assert output(tmp_path, script).splitlines() == [
        f"##octopus[setVariable name='{encoded('A')}' value='{encoded('x y')}']",
        f"##octopus[setVariable name='{encoded('A')}' value='']",
        f"##octopus[setVariable name='{encoded('A')}' value='{encoded('s')}' sensitive='{encoded('True')}']",
    ]


@pytest.mark.parametrize("length", [0, 1, 2, 3, 767, 769, 3001])
def test_messages_need_no_program(tmp_path: Path, length: int) -> None:
    value = ("aé🐙\n" * length)[:length]

    result = run(tmp_path, 'set_octopusvariable A "$(get_octopusvariable V; echo .)"', {"V": value}, path="/nowhere")

    assert f"value='{encoded(value + '.')}'" in result.stdout.decode()
    assert result.stderr == b""


def test_an_artifact_is_announced_with_its_real_path_and_length(tmp_path: Path) -> None:
    """script-execution 32."""
    folder = tmp_path / "dir with blank"
    folder.mkdir()
    (folder / "f.txt").write_text("12345")
    (tmp_path / "link").symlink_to(folder)
    real = os.path.realpath(folder / "f.txt")

    assert output(tmp_path, 'new_octopusartifact "link/f.txt" name').splitlines() == [
        "Collecting link/f.txt as an artifact...",
        "##octopus[stdout-verbose]",
        f"Artifact name will be collected from {real} after this step completes",
        "##octopus[stdout-default]",
        f"##octopus[createArtifact path='{encoded(real)}' name='{encoded('name')}' length='{encoded('5')}']",
    ]


def test_a_missing_artifact_does_not_end_the_script(tmp_path: Path) -> None:
    """script-execution 32."""
    assert output(tmp_path, "set -euo pipefail\nnew_octopusartifact no/file\necho on").endswith("\non\n")


def test_progress_works_under_set_u(tmp_path: Path) -> None:
    """script-execution 33."""
    assert output(tmp_path, "set -u\nupdate_progress 50 msg\nupdate_progress 50").splitlines() == [
        f"##octopus[progress percentage='{encoded('50')}' message='{encoded('msg')}']",
        f"##octopus[progress percentage='{encoded('50')}' message='']",
    ]


@pytest.mark.parametrize(
    ("call", "said"), [('fail_step "why"', f"##octopus[resultMessage message='{encoded('why')}']\n"), ("fail_step", "")]
)
def test_fail_step_ends_with_exit_code_one(tmp_path: Path, call: str, said: str) -> None:
    """script-execution 34."""
    result = run(tmp_path, f"{call}\necho never")

    assert (result.returncode, result.stdout.decode()) == (1, said)


@pytest.mark.parametrize("level", ["verbose", "highlight", "wait", "warning"])
def test_written_text_keeps_its_blanks(tmp_path: Path, level: str) -> None:
    """script-execution 35."""
    assert (
        output(tmp_path, f'write_{level} "a  b\n c"')
        == f"##octopus[stdout-{level}]\na  b\n c\n##octopus[stdout-default]\n"
    )


def test_all_helpers_work_under_the_strictest_settings(tmp_path: Path) -> None:
    """script-execution 36."""
    calls = [
        "get_octopusvariable none", "set_octopusvariable X", "new_octopusartifact Bootstrap.sh", "update_progress 1",
        "write_verbose", "write_highlight", "write_wait", "write_warning", "set_environmentstate k v",
        "set_environmentstate k v -sensitive Url", "set_environmenturl k v", "remove-octopustarget m",
        "new_octopustarget -n x --update-if-existing --roles r", "report_kubernetes_manifest a",
        "encode_servicemessagevalue x",
        "decode_servicemessagevalue eA==", "report_kubernetes_manifest_file none", "log_environment_information",
    ]  # fmt: skip

    assert output(tmp_path, "set -euo pipefail\n" + "\n".join(calls) + "\necho end").endswith("end\n")


def test_an_unknown_option_fails_only_its_call(tmp_path: Path) -> None:
    result = run(tmp_path, "new_octopustarget --nope || echo $?")

    assert (result.stdout, result.returncode) == (b"1\n", 0)
    assert b"unknown option --nope" in result.stderr


def test_a_manifest_is_split_into_documents(tmp_path: Path) -> None:
    assert output(tmp_path, "report_kubernetes_manifest $'a: 1\\n---\\nb: 2\\n' ns").splitlines() == [
        f"##octopus[k8s-manifest-applied manifest='{encoded(text)}' ns='{encoded('ns')}']"
        for text in ("a: 1\n", "b: 2\n\n")
    ]


def test_the_array_equals_the_function(tmp_path: Path) -> None:
    """script-execution 37."""
    name = "Octopus.Action[A b].Output['x'].$Y"
    script = 'n=$(get_octopusvariable N); printf "%s" "${octopus_parameters[$n]}"'

    assert output(tmp_path, script, {"N": name, name: "v'`$"}) == "v'`$"


def test_an_old_bash_has_no_array_and_runs_the_script(tmp_path: Path) -> None:
    """script-execution 37: bash 3.2 knows no `declare -A`."""
    script = "[[ ${#octopus_parameters[@]} == 0 ]] && get_octopusvariable A; : ${octopus_parameters[A]-}"
    composed = bash.compose(script, {**QUIET, "A": "v"})
    file = tmp_path / "Bootstrap.sh"
    file.write_text(composed.replace("BASH_VERSINFO[0]", "3").replace("declare -A", "declare --unknown"))

    result = subprocess.run(["/bin/bash", str(file)], capture_output=True, check=False)

    assert (result.stdout, result.stderr, result.returncode) == (b"v", b"", 0)
    assert "declare -A" in composed


def test_parameters_are_bash_source(tmp_path: Path) -> None:
    """script-execution 24."""
    script = 'for argument; do echo "[$argument]"; done'

    assert output(tmp_path, script, parameters="\"a b\" $HOME 'c'") == f"[a b]\n[{os.environ['HOME']}]\n[c]\n"
    assert output(tmp_path, "echo $#") == "0\n"


@pytest.mark.parametrize(("script", "code"), [("exit 7", 7), ("return 8", 8), ("false", 1), ("(exit 9)", 9), ("", 0)])
def test_the_exit_code_is_the_scripts(tmp_path: Path, script: str, code: int) -> None:
    """script-execution 22."""
    assert run(tmp_path, script).returncode == code


def test_line_ends_of_windows_are_mended(tmp_path: Path) -> None:
    """script-execution 16."""
    assert not bash.compose("\ufeffecho", {}).startswith("\ufeff")
    assert output(tmp_path, "\ufeffif true; then\r\necho a\r\nfi\r\n", parameters="x\r\n") == "a\n"


def test_values_are_neither_on_the_command_line_nor_in_the_environment(tmp_path: Path) -> None:
    """script-execution 28, 45."""
    script = "tr '\\0' '\\n' </proc/$$/cmdline; tr '\\0' '\\n' </proc/$$/environ; env"

    assert "hunter2" not in output(tmp_path, script, {"Password": "hunter2"})


def test_an_error_shows_the_scripts_own_line_only(tmp_path: Path) -> None:
    result = run(tmp_path, "echo a\nif fi", {"Password": "hunter2"})

    assert b"line 3" in result.stderr
    assert b"hunter2" not in result.stderr


@pytest.mark.parametrize(
    ("script", "variables", "parameters"), [("a\0", {}, ""), ("", {"V": "\0"}, ""), ("", {}, "\0")]
)
def test_nul_is_refused(script: str, variables: dict[str, str], parameters: str) -> None:
    with pytest.raises(ValueError, match="NUL character"):
        bash.compose(script, variables, parameters)


def test_the_environment_is_told_unless_suppressed(tmp_path: Path) -> None:
    told = output(tmp_path, "echo a", {bash.SUPPRESS_ENVIRONMENT_LOGGING: "False"})

    assert told.startswith("##octopus[stdout-verbose]\nBash environment:\n")
    assert output(tmp_path, "echo a") == "a\n"
