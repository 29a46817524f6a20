"""npm registries: one document a package, tarballs with their digests.

Source: npm registry documentation (REGISTRY-API, package-metadata), Subresource Integrity for `dist.integrity`.
"""

import base64
import binascii
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from urllib.parse import quote, urlencode, urljoin

from octavo.server.feeds.documents import Unreadable, moment_of, object_of, objects_of, read_json, text_of
from octavo.server.feeds.feed import (
    FeedPackage,
    FeedUnavailable,
    FeedVersion,
    no_such_package,
    no_such_version,
)
from octavo.server.feeds.http import DocumentTooLarge, FeedHttp, verified
from octavo.server.feeds.nuget import newest_first

EXTENSION = ".tgz"
#: Without times, but a fraction of the size.
ABBREVIATED = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8"
_NAME = re.compile(r"(@[\w.~-]+/)?[\w~-][\w.~-]*", re.ASCII)
_STRONGEST_FIRST = ("sha512", "sha384", "sha256", "sha1")

Json = Mapping[str, object]


class NpmFeed:
    """One registry."""

    def __init__(self, http: FeedHttp) -> None:
        self._http = http

    async def search(self, term: str, skip: int, take: int) -> Sequence[FeedPackage]:
        """What the registry's search finds; the package of exactly this name where a registry has no search."""
        query = urlencode({"text": term, "from": skip, "size": take})
        answer = await self._http.find_document(self._http.address("-", f"v1/search?{query}"))
        if answer is not None:
            return packages_in(self._json(answer.data))[:take]
        found = await self._find_package(term, ABBREVIATED) if skip == 0 else None
        latest = text_of(object_of(found or {}, "dist-tags"), "latest")
        return [FeedPackage(term, text_of(found, "description"), latest)][:take] if found else []

    async def list_versions(self, package_id: str) -> Sequence[FeedVersion]:
        """All versions by SemVer; without times when the whole document is too large."""
        try:
            found = await self._find_package(package_id, "application/json")
        except DocumentTooLarge:
            found = await self._find_package(package_id, ABBREVIATED)
        if found is None:
            raise no_such_package(package_id, self._http.home)
        return versions_in(found, package_id)

    async def download(self, package_id: str, version: str) -> AsyncIterator[bytes]:
        """The tarball; its strongest digest is compared at the end."""
        missing = no_such_version(package_id, version, self._http.home)
        found = await self._find_package(package_id, ABBREVIATED)
        dist = object_of(object_of(object_of(found or {}, "versions"), version), "dist")
        tarball = text_of(dist, "tarball")
        if not tarball:
            raise missing
        chunks = self._http.download(urljoin(self._http.address(""), tarball), missing)
        if digest := find_digest(dist):
            chunks = verified(chunks, *digest, f"{package_id} {version}")
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _find_package(self, package_id: str, accept: str) -> Json | None:
        if not _NAME.fullmatch(package_id) or len(package_id) > 214:
            return None
        answer = await self._http.find_document(self._http.address(quote(package_id, safe="@")), accept)
        return None if answer is None else self._json(answer.data)

    def _json(self, data: bytes) -> Json:
        try:
            return read_json(data)
        except Unreadable as error:
            raise FeedUnavailable(
                f"The feed {self._http.home} did not answer as an npm registry: {error}. Check its address."
            ) from error


def packages_in(answer: Json) -> list[FeedPackage]:
    """The packages in an answer of the search."""
    found = [object_of(each, "package") for each in objects_of(answer, "objects")]
    return [
        FeedPackage(text_of(each, "name"), text_of(each, "description"), text_of(each, "version"))
        for each in found
        if text_of(each, "name")
    ]


def versions_in(document: Json, package_id: str) -> list[FeedVersion]:
    """The versions in a package's document, newest first."""
    times = object_of(document, "time")
    return newest_first(
        [
            FeedVersion(package_id, version, EXTENSION, moment_of(times, version))
            for version in object_of(document, "versions")
        ]
    )


def find_digest(dist: Json) -> tuple[str, bytes] | None:
    """The strongest digest that a version names: algorithm and bytes."""
    known: dict[str, bytes] = {}
    for each in text_of(dist, "integrity").split():
        algorithm, _, value = each.partition("?")[0].partition("-")
        try:
            known.setdefault(algorithm.lower(), base64.b64decode(value, validate=True))
        except binascii.Error:
            continue
    try:
        known.setdefault("sha1", bytes.fromhex(text_of(dist, "shasum")))
    except ValueError:
        pass
    return next(((name, known[name]) for name in _STRONGEST_FIRST if known.get(name)), None)
