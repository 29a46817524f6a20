"""NuGet feeds of version 3: a service index names where to search, list and download.

Unlisted versions are not shown, but can be downloaded by who knows them, as NuGet's own client does.
Source: NuGet Server API (service index, SearchQueryService, RegistrationsBaseUrl, PackageBaseAddress).
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from urllib.parse import urlencode, urljoin

from octavo.executor.versions import Version, find_version
from octavo.server.feeds.documents import (
    Unreadable,
    moment_of,
    object_of,
    objects_of,
    read_json,
    text_of,
    texts_of,
)
from octavo.server.feeds.feed import (
    FeedPackage,
    FeedUnavailable,
    FeedVersion,
    no_such_package,
    no_such_version,
)
from octavo.server.feeds.http import FeedHttp
from octavo.server.packages.names import is_package_id

EXTENSION = ".nupkg"
MOST_PAGES = 500  # of 64 versions each
_PAGES_AT_ONCE = 8

_SEARCH = "SearchQueryService"
_CONTENT = "PackageBaseAddress"
_REGISTRATIONS = "RegistrationsBaseUrl"
#: Those with versions of SemVer 2 first.
_PREFERENCE = ("/Versioned", "/3.6.0", "/3.5.0", "/3.4.0", "/3.0.0", "")

Json = Mapping[str, object]


class NuGetFeed:
    """One feed; its service index is read once."""

    def __init__(self, http: FeedHttp) -> None:
        self._http = http
        self._resources: dict[str, str] | None = None

    async def search(self, term: str, skip: int, take: int) -> Sequence[FeedPackage]:
        """What the feed's search finds, pre-releases included."""
        service = (await self._index()).get(_SEARCH)
        if service is None:
            raise FeedUnavailable(f"The feed {self._http.home} offers no search ({_SEARCH}). Give the id in full.")
        query = urlencode({"q": term, "skip": skip, "take": take, "prerelease": "true", "semVerLevel": "2.0.0"})
        found = await self._find_json(f"{service}{'&' if '?' in service else '?'}{query}") or {}
        return packages_in(found)[:take]

    async def list_versions(self, package_id: str) -> Sequence[FeedVersion]:
        """The listed versions by registration; by flat container where there are no registrations."""
        if not is_package_id(package_id):
            raise no_such_package(package_id, self._http.home)
        index = await self._index()
        if registrations := index.get(_REGISTRATIONS):
            leaves = await self._leaves(registrations, package_id)
            return newest_first([_version(leaf, package_id) for leaf in leaves if _is_listed(leaf)])
        found = await self._find_json(f"{_container(index, self._http)}{package_id.lower()}/index.json")
        if found is None:
            raise no_such_package(package_id, self._http.home)
        return newest_first([FeedVersion(package_id, text, EXTENSION) for text in texts_of(found, "versions")])

    async def download(self, package_id: str, version: str) -> AsyncIterator[bytes]:
        """The .nupkg, from the flat container or from where the registration says."""
        missing = no_such_version(package_id, version, self._http.home)
        wanted = find_version(version)
        if wanted is None or not is_package_id(package_id):
            raise missing
        index, name = await self._index(), package_id.lower()
        if _CONTENT in index:
            normal = normalised(wanted)
            url = f"{_container(index, self._http)}{name}/{normal}/{name}.{normal}.nupkg"
        else:
            leaves = await self._leaves(index.get(_REGISTRATIONS, ""), package_id)
            url = next((text_of(leaf, "packageContent") for leaf in leaves if _spells(leaf, wanted)), "")
        if not url:
            raise missing
        async with aclosing(self._http.download(url, missing)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _index(self) -> dict[str, str]:
        if self._resources is None:
            found = await self._find_json(self._http.address())
            if found is None:
                raise FeedUnavailable(
                    f"There is no NuGet feed at {self._http.home}. Its address usually ends in /index.json."
                )
            self._resources = resources_in(found, self._http.address())
        return self._resources

    async def _leaves(self, registrations: str, package_id: str) -> list[Json]:
        url = f"{registrations.rstrip('/')}/{package_id.lower()}/index.json"
        found = await self._find_json(url)
        if found is None:
            raise no_such_package(package_id, self._http.home)
        gate = asyncio.Semaphore(_PAGES_AT_ONCE)

        async def page(members: Json) -> Sequence[Json]:
            if "items" in members:
                return objects_of(members, "items")
            async with gate:
                return objects_of(await self._find_json(urljoin(url, text_of(members, "@id"))) or {}, "items")

        pages = await asyncio.gather(*(page(members) for members in objects_of(found, "items")[:MOST_PAGES]))
        return [leaf for leaves in pages for leaf in leaves]

    async def _find_json(self, url: str) -> Json | None:
        answer = await self._http.find_document(url)
        try:
            return None if answer is None else read_json(answer.data)
        except Unreadable as error:
            raise FeedUnavailable(
                f"The feed {self._http.home} did not answer as a NuGet feed of version 3: {error}. "
                "Its address usually ends in /index.json."
            ) from error


def resources_in(index: Json, url: str) -> dict[str, str]:
    """The best address of each kind of resource in a service index, by the kind's name without its version."""
    found: dict[str, tuple[int, str]] = {}
    for resource in objects_of(index, "resources"):
        kind, slash, number = text_of(resource, "@type").partition("/")
        version = slash + number
        rank = _PREFERENCE.index(version) if version in _PREFERENCE else len(_PREFERENCE)
        if (address := text_of(resource, "@id")) and (kind not in found or rank < found[kind][0]):
            found[kind] = (rank, urljoin(url, address))
    return {kind: address for kind, (_, address) in found.items()}


def packages_in(answer: Json) -> list[FeedPackage]:
    """The packages in an answer of the search service."""
    return [
        FeedPackage(text_of(each, "id"), text_of(each, "description"), text_of(each, "version"))
        for each in objects_of(answer, "data")
        if text_of(each, "id")
    ]


def normalised(version: Version) -> str:
    """How addresses spell a version: three numbers, or four if the fourth is not 0; lower case, no metadata."""
    numbers = version.numbers if version.numbers[3] else version.numbers[:3]
    labels = "-" + ".".join(version.labels) if version.labels else ""
    return (".".join(map(str, numbers)) + labels).lower()


def newest_first(versions: Sequence[FeedVersion]) -> list[FeedVersion]:
    """By the order of versions of NuGet and SemVer; what is no version is left out."""
    ordered = [(found, each) for each in versions if (found := find_version(each.version))]
    return [each for _, each in sorted(ordered, key=lambda pair: pair[0], reverse=True)]


def _version(leaf: Json, package_id: str) -> FeedVersion:
    entry = object_of(leaf, "catalogEntry")
    return FeedVersion(
        text_of(entry, "id") or package_id,
        text_of(entry, "version"),
        EXTENSION,
        moment_of(entry, "published"),
        release_notes=text_of(entry, "releaseNotes"),
        title=text_of(entry, "title"),
    )


def _is_listed(leaf: Json) -> bool:
    return object_of(leaf, "catalogEntry").get("listed") is not False


def _spells(leaf: Json, wanted: Version) -> bool:
    text = text_of(object_of(leaf, "catalogEntry"), "version")
    return find_version(text) == wanted


def _container(index: Mapping[str, str], http: FeedHttp) -> str:
    if _CONTENT not in index:
        raise FeedUnavailable(f"The feed {http.home} names neither {_REGISTRATIONS} nor {_CONTENT}: it cannot be used.")
    return index[_CONTENT].rstrip("/") + "/"
