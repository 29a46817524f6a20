"""Releases, read."""

import pytest

from octavo.server.feeds.github import newest_first, releases_in


def release(tag: str, *assets: str) -> dict[str, object]:
    files = [{"name": name, "browser_download_url": f"https://files.example/{name}"} for name in assets]
    return {"tag_name": tag, "assets": files, "zipball_url": f"https://files.example/sources/{tag}"}


@pytest.mark.parametrize(
    ("assets", "extension", "name"),
    [
        (("web.tar.gz", "Web.ZIP"), ".zip", "Web.ZIP"),
        (("web.nupkg", "web.tar.gz"), ".tar.gz", "web.tar.gz"),
        (("web.nupkg",), ".nupkg", "web.nupkg"),
        (("web.deb",), ".zip", "sources/v1.0"),
        ((), ".zip", "sources/v1.0"),
    ],
)
def test_the_package_is_the_best_archive(assets: tuple[str, ...], extension: str, name: str) -> None:
    (found,) = releases_in([release("v1.0", *assets)], "acme/web")

    assert (found.version.extension, found.url) == (extension, f"https://files.example/{name}")


def test_tags_that_spell_one_version_are_one() -> None:
    found = newest_first(releases_in([release("v1.0"), release("1.0"), release("V1.1"), release("x")], "acme/web"))

    assert [(each.version.version, each.tag) for each in found] == [("1.1", "V1.1"), ("1.0", "v1.0")]
