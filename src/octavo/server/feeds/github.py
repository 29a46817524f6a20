"""Releases of GitHub and of servers that answer like it: a tag is a version, an attached archive the package.

A package's id is `owner/repository`. Of the files attached to a release the first `.zip` is the package, else the first
`.tar.gz`, `.tgz` or `.nupkg`, else the archive of the sources. Drafts are left out.
Source: GitHub REST API (releases, assets, search of repositories).
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from urllib.parse import urlencode

from octavo.executor.versions import Version, find_version
from octavo.server.feeds.documents import (
    Unreadable,
    moment_of,
    objects_of,
    read_json,
    read_json_list,
    size_of,
    text_of,
)
from octavo.server.feeds.feed import (
    FeedPackage,
    FeedUnavailable,
    FeedVersion,
    no_such_package,
    no_such_version,
)
from octavo.server.feeds.http import FeedHttp

MOST_PAGES = 10  # of 100 releases each; GitHub shows no more
EXTENSIONS = (".zip", ".tar.gz", ".tgz", ".nupkg")
_ACCEPT = "application/vnd.github+json, application/json"
_ID = re.compile(r"(?!\.)[\w.-]{1,100}/(?!\.\.?$)[\w.-]{1,100}", re.ASCII)

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Release:
    """A version and where its package is."""

    version: FeedVersion
    tag: str
    url: str


class GitHubFeed:
    """One server; on github.com its address is https://api.github.com."""

    def __init__(self, http: FeedHttp) -> None:
        self._http = http

    async def search(self, term: str, skip: int, take: int) -> Sequence[FeedPackage]:
        """The repository of exactly this id, else what the search of repositories finds."""
        if _ID.fullmatch(term):
            answer = await self._http.find_document(self._http.address("repos", term), _ACCEPT)
            found = [] if answer is None else [_package(self._json(answer.data))]
            return found[skip : skip + take]
        if take <= 0 or not term.strip():
            return []
        size = min(take, 100)
        query = urlencode({"q": term, "per_page": size, "page": skip // size + 1})
        answer = await self._http.find_document(self._http.address("search", f"repositories?{query}"), _ACCEPT)
        items = [] if answer is None else objects_of(self._json(answer.data), "items")
        return [_package(each) for each in items if text_of(each, "full_name")][skip % size :][:take]

    async def list_versions(self, package_id: str) -> Sequence[FeedVersion]:
        """The releases whose tags are versions, by SemVer."""
        return [release.version for release in await self._releases(package_id)]

    async def download(self, package_id: str, version: str) -> AsyncIterator[bytes]:
        """The release's package."""
        missing, wanted = no_such_version(package_id, version, self._http.home), find_version(version)
        releases = await self._releases(package_id) if wanted is not None else []
        exact = [each for each in releases if version in (each.version.version, each.tag)]
        alike = [each for each in releases if find_version(each.tag) == wanted]
        if not (exact or alike):
            raise missing
        url = (exact or alike)[0].url
        async with aclosing(self._http.download(url, missing, accept="application/octet-stream")) as chunks:
            async for chunk in chunks:
                yield chunk

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _releases(self, package_id: str) -> list[Release]:
        if not _ID.fullmatch(package_id):
            raise no_such_package(package_id, self._http.home)
        answer = await self._http.find_document(
            self._http.address("repos", package_id, "releases?per_page=100"), _ACCEPT
        )
        if answer is None:
            raise no_such_package(package_id, self._http.home)
        found = releases_in(self._list(answer.data), package_id)
        for _ in range(MOST_PAGES - 1):
            answer = await self._http.find_document(answer.next_url, _ACCEPT) if answer and answer.next_url else None
            found += releases_in(self._list(answer.data), package_id) if answer else []
        return newest_first(found)

    def _json(self, data: bytes) -> Json:
        try:
            return read_json(data)
        except Unreadable as error:
            raise self._misunderstood(error) from error

    def _list(self, data: bytes) -> Sequence[Json]:
        try:
            return read_json_list(data)
        except Unreadable as error:
            raise self._misunderstood(error) from error

    def _misunderstood(self, error: Unreadable) -> FeedUnavailable:
        return FeedUnavailable(
            f"The feed {self._http.home} did not answer as GitHub's API does: {error}. "
            "For github.com the address is https://api.github.com."
        )


def releases_in(page: Sequence[Json], package_id: str) -> list[Release]:
    """The releases on a page that have a version and a file."""
    found = [_release(each, package_id) for each in page if each.get("draft") is not True]
    return [release for release in found if release is not None]


def newest_first(releases: Sequence[Release]) -> list[Release]:
    """By SemVer; of tags like `v1.0` and `1.0` that are the same version the first."""
    by_version: dict[Version, Release] = {}
    for each in releases:
        if version := find_version(each.tag):
            by_version.setdefault(version, each)
    return [by_version[version] for version in sorted(by_version, reverse=True)]


def _release(release: Json, package_id: str) -> Release | None:
    tag = text_of(release, "tag_name")
    if find_version(tag) is None:
        return None
    url, extension, size = _file(release)
    if not url:
        return None
    return Release(
        FeedVersion(
            package_id,
            tag[1:] if tag[:1] in ("v", "V") else tag,
            extension,
            moment_of(release, "published_at"),
            size,
            release_notes=text_of(release, "body"),
            title=text_of(release, "name"),
        ),
        tag,
        url,
    )


def _file(release: Json) -> tuple[str, str, int | None]:
    """Address, extension and size of a release's package."""
    for extension in EXTENSIONS:
        for asset in objects_of(release, "assets"):
            # The asset's own address also serves private repositories; what people click serves browsers only.
            url = text_of(asset, "url") or text_of(asset, "browser_download_url")
            if url and text_of(asset, "name").lower().endswith(extension):
                return url, extension, size_of(asset, "size")
    return text_of(release, "zipball_url"), ".zip", None


def _package(repository: Json) -> FeedPackage:
    return FeedPackage(text_of(repository, "full_name"), text_of(repository, "description"))
