"""Extraction: what comes out, and every way an archive may try to get out."""

import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from backports import zstd

from octavo.executor.extract import ArchiveLimits, ExtractionRefused, check_zip, extract, safe_parts

WRITERS = {".tar": "w:", ".tar.gz": "w:gz", ".tgz": "w:gz", ".tar.bz2": "w:bz2", ".tar.xz": "w:xz"}
CLIMBING = ["../x", "a/../../x", "/etc/x", "..\\x", "C:\\x", "\\x", "a\\..\\..\\x"]


def a_zip(folder: Path, members: dict[str, bytes], name: str = "p.zip", mode: int = 0) -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members.items():
            info = zipfile.ZipInfo(member, (2020, 2, 4, 6, 8, 10))
            info.filename = member  # ZipInfo would mend backslashes
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = mode << 16
            archive.writestr(info, data)
    return path


def a_tar(folder: Path, member: tarfile.TarInfo, data: bytes = b"", name: str = "p.tar") -> Path:
    with tarfile.open(folder / name, WRITERS[name[1:]]) as archive:  # type: ignore[call-overload]
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return folder / name


def never_warns(text: str) -> None:
    raise AssertionError(text)


def unpack(archive: Path, target: Path, warn: Callable[[str], None] = never_warns, **limits: int) -> int:
    return extract(archive, archive.name, target, warn, ArchiveLimits(**limits))


def test_a_zip_comes_out_with_its_folders_and_times(tmp_path: Path) -> None:
    """script-execution 69."""
    archive = a_zip(tmp_path, {"a/b.txt": b"one", "empty/": b"", "c": b""})

    assert unpack(archive, tmp_path / "out") == 2
    assert (tmp_path / "out/a/b.txt").read_bytes() == b"one"
    assert (tmp_path / "out/empty").is_dir()
    assert (tmp_path / "out/c").stat().st_mtime == datetime(2020, 2, 4, 6, 8, 10).timestamp()  # a ZIP has local times


@pytest.mark.parametrize("extension", WRITERS)
def test_each_kind_of_tar_comes_out(tmp_path: Path, extension: str) -> None:
    """script-execution 69."""
    member = tarfile.TarInfo("a/run.sh")
    member.mtime, member.mode = 1_500_000_000, 0o755
    archive = a_tar(tmp_path, member, b"x" * 100_000, f"p{extension}")

    assert unpack(archive, tmp_path / "out") == 1
    file = tmp_path / "out/a/run.sh"
    assert (file.stat().st_size, file.stat().st_mtime) == (100_000, 1_500_000_000)
    assert os.access(file, os.X_OK)


def test_existing_files_are_overwritten(tmp_path: Path) -> None:
    """script-execution 69."""
    archive = a_zip(tmp_path, {"f": b"new"})
    (tmp_path / "out").mkdir()
    (tmp_path / "out/f").write_bytes(b"old and longer")

    unpack(archive, tmp_path / "out")

    assert (tmp_path / "out/f").read_bytes() == b"new"


def test_metadata_of_nuget_stays_inside(tmp_path: Path) -> None:
    """script-execution 68."""
    names = ["_rels/.rels", "package/services/metadata/x", "[Content_Types].xml", "A.nuspec", "A.nupkg.sha512"]
    archive = a_zip(tmp_path, dict.fromkeys([*names, "lib/A%20b.nuspec"], b"x"), "p.nupkg")

    assert unpack(archive, tmp_path / "out") == 1
    assert (tmp_path / "out/lib/A b.nuspec").is_file()


@pytest.mark.parametrize("name", CLIMBING)
def test_a_zip_that_climbs_out_is_refused(tmp_path: Path, name: str) -> None:
    """script-execution 67: nothing is written outside; the message names the member."""
    archive = a_zip(tmp_path, {"ok": b"", name: b"x"})

    for refuse in (lambda: check_zip(archive), lambda: unpack(archive, tmp_path / "in/out")):
        with pytest.raises(ExtractionRefused, match="outside the package's folder") as refused:
            refuse()
        assert repr(name) in str(refused.value)
    assert {file.name for file in (tmp_path / "in").rglob("*")} <= {"out", "ok"}


@pytest.mark.parametrize("name", CLIMBING)
def test_a_tar_that_climbs_out_is_refused(tmp_path: Path, name: str) -> None:
    """script-execution 67."""
    with pytest.raises(ExtractionRefused, match="outside the package's folder"):
        unpack(a_tar(tmp_path, tarfile.TarInfo(name), b"x"), tmp_path / "in/out")


def test_a_nupkg_cannot_hide_its_climbing(tmp_path: Path) -> None:
    """script-execution 67, 68."""
    with pytest.raises(ExtractionRefused, match="outside"):
        unpack(a_zip(tmp_path, {"%2e%2e/x": b"x"}, "p.nupkg"), tmp_path / "in/out")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_links_are_left_out_with_a_warning_each(tmp_path: Path, kind: bytes) -> None:
    """script-execution 67."""
    member = tarfile.TarInfo("link")
    member.type, member.linkname = kind, "/etc/passwd"
    warnings: list[str] = []

    assert unpack(a_tar(tmp_path, member), tmp_path / "out", warnings.append) == 0
    assert warnings == ["The member 'link' is a link and was left out."]
    assert not os.path.lexists(tmp_path / "out/link")


def test_a_link_in_a_zip_is_left_out(tmp_path: Path) -> None:
    """script-execution 67."""
    warnings: list[str] = []
    archive = a_zip(tmp_path, {"link": b"/etc/passwd"}, mode=stat.S_IFLNK | 0o777)

    assert unpack(archive, tmp_path / "out", warnings.append) == 0
    assert len(warnings) == 1


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_and_pipes_are_refused(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("dev/null")
    member.type = kind

    with pytest.raises(ExtractionRefused, match="'dev/null' is a device or a pipe"):
        unpack(a_tar(tmp_path, member), tmp_path / "out")


def test_a_link_that_is_there_already_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "out/folder").symlink_to(tmp_path / "outside")
    (tmp_path / "out/file").symlink_to(tmp_path / "outside/file")

    for name in ("folder/x", "folder/sub/x", "file"):
        with pytest.raises(ExtractionRefused, match=name):
            unpack(a_zip(tmp_path, {name: b"x"}), tmp_path / "out")
    assert not [file for file in (tmp_path / "outside").rglob("*") if file.is_file()]


def test_bombs_are_refused_by_ratio_size_and_count(tmp_path: Path) -> None:
    archive = a_zip(tmp_path, {"bomb": bytes(2_000_000), "b": b"", "c": b""})

    with pytest.raises(ExtractionRefused, match="'bomb': is it an archive bomb"):
        unpack(archive, tmp_path / "1", ratio=10, ratio_from_bytes=1000)
    with pytest.raises(ExtractionRefused, match="'bomb': is it an archive bomb"):
        unpack(archive, tmp_path / "2", size_bytes=1_000_000)
    with pytest.raises(ExtractionRefused, match="more than 2 members"):
        unpack(archive, tmp_path / "3", members=2)


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    archive = a_zip(tmp_path, {"secret": b"x"})
    data = bytearray(archive.read_bytes())
    data[6] |= 1  # the flag in the member's header,
    data[data.index(b"PK\x01\x02") + 8] |= 1  # and in the list of members
    archive.write_bytes(data)

    with pytest.raises(ExtractionRefused, match="'secret' is encrypted"):
        unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("name", ["p.zip", "p.tar", "p.tar.gz", "p.tar.bz2", "p.tar.xz", "p.exe"])
def test_what_is_no_archive_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"this is no archive" * 100)

    with pytest.raises(ExtractionRefused, match=name):
        unpack(tmp_path / name, tmp_path / "out")


@pytest.mark.parametrize("name", ["p.zip", "p.tar.gz", "p.tar.xz", "p.tar.bz2"])
def test_a_cut_archive_is_refused(tmp_path: Path, name: str) -> None:
    data = os.urandom(100_000)
    archive = a_zip(tmp_path, {"f": data}) if name == "p.zip" else a_tar(tmp_path, tarfile.TarInfo("f"), data, name)
    archive.write_bytes(archive.read_bytes()[:50_000])

    with pytest.raises(ExtractionRefused, match="damaged"):
        unpack(archive, tmp_path / "out")


def test_harmless_names_are_taken_apart() -> None:
    assert safe_parts("./a//b\\c") == ("a", "b", "c")
    assert safe_parts("a..b/...") == ("a..b", "...")


@pytest.mark.parametrize("extension", [".tar.zst", ".tzst"])
def test_a_tar_packed_with_zstd_comes_out(tmp_path: Path, extension: str) -> None:
    plain = a_tar(tmp_path, tarfile.TarInfo("a/run.sh"), b"x" * 100_000, "p.tar")
    packed = tmp_path / f"p{extension}"
    packed.write_bytes(zstd.compress(plain.read_bytes()))

    assert unpack(packed, tmp_path / "out") == 1
    assert (tmp_path / "out/a/run.sh").read_bytes() == b"x" * 100_000


def test_a_damaged_zstd_tar_is_refused(tmp_path: Path) -> None:
    packed = tmp_path / "p.tar.zst"
    packed.write_bytes(b"\x28\xb5\x2f\xfd" + bytes(50))

    with pytest.raises(ExtractionRefused, match="damaged"):
        unpack(packed, tmp_path / "out")


def test_a_machine_without_zstd_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("octavo.executor.extract.zstd_module", lambda: None)
    packed = tmp_path / "p.tar.zst"
    packed.write_bytes(b"")

    with pytest.raises(ExtractionRefused, match=r"backports\.zstd"):
        unpack(packed, tmp_path / "out")
