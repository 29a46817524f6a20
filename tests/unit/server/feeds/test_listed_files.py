"""Files with telling names, read as packages."""

from datetime import UTC, datetime

import pytest

from octavo.server.feeds.listed_files import ListedFile, files_of, find_folder, packages_in

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)


def files(*paths: str) -> list[ListedFile]:
    return [ListedFile(path, len(path), MOMENT) for path in paths]


@pytest.mark.parametrize(
    ("package_id", "folder"),
    [
        ("Acme.Web", ""),
        ("a/b c/Acme.Web", "a/b c"),
        ("/Acme.Web", None),
        ("a//Acme.Web", None),
        ("../Acme.Web", None),
        ("a/./Acme.Web", None),
        ("a/ /Acme.Web", None),
        ("a\0/Acme.Web", None),
        ("a/", None),
        ("", None),
    ],
)
def test_an_id_says_where_its_files_lie(package_id: str, folder: str | None) -> None:
    assert find_folder(package_id) == folder


def test_packages_are_found_by_a_part_of_their_id_and_have_their_newest_version() -> None:
    found = packages_in(
        files("a/Web.1.9.zip", "a/Web.1.10.zip", "Web.2.0.zip", "Other.1.0.zip", "notes.txt"), "WEB", 0, 9
    )

    assert [(each.package_id, each.latest_version) for each in found] == [("a/Web", "1.10"), ("Web", "2.0")]


def test_pages_of_a_search_do_not_overlap() -> None:
    listed = files(*(f"P{number}.1.0.zip" for number in range(5)))

    pages = [packages_in(listed, "p", skip, 2) for skip in (0, 2, 4, 6)]

    assert [each.package_id for page in pages for each in page] == ["P0", "P1", "P2", "P3", "P4"]


def test_versions_are_those_of_the_folder_only() -> None:
    found = files_of(files("a/Web.1.9.zip", "a/Web.1.10.nupkg", "Web.2.0.zip", "a/Web.Api.3.0.zip"), "a/Web")

    assert [(version.version, version.extension, file.path) for version, file in found] == [
        ("1.10", ".nupkg", "a/Web.1.10.nupkg"),
        ("1.9", ".zip", "a/Web.1.9.zip"),
    ]
    assert (found[0][0].published_at, found[0][0].size_bytes) == (MOMENT, len("a/Web.1.10.nupkg"))


@pytest.mark.parametrize("reverse", [False, True])
def test_of_files_of_one_version_always_the_same_counts(reverse: bool) -> None:
    listed = files("Web.1.0.zip", "Web.1.0.0.zip", "Web.1.0.tar.gz")

    ((_, file),) = files_of(reversed(listed) if reverse else listed, "Web")

    assert file.path == "Web.1.0.tar.gz"
