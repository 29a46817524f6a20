"""Maven repositories: what there is stands in `maven-metadata.xml`, files lie at paths made of their coordinates.

A package's id is `group:artifact`, or `group:artifact:packaging` with a classifier after another colon. Without a
packaging the first of `.jar`, `.war`, `.zip`, `.ear` and `.tar.gz` that is there counts. A version that ends in
`-SNAPSHOT` has a metadata file of its own that names the newest build. Repositories have no search: one finds what
one names in full. Source: Maven's repository layout and repository metadata reference.
"""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from urllib.parse import quote
from xml.etree import ElementTree

from octavo.executor.maven_versions import MavenVersion
from octavo.server.feeds.documents import Unreadable, elements_in, read_xml, text_in
from octavo.server.feeds.feed import (
    FeedPackage,
    FeedUnavailable,
    FeedVersion,
    no_such_package,
    no_such_version,
)
from octavo.server.feeds.http import FeedHttp, verified

PACKAGINGS = ("jar", "war", "zip", "ear", "tar.gz")
_METADATA = "maven-metadata.xml"
_NAME = r"[\w-]+(?:\.[\w-]+)*"
_ID = re.compile(rf"({_NAME}):({_NAME})(?::({_NAME})(?::({_NAME}))?)?", re.ASCII)
_VERSION = re.compile(r"\w[\w.+-]{0,199}", re.ASCII)
_SHA1 = re.compile(rb"\s*([0-9a-fA-F]{40})\b")


@dataclass(frozen=True, slots=True)
class Coordinates:
    """Which file of which artifact. `packaging` is empty when it is to be found out."""

    group: str
    artifact: str
    packaging: str = ""
    classifier: str = ""

    @property
    def folders(self) -> tuple[str, ...]:
        """Where the artifact is, below the repository."""
        return (*self.group.split("."), self.artifact)


class MavenFeed:
    """One repository."""

    def __init__(self, http: FeedHttp) -> None:
        self._http = http

    async def search(self, term: str, skip: int, take: int) -> Sequence[FeedPackage]:
        """The artifact of exactly this id, if there is one."""
        wanted = find_coordinates(term)
        metadata = await self._find_metadata(*wanted.folders) if wanted and skip == 0 and take > 0 else None
        versions = versions_in(metadata) if metadata is not None else []
        return [FeedPackage(term, latest_version=versions[0])] if versions else []

    async def list_versions(self, package_id: str) -> Sequence[FeedVersion]:
        """All versions by Maven's order. The packaging of the newest is taken to be that of all."""
        wanted = find_coordinates(package_id)
        metadata = await self._find_metadata(*wanted.folders) if wanted else None
        if wanted is None or metadata is None:
            raise no_such_package(package_id, self._http.home)
        versions = versions_in(metadata)
        packaging = wanted.packaging
        if not packaging and versions:
            packaging = (await self._find_file(wanted, versions[0]) or (PACKAGINGS[0], ""))[0]
        return [FeedVersion(package_id, version, f".{packaging}") for version in versions]

    async def download(self, package_id: str, version: str) -> AsyncIterator[bytes]:
        """The file; its SHA-1 is compared at the end where the repository has it."""
        missing, wanted = no_such_version(package_id, version, self._http.home), find_coordinates(package_id)
        found = await self._find_file(wanted, version) if wanted and _VERSION.fullmatch(version) else None
        if found is None:
            raise missing
        chunks = self._http.download(found[1], missing)
        promised = await self._http.find_document(f"{found[1]}.sha1", "text/plain")
        if promised and (digest := _SHA1.match(promised.data)):
            chunks = verified(chunks, "sha1", bytes.fromhex(digest[1].decode()), f"{package_id} {version}")
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _find_file(self, wanted: Coordinates, version: str) -> tuple[str, str] | None:
        """The packaging and address of a version's file; None when none is there."""
        folder = (*wanted.folders, quote(version, safe="+"))
        metadata = await self._find_metadata(*folder) if MavenVersion(version).is_snapshot else None
        for packaging in (wanted.packaging,) if wanted.packaging else PACKAGINGS:
            built = find_build(metadata, packaging, wanted.classifier) if metadata is not None else None
            classifier = f"-{wanted.classifier}" if wanted.classifier else ""
            name = f"{wanted.artifact}-{quote(built or version, safe='+')}{classifier}.{packaging}"
            url = self._http.address(*folder, name)
            if await self._http.is_there(url):
                return packaging, url
        return None

    async def _find_metadata(self, *folders: str) -> ElementTree.Element | None:
        answer = await self._http.find_document(self._http.address(*folders, _METADATA), "application/xml, text/xml")
        try:
            return None if answer is None else read_xml(answer.data)
        except Unreadable as error:
            raise FeedUnavailable(
                f"The feed {self._http.home} did not answer as a Maven repository: {_METADATA} is unreadable, {error}. "
                "Check its address."
            ) from error


def find_coordinates(package_id: str) -> Coordinates | None:
    """What an id spells; None when it spells nothing."""
    match = _ID.fullmatch(package_id) if len(package_id) <= 500 else None
    return Coordinates(match[1], match[2], match[3] or "", match[4] or "") if match else None


def versions_in(metadata: ElementTree.Element) -> list[str]:
    """The versions of an artifact, newest first; what could not be part of a path is left out."""
    texts = {(each.text or "").strip() for each in elements_in(metadata, "versioning/versions/version")}
    return sorted(filter(_VERSION.fullmatch, texts), key=lambda text: (MavenVersion(text), text), reverse=True)


def find_build(metadata: ElementTree.Element, packaging: str, classifier: str) -> str | None:
    """How the newest build of a snapshot is spelled in file names; None when the metadata does not say."""
    for each in elements_in(metadata, "versioning/snapshotVersions/snapshotVersion"):
        if text_in(each, "extension") == packaging and text_in(each, "classifier") == classifier:
            return _safe(text_in(each, "value"))
    moment, number = (text_in(metadata, f"versioning/snapshot/{name}") for name in ("timestamp", "buildNumber"))
    base = text_in(metadata, "version").removesuffix("-SNAPSHOT")
    return _safe(f"{base}-{moment}-{number}") if base and moment and number else None


def _safe(text: str) -> str | None:
    return text if _VERSION.fullmatch(text) else None
