"""executor/substitute.py: variables in files, which keep their encoding and all else."""

import codecs
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.executor.scripts import StepRefused
from octavo.executor.substitute import substitute_file, substitute_in_files
from octavo.executor.templates import Variables
from octavo.executor.text_files import matching_files

TARGETS = "Octopus.Action.SubstituteInFiles.TargetFiles"


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (b"", "cp1252"),
    ],
)
def test_a_file_keeps_its_encoding_mark_line_ends_and_mode(tmp_path: Path, mark: bytes, encoding: str) -> None:
    """script-execution 77."""
    file = tmp_path / "a.txt"
    file.write_bytes(mark + "é #{Name}\r\n#{Other} ${#x[@]}\n".encode(encoding))
    file.chmod(0o751)

    substitute_file(file, Variables({"Name": "ü"}))

    assert file.read_bytes() == mark + "é ü\r\n#{Other} ${#x[@]}\n".encode(encoding)
    assert file.stat().st_mode & 0o777 == 0o751
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]


@given(data=st.binary())
def test_bytes_that_name_nothing_stay_as_they_are(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.mktemp("any") / "a.bin"
    data = data.replace(b"#{", b"")
    file.write_bytes(data)

    try:
        substitute_file(file, Variables({"A": "b"}))
    except StepRefused:
        assert data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))

    assert file.read_bytes() == data


def test_what_does_not_fit_the_encoding_is_said(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes("é #{Name}".encode("cp1252"))

    with pytest.raises(StepRefused, match="OutputEncoding"):
        substitute_file(file, Variables({"Name": "语"}))
    substitute_file(file, Variables({"Name": "语", "Octopus.Action.SubstituteInFiles.OutputEncoding": "utf-8"}))

    assert file.read_text("utf-8") == "é 语"


def test_what_is_not_known_is_told_and_fails_when_the_step_minds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.txt"
    file.write_text("#{Nobody}")

    substitute_file(file, Variables({}))
    assert "Nobody" in capsys.readouterr().out
    with pytest.raises(StepRefused, match="Nobody"):
        substitute_file(file, Variables({"OctopusShouldFailDeploymentOnSubstitutionFails": "True"}))


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.TXT", ["a.txt"]),
        ("**/*.txt", ["a.txt", "x/b.txt", "x/y/c.txt"]),
        ("x\\*.txt", ["x/b.txt"]),
        ("**/[bc].{txt,json}", ["x/b.txt", "x/y/c.txt"]),
        ("**/[!b].*", ["a.json", "a.txt", "x/y/c.txt"]),
        ("?.json", ["a.json"]),
        ("x/**", ["x/b.txt", "x/y/c.txt"]),
        ("[", []),
        ("nothing", []),
    ],
)
def test_patterns(tmp_path: Path, pattern: str, found: list[str]) -> None:
    for name in ("a.txt", "a.json", "x/b.txt", "x/y/c.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "link.txt").symlink_to("/etc/hostname")

    assert sorted(each.relative_to(tmp_path).as_posix() for each in matching_files(tmp_path, pattern)) == sorted(found)


def test_a_pattern_that_finds_nothing_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("#{Name}")
    variables = {"Name": "x", TARGETS: "*.config\n*.txt"}

    substitute_in_files(tmp_path, variables)
    first = capsys.readouterr().out
    substitute_in_files(tmp_path, variables | {"Octopus.Action.SubstituteInFiles.EnableNoMatchWarning": "False"})

    assert ("'*.config'" in first, "'*.config'" in capsys.readouterr().out) == (True, False)
    assert (tmp_path / "a.txt").read_text() == "x"
