"""Variables in files, encrypted or not, and the script that they describe."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from octavo.executor.variable_files import VariablesRefused, load_variables, read_variables


def encrypt_variables(variables: Mapping[str, str], password: str, iv: bytes) -> bytes:
    """What a server sends: a file of variables that only this password opens."""
    text = json.dumps([{"k": name, "v": value, "s": False} for name, value in variables.items()], separators=(",", ":"))
    padder = padding.PKCS7(128).padder()
    key = hashlib.pbkdf2_hmac("sha1", password.encode(), b"Octopuss", 1000, 32)
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    padded = padder.update(text.encode()) + padder.finalize()
    return b"IV__" + iv + encryptor.update(padded) + encryptor.finalize()


HEAD = "49565f5f000102030405060708090a0b0c0d0e0f"  # IV__ and sixteen bytes
VECTORS = {
    "256": HEAD + "f6cbb0b423ef8682e7e6d790f88d8ab91f2b8e9c42da81df5528ed8eed20c557a081223801edd8a81333efa0b19d629e",
    "128": HEAD + "0ad08a89192b0065cbd30b9e1a36a868f0988f226a7000c71a5e65843a72172534283f4ea0e92ad9a85a05d4b5e08be2",
}


def a_file(folder: Path, content: object, name: str = "variables.json") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


@pytest.mark.parametrize("size", VECTORS)
def test_the_vectors_decrypt(tmp_path: Path, size: str) -> None:
    """script-execution 43"""
    assert read_variables(a_file(tmp_path, bytes.fromhex(VECTORS[size])), "password") == {"Foo": "Bar"}


def test_what_these_tests_encrypt_is_what_the_reference_encrypts() -> None:
    encrypted = encrypt_variables({"Foo": "Bar"}, "password", bytes(range(16)))

    assert encrypted.hex() == VECTORS["256"]


@given(
    st.dictionaries(st.text(max_size=20), st.text(max_size=200), max_size=5),
    st.text(min_size=1),
    st.binary(min_size=16, max_size=16),
)
def test_what_is_encrypted_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, variables: dict[str, str], password: str, iv: bytes
) -> None:
    password, path = password.encode("utf-8", "replace").decode(), tmp_path_factory.mktemp("v") / "f"
    path.write_bytes(encrypt_variables(variables, password, iv))

    assert read_variables(path, password) == variables


@pytest.mark.parametrize(
    ("content", "password"),
    [
        (bytes.fromhex(VECTORS["256"]), "wrong"),
        (bytes.fromhex(VECTORS["256"])[:-1], "password"),
        (b"", "password"),
        (b"IV__", "password"),
        (b"[]", "password"),
        (b"no json", ""),
        ([1, 2], ""),
        ([{"v": "x"}], ""),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, content: object, password: str) -> None:
    """script-execution 43: a wrong password"""
    with pytest.raises(VariablesRefused, match=r"variables\.json"):
        read_variables(a_file(tmp_path, content), password)


def test_later_files_win_names_are_read_in_any_case_and_null_is_not_set(tmp_path: Path) -> None:
    """script-execution 44"""
    first = a_file(tmp_path, [{"k": "A", "v": "1", "s": False}, {"k": "B", "v": "1"}, {"k": "C", "v": "1"}], "1")
    second = a_file(tmp_path, {"a": "2", "c": None}, "2")

    assert {name: value for name, value in load_variables([first, second], "", {}).items() if "." not in name} == {
        "a": "2",
        "B": "1",
    }


def test_the_machine_adds_its_environment_and_what_it_is_told_to(tmp_path: Path) -> None:
    """script-execution 45: `env:PATH` equals the environment."""
    more = a_file(tmp_path, {"From": "more", "env:PATH": "/over"}, "more.json")
    environment = {"PATH": "/bin", "AdditionalVariablesPath": str(more)}

    known = load_variables([], "", environment)

    assert (known["env:AdditionalVariablesPath"], known["From"], known["env:PATH"]) == (str(more), "more", "/over")
    assert load_variables([], "", {"PATH": "/bin"})["env:PATH"] == "/bin"
    with pytest.raises(VariablesRefused, match="gone"):
        load_variables([], "", {"AdditionalVariablesPath": str(tmp_path / "gone")})


# ---- run-script ------------------------------------------------------------------------------------------------------

SCRIPT = "Octopus.Action.Script."


def run_script(folder: Path, variables: dict[str, str], password: str = "") -> subprocess.CompletedProcess[str]:
    quiet = {f"{SCRIPT}SuppressEnvironmentLogging": "True"}
    content = encrypt_variables(quiet | variables, password, os.urandom(16)) if password else quiet | variables
    work = folder / "work"
    work.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "octavo.executor", "run-script", "--variables", str(a_file(folder, content))]
    command += ["--variablesPassword", password] if password else []
    return subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=60, check=False)


def test_a_script_of_encrypted_variables_runs(tmp_path: Path) -> None:
    """script-execution 17, 22 and 43"""
    script = 'echo "#{Name} ##{Name} #{Nope $(get_octopusvariable name)|$1"; exit 7'
    variables = {
        f"{SCRIPT}ScriptBody": script,
        f"{SCRIPT}Syntax": "bash",
        "Name": "Ada",
        f"{SCRIPT}ScriptParameters": "'#{Name} L'",
    }

    result = run_script(tmp_path, variables, "password")

    assert (result.returncode, result.stdout.splitlines()[-1]) == (7, "Ada #{Name} #{Nope |Ada L")
    assert list((tmp_path / "work").iterdir()) == []


def test_a_wrong_password_ends_the_step_with_its_reason(tmp_path: Path) -> None:
    """script-execution 43: exit 1 and a clear error."""
    path = a_file(tmp_path, bytes.fromhex(VECTORS["256"]))
    command = [sys.executable, "-m", "octavo.executor", "run-script", "--variables", str(path)]

    result = subprocess.run(
        [*command, "--variablesPassword", "wrong"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (result.returncode, result.stdout) == (1, "")
    assert "variables.json" in result.stderr
    assert "password" in result.stderr
    assert "Traceback" not in result.stderr


def test_of_scripts_in_several_languages_bash_runs(tmp_path: Path) -> None:
    """script-execution 19"""
    result = run_script(
        tmp_path, {f"{SCRIPT}ScriptBody[PowerShell]": "exit 1", f"{SCRIPT}ScriptBody[Bash]": "echo bash"}
    )

    assert (result.returncode, result.stdout) == (0, "bash\n")


@pytest.mark.parametrize(
    ("variables", "code", "words"),
    [
        ({}, 1, "neither a script nor"),
        ({f"{SCRIPT}ScriptFileName": "gone.sh"}, 1, "gone.sh"),
        ({f"{SCRIPT}ScriptBody": "x", f"{SCRIPT}Syntax": "Cobol"}, 1, "'Cobol' cannot be run"),
        ({f"{SCRIPT}ScriptBody": "x", "A": "#{B}", "B": "#{A}"}, 101, "A"),
    ],
)
def test_what_cannot_run_says_why(tmp_path: Path, variables: dict[str, str], code: int, words: str) -> None:
    """script-execution 21 and 47"""
    result = run_script(tmp_path, variables)

    assert (result.returncode, words in result.stderr) == (code, True), result.stderr


def test_packages_that_were_acquired_are_put_in_their_places(tmp_path: Path) -> None:
    """script-execution 71"""
    archive = tmp_path / "Acme@S1.0@00.zip"
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("f.txt", "inside")
    prefix = "Octopus.Action.Package"
    variables = {
        f"{prefix}[out].OriginalPath": str(archive),
        f"{prefix}[out].Extract": "True",
        f"{prefix}[whole].OriginalPath": str(archive),
        f"{prefix}[whole].Extract": "False",
        f"{prefix}[blank].OriginalPath": " ",
        f"{prefix}[image].OriginalPath": "docker.io/library/x",
        f"{SCRIPT}ScriptBody": f"cat out/f.txt; echo; get_octopusvariable '{prefix}[whole].PackageFileName'; echo",
    }

    result = run_script(tmp_path, variables)

    shown = result.stdout.splitlines()
    assert result.returncode == 0, result.stderr
    assert "inside" in shown
    assert shown[-1] == "whole.zip"
    assert "The package 'blank' was not acquired." in shown
    assert any("'image' is no file here" in line for line in shown)
