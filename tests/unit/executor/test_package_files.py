"""Packages in an agent's `Files` folder: named, found, and made from an older one."""

import base64
import hashlib
import io
import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.executor.commands import main
from octavo.executor.octodiff import read_signature, write_delta, write_signature
from octavo.executor.package_files import CacheName, parse_cache_name

_SOURCE = random.Random(2)
OLD, NEW = _SOURCE.randbytes(9_000), b""
NEW = OLD[:4_000] + b"new" + OLD[4_000:]


def messages_in(output: str) -> list[tuple[str, dict[str, str]]]:
    """The service messages of an output, decoded."""
    return [
        (name, {key: base64.b64decode(value).decode() for key, value in re.findall(r"(\w+)='([^']*)'", rest)})
        for name, rest in re.findall(r"^##octopus\[([\w-]+)([^\]]*)\]$", output, re.MULTILINE)
        if not name.startswith("stdout-")
    ]


def sha1(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TentacleHome", str(tmp_path))
    (tmp_path / "Files" / "feeds-1").mkdir(parents=True)
    return tmp_path / "Files"


def put(files: Path, package_id: str, version: str, data: bytes, folder: str = "") -> Path:
    digits = hashlib.sha256(data).hexdigest()[:32].upper()
    path = files / folder / str(CacheName(package_id, version, ".zip", digits))
    path.write_bytes(data)
    return path


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20), st.sampled_from([".zip", ".tar.gz"]))
def test_cache_names_can_be_taken_apart_again(package_id: str, version: str, extension: str) -> None:
    """script-execution 65: ids with `@`, `/`, `%`, blanks, unicode."""
    name = CacheName(package_id, version, extension, "0123456789ABCDEF" * 2)

    assert not set(str(name)) & set('<>:"/\\|?')
    if "\n" not in package_id + version:
        assert parse_cache_name(str(name)) == name


@pytest.mark.parametrize(
    "name", ["Acme@S1.0@00.zip", "Acme.1.0.zip", f"A@S1@{'0' * 32}.zip.downloading@", f"A@S1@B@{'0' * 32}.zip", ""]
)
def test_other_names_are_not_of_this_kind(name: str) -> None:
    assert parse_cache_name(name) is None


def find(version: str, data: bytes, *more: str) -> int:
    return main(
        ["find-package", "--packageId", "acme", "--packageVersion", version, "--packageHash", sha1(data), *more]
    )


def test_an_exact_package_is_found_wherever_it_lies(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """script-execution 66"""
    put(files, "Acme", "1.0", b"old")
    path = put(files, "Acme", "1.1.0", b"this", folder="feeds-1")

    assert find("1.1", b"this") == 0
    found = messages_in(capsys.readouterr().out)
    assert found[0] == ("calamari-found-package", {})
    assert found[1] == (
        "foundPackage",
        {
            "id": "Acme",
            "version": "1.1.0",
            "versionFormat": "Semver",
            "hash": sha1(b"this"),
            "remotePath": str(path),
            "fileExtension": ".zip",
        },
    )


def test_five_older_ones_are_named_when_it_is_not_there(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """script-execution 66: the same version with other bytes is one of them, a newer one is not."""
    for version in ("1.0", "1.10", "1.2", "1.3", "1.4", "1.9", "2.0"):
        put(files, "Acme", version, version.encode())
    put(files, "Other", "1.1", b"other")

    assert find("1.10", b"this") == 0
    assert [each["version"] for _, each in messages_in(capsys.readouterr().out)] == ["1.10", "1.9", "1.4", "1.3", "1.2"]
    assert find("1.10", b"this", "--exactMatch=True") == 0
    assert messages_in(capsys.readouterr().out) == []


def test_nothing_at_all_is_no_error_but_a_version_that_is_none_is(files: Path) -> None:
    """script-execution 66"""
    assert find("1.0", b"this") == 0
    assert find("no version", b"this") == 1
    with pytest.raises(SystemExit) as ended:
        main(["find-package", "--packageId", "acme"])
    assert ended.value.code == 1


def test_a_download_that_was_cut_is_not_taken_for_a_package(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """script-execution 72"""
    path = put(files, "Acme", "1.0", b"half")
    path.rename(path.with_name(f"{path.name}.downloading"))

    assert find("1.0", b"half") == 0
    assert messages_in(capsys.readouterr().out) == []


def a_delta() -> bytes:
    signature, delta = io.BytesIO(), io.BytesIO()
    write_signature(io.BytesIO(OLD), signature)
    write_delta(read_signature(io.BytesIO(signature.getvalue())), io.BytesIO(NEW), delta)
    return delta.getvalue()


def apply(basis: Path, basis_sha1: str, delta: Path) -> int:
    return main(
        [
            "apply-delta",
            *("--basisFileName", str(basis), "--fileHash", basis_sha1),
            *("--deltaFileName", str(delta), "--newFileName", "Acme.new.zip"),
        ]
    )


def test_a_delta_makes_the_package(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """script-execution 73"""
    basis, delta = put(files, "Acme", "1.0", OLD), files / "d"
    delta.write_bytes(a_delta())

    assert apply(basis, sha1(OLD).upper(), delta) == 0
    assert (files / "Acme.new.zip").read_bytes() == NEW
    expected = {"remotePath": str(files / "Acme.new.zip"), "hash": sha1(NEW), "size": str(len(NEW))}
    assert messages_in(capsys.readouterr().out) == [("deltaVerification", expected)]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda basis, _: basis.write_bytes(NEW), "not the file"),
        (lambda basis, _: basis.unlink(), "No such file"),
        (lambda _, delta: delta.unlink(), "No such file"),
        (lambda _, delta: delta.write_bytes(a_delta()[:-3]), "ends too early"),
        (lambda _, delta: delta.write_bytes(a_delta().replace(b"new", b"NEW")), "not what it was made for"),
    ],
)
def test_what_cannot_be_made_is_said_and_leaves_nothing(
    files: Path, capsys: pytest.CaptureFixture[str], spoil: object, why: str
) -> None:
    """script-execution 73"""
    basis, delta = put(files, "Acme", "1.0", OLD), files / "d"
    delta.write_bytes(a_delta())
    spoil(basis, delta)  # type: ignore[operator]

    assert apply(basis, sha1(OLD), delta) == 0
    [(name, attributes)] = messages_in(capsys.readouterr().out)
    assert (name, list(attributes)) == ("deltaVerification", ["error"])
    assert why in attributes["error"]
    assert not [each for each in files.iterdir() if each.name.startswith("Acme.new")]
