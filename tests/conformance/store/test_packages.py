"""store/packages.py and store/artifacts.py on both databases."""

from datetime import UTC, datetime, timedelta

import pytest

from octavo.base.errors import Conflict
from octavo.executor.versions import parse_version
from octavo.server.store import Store
from octavo.server.store.artifacts import (
    ArtifactQuery,
    StoredArtifact,
    delete_artifact,
    find_artifact,
    insert_artifact,
    list_artifacts,
    rename_artifact,
    set_artifact_content,
)
from octavo.server.store.packages import (
    PackageQuery,
    StoredPackage,
    count_packages,
    delete_package,
    find_content,
    find_latest,
    find_package,
    find_version,
    insert_package,
    list_packages,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def a_package(package_id: str = "Acme.Web", version: str = "1.0", space_id: str = "Spaces-1") -> StoredPackage:
    return StoredPackage(
        id=f"packages-{package_id}.{version}",
        space_id=space_id,
        package_id=package_id,
        version=version,
        version_key=parse_version(version).sort_key,
        extension=".zip",
        size_bytes=2**40,
        sha1="a" * 40,
        sha256="b" * 64,
        blob_name="packages/x",
        published_at=NOW,
    )


async def filled(store: Store, *stored: StoredPackage) -> None:
    async with store.writing() as connection:
        for package in stored:
            await insert_package(connection, package)


async def test_a_package_comes_back_as_it_was(store: Store) -> None:
    package = a_package()
    await filled(store, package)

    async with store.reading() as connection:
        assert await find_package(connection, "Spaces-1", "Packages-acme.web.1.0") == package
        assert await find_content(connection, "b" * 64) == package
        assert await find_package(connection, "Spaces-2", package.id) is None


async def test_equal_versions_are_one_package(store: Store) -> None:
    await filled(store, a_package(version="1.0"))

    with pytest.raises(Conflict, match="A package with the same name and version already exists"):
        await filled(store, a_package("ACME.web", "1.0.0+build"))
    async with store.reading() as connection:
        assert await find_version(connection, "Spaces-1", "acme.WEB", parse_version("1.0.0.0").sort_key)


async def test_spaces_do_not_see_each_other(store: Store) -> None:
    await filled(store, a_package(), a_package(space_id="Spaces-2"))

    async with store.reading() as connection:
        found, total = await list_packages(connection, PackageQuery("Spaces-2"))
        assert ([package.space_id for package in found], total) == (["Spaces-2"], 1)
        assert await count_packages(connection) == 2


async def test_versions_are_listed_newest_first_whatever_the_collation(store: Store) -> None:
    versions = ["1.0", "1.10", "1.9", "1.10-beta", "1.10-Alpha.2", "1.10-alpha.10", "2024.01.05"]
    await filled(store, *(a_package(version=version) for version in versions), a_package("Other", "9"))

    async with store.reading() as connection:
        found, total = await list_packages(connection, PackageQuery("Spaces-1", ("ACME.WEB",), take=None))
        latest = await find_latest(connection, "Spaces-1", "acme.web")

    assert [package.version for package in found] == [
        "2024.01.05", "1.10", "1.10-beta", "1.10-alpha.10", "1.10-Alpha.2", "1.9", "1.0"]  # fmt: skip
    assert (total, latest and latest.version) == (7, "2024.01.05")


async def test_pages_parts_of_ids_and_latest_versions(store: Store) -> None:
    await filled(store, *(a_package(name, v) for name in ("A_b", "Axb", "C") for v in ("1", "2")))

    async with store.reading() as connection:
        latest, total = await list_packages(connection, PackageQuery("Spaces-1", is_latest_only=True))
        part, _ = await list_packages(connection, PackageQuery("Spaces-1", id_part="a_B"))
        page, whole = await list_packages(connection, PackageQuery("Spaces-1", skip=4, take=1))

    assert ([package.id for package in latest], total) == (["packages-A_b.2", "packages-Axb.2", "packages-C.2"], 3)
    assert [package.id for package in part] == ["packages-A_b.2", "packages-A_b.1"]
    assert ([package.id for package in page], whole) == (["packages-C.2"], 6)


async def test_a_deleted_package_is_gone(store: Store) -> None:
    await filled(store, a_package(), a_package(space_id="Spaces-2"))

    async with store.writing() as connection:
        await delete_package(connection, a_package())

    async with store.reading() as connection:
        assert await count_packages(connection) == 1


async def test_artifacts_live_and_end(store: Store) -> None:
    artifact = StoredArtifact("Artifacts-1", "Spaces-1", "log.txt", NOW, task_id="ServerTasks-1")
    later = StoredArtifact("Artifacts-2", "Spaces-1", "100%.txt", NOW + timedelta(seconds=1))
    async with store.writing() as connection:
        await insert_artifact(connection, artifact)
        await insert_artifact(connection, later)
        await set_artifact_content(connection, artifact, 3, "c" * 64, "artifacts/x")
        await rename_artifact(connection, artifact, "new.txt")

    async with store.reading() as connection:
        found = await find_artifact(connection, "Spaces-1", "artifacts-1")
        everything, total = await list_artifacts(connection, ArtifactQuery("Spaces-1"))
        of_task, _ = await list_artifacts(connection, ArtifactQuery("Spaces-1", task_ids=["ServerTasks-1"]))
        by_name, _ = await list_artifacts(connection, ArtifactQuery("Spaces-1", name_part="0%.T"))
    async with store.writing() as connection:
        await delete_artifact(connection, later)

    assert found is not None
    assert (found.file_name, found.size_bytes, found.blob_name) == ("new.txt", 3, "artifacts/x")
    assert ([each.id for each in everything], total) == (["Artifacts-2", "Artifacts-1"], 2)
    assert ([each.id for each in of_task], [each.id for each in by_name]) == (["Artifacts-1"], ["Artifacts-2"])
    async with store.reading() as connection:
        assert await find_artifact(connection, "Spaces-1", "Artifacts-2") is None
