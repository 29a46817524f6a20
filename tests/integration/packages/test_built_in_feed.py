"""Pushing, finding and deleting packages, by the operations on a real store and real blobs."""

import io
import tarfile
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from octavo.base.clock import SystemClock
from octavo.base.errors import Conflict, Invalid, NotFound
from octavo.server.blobs import BlobStore
from octavo.server.bus import Bus
from octavo.server.domain.tasks import TaskKind
from octavo.server.domain.vault import Vault, new_key
from octavo.server.feeds.open_feeds import OpenFeeds
from octavo.server.operations.context import SYSTEM, OperationContext, Parts
from octavo.server.operations.packages import (
    OverwriteMode,
    PackageReference,
    Pushed,
    VersionFilter,
    delete_packages,
    find_content,
    get_package,
    list_versions,
    parse_overwrite_mode,
    push_package,
    resolve_references,
)
from octavo.server.operations.task_plans import frozen_arguments, package_references
from octavo.server.packages import reception
from octavo.server.store import Store

FAIL, OVERWRITE, IGNORE = OverwriteMode.FAIL_IF_EXISTS, OverwriteMode.OVERWRITE_EXISTING, OverwriteMode.IGNORE_IF_EXISTS


@pytest.fixture
def context(sqlite_store: Store, bus: Bus, blobs: BlobStore) -> OperationContext:
    vault = Vault({"1": new_key()}, "1")
    return OperationContext(
        Parts(sqlite_store, bus, blobs, SystemClock(), vault, OpenFeeds(SystemClock())), SYSTEM, "Spaces-1"
    )


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


async def in_pieces(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def a_zip(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name), text)  # a fixed time: the same text gives the same bytes
    return buffer.getvalue()


def a_nupkg(nuspec: str) -> bytes:
    return a_zip(**{"Acme.nuspec": nuspec})


async def push(
    context: OperationContext, spool: Path, data: bytes, name: str = "Acme.1.0.zip", mode: OverwriteMode = FAIL
) -> Pushed:
    return await push_package(context, name, in_pieces(data), mode, spool)


def everything_in(*folders: Path) -> list[Path]:
    return [file for folder in folders for file in folder.rglob("*") if file.is_file()]


async def test_a_pushed_package_is_there_with_its_bytes(context: OperationContext, spool: Path) -> None:
    data = a_zip(f="x" * 5000)

    pushed = await push(context, spool, data)

    package = await get_package(context, "packages-Acme.1.0")
    assert (pushed.package, pushed.is_stored, package.size_bytes) == (package, True, len(data))
    assert b"".join([chunk async for chunk in context.blobs.read(package.blob_name)]) == data
    assert everything_in(spool) == []


async def test_the_modes_decide_when_the_version_is_there(
    context: OperationContext, spool: Path, tmp_path: Path
) -> None:
    first = await push(context, spool, a_zip(f="1"))

    with pytest.raises(Conflict, match="A package with the same name and version already exists"):
        await push(context, spool, a_zip(f="2"))
    ignored = await push(context, spool, a_zip(f="3"), mode=IGNORE)
    assert (ignored.package, ignored.is_stored) == (first.package, False)
    overwritten = await push(context, spool, a_zip(f="4"), "acme.1.0.0.zip", OVERWRITE)

    assert overwritten.is_stored
    assert (await find_content(context.store, overwritten.package.sha256)) == overwritten.package
    assert await find_content(context.store, first.package.sha256) is None
    assert len(everything_in(tmp_path / "blobs", spool)) == 1


async def test_equal_bytes_under_two_names_do_not_share_their_end(context: OperationContext, spool: Path) -> None:
    await push(context, spool, a_zip(f="1"), "A.1.zip")
    other = await push(context, spool, a_zip(f="1"), "B.1.zip")

    await delete_packages(context, ["packages-A.1", "packages-none.1"])

    assert await context.blobs.size(other.package.blob_name) == other.package.size_bytes
    with pytest.raises(NotFound, match=r"packages-A\.1"):
        await get_package(context, "packages-A.1")


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "C:\\x"])
async def test_a_zip_that_climbs_out_is_refused(
    context: OperationContext, spool: Path, tmp_path: Path, name: str
) -> None:
    """script-execution 67: the message names the member, nothing is kept."""
    with pytest.raises(Invalid, match="outside the package's folder") as refused:
        await push(context, spool, a_zip(**{name: "x"}))

    assert repr(name) in str(refused.value)
    assert everything_in(tmp_path / "blobs", spool) == []


@pytest.mark.parametrize("name", ["Acme.zip", "Acme.1.0.exe"])
async def test_a_name_without_id_and_version_is_refused(context: OperationContext, spool: Path, name: str) -> None:
    with pytest.raises(Invalid, match="does not tell"):
        await push(context, spool, a_zip(), name)


async def test_what_is_no_zip_is_refused(context: OperationContext, spool: Path) -> None:
    with pytest.raises(Invalid, match="damaged or no ZIP"):
        await push(context, spool, b"no zip at all")


async def test_a_tar_is_taken_as_it_is(context: OperationContext, spool: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("x"))

    assert (await push(context, spool, buffer.getvalue(), "Acme.1.0.tar.gz")).package.extension == ".tar.gz"


async def test_a_nupkg_is_what_its_nuspec_says(context: OperationContext, spool: Path) -> None:
    nuspec = (
        '<package xmlns="urn:x"><metadata><id>Real.2</id><version>3.0-beta</version>'
        "<description>What</description><releaseNotes>New</releaseNotes></metadata></package>"
    )

    package = (await push(context, spool, a_nupkg(nuspec), "other.1.0.nupkg")).package

    assert (package.package_id, package.version, package.description) == ("Real.2", "3.0-beta", "What")
    assert (await get_package(context, "packages-Real.2.3.0-beta")).release_notes == "New"


@pytest.mark.parametrize(
    "nuspec",
    [
        "<not xml",
        '<!DOCTYPE x [<!ENTITY a "b">]><package/>',
        "<package><id>A</id></package>",
        "<p><id>a/b</id><version>1</version></p>",
    ],
)
async def test_a_nuspec_that_cannot_be_right_is_refused(context: OperationContext, spool: Path, nuspec: str) -> None:
    with pytest.raises(Invalid, match="nuspec"):
        await push(context, spool, a_nupkg(nuspec), "A.1.0.nupkg")


async def test_a_push_that_breaks_off_leaves_nothing(context: OperationContext, spool: Path, tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(2_000_000)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await push_package(context, "Acme.1.0.zip", broken(), FAIL, spool)

    assert everything_in(tmp_path / "blobs", spool) == []


async def test_a_file_that_is_too_large_is_refused(spool: Path) -> None:
    with pytest.raises(Invalid, match="larger than 2999 bytes"):
        async with reception.receive(in_pieces(bytes(3000)), spool, most_bytes=2999):
            pass
    assert everything_in(spool) == []


async def test_versions_are_filtered_and_newest_first(context: OperationContext, spool: Path) -> None:
    for version in ("1.0", "1.9", "1.10", "2.0-beta.1", "2.0-rc"):
        await push(context, spool, a_zip(), f"Acme.{version}.zip")

    async def versions(**wanted: object) -> list[str]:
        found = await list_versions(context, "acme", VersionFilter(**wanted))  # type: ignore[arg-type]
        return [package.version for package in found]

    assert await versions() == ["2.0-rc", "2.0-beta.1", "1.10", "1.9", "1.0"]
    assert await versions(include_pre_release=False) == ["1.10", "1.9", "1.0"]
    assert await versions(version_range="[1.0,1.10)") == ["1.9", "1.0"]
    assert await versions(pre_release_tag="^beta") == ["2.0-beta.1"]
    assert await versions(text="1.1") == ["1.10"]


@pytest.mark.parametrize("tag", ["(a+)+$", "(", "a*b*c*d*", "x" * 101])
async def test_an_expression_that_could_run_long_is_refused(context: OperationContext, tag: str) -> None:
    with pytest.raises(Invalid):
        await list_versions(context, "acme", VersionFilter(pre_release_tag=tag))


async def test_references_are_frozen_to_versions(context: OperationContext, spool: Path) -> None:
    await push(context, spool, a_zip(f="old"), "Acme.1.0.zip")
    await push(context, spool, a_zip(f="new"), "Acme.1.1.zip")

    newest, named = await resolve_references(
        context, [PackageReference("acme"), PackageReference("Acme", "1.0.0", "old", extract=False)], spool
    )

    assert (newest.version, newest.reference, newest.extract) == ("1.1", "", True)
    assert (named.version, named.reference, named.extract) == ("1.0", "old", False)


@pytest.mark.parametrize(
    ("references", "reason"),
    [
        ([PackageReference("None")], "no package None. Push it first"),
        ([PackageReference("Acme", "9.9")], r"no package Acme 9\.9"),
        ([PackageReference("Acme", "x")], "Acme: 'x' is not a version"),
        ([PackageReference("A", name="n"), PackageReference("B", name="N")], "the same name"),
    ],
)
async def test_references_that_mean_nothing_are_refused(
    context: OperationContext, spool: Path, references: list[PackageReference], reason: str
) -> None:
    with pytest.raises(Invalid, match=reason):
        await resolve_references(context, references, spool)


async def test_a_queued_script_keeps_the_version_that_was_newest_when_it_was_queued(
    context: OperationContext, spool: Path
) -> None:
    await push(context, spool, a_zip(f="old"), "Acme.1.0.zip")
    arguments = {"ScriptBody": "echo", "PackageReferences": [{"PackageId": "acme", "Name": "a", "Extract": "False"}]}

    frozen = await frozen_arguments(context, TaskKind.AD_HOC_SCRIPT, arguments)
    await push(context, spool, a_zip(f="new"), "Acme.1.1.zip")

    assert package_references(frozen) == [PackageReference("acme", "1.0", "a", extract=False)]


@pytest.mark.parametrize(
    ("references", "reason"),
    [
        ("Acme", "must be a list"),
        (["Acme"], "must be a list of objects"),
        ([{"Version": "1.0"}], "has no PackageId"),
        ([{"PackageId": "Acme", "Extract": "perhaps"}], "Use True or False"),
    ],
)
def test_references_that_cannot_be_read_are_refused(references: object, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        package_references({"PackageReferences": references})


def test_overwrite_modes_in_both_spellings() -> None:
    assert parse_overwrite_mode(None, None) is FAIL
    assert parse_overwrite_mode(None, "true") is OVERWRITE
    assert parse_overwrite_mode("ignoreifexists", "true") is IGNORE
    with pytest.raises(Invalid, match="FailIfExists, OverwriteExisting, IgnoreIfExists"):
        parse_overwrite_mode("maybe", None)
