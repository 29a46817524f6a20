"""Feeds of each type with one package in three versions, in the shapes that the real ones answer.

`publish_…` enters the documents at a server and says what a client must find there.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from fakes.feed_server import FeedServer, Reply
from octavo.server.feeds import PackageFeed

LENGTH = 200_000  # times a few bytes: more than one chunk of a download


@dataclass(frozen=True, slots=True)
class Site:
    """What is published, and where: `file_path` is what the download of the newest version asks for in the end."""

    feed_type: str
    uri: str
    package_id: str
    term: str
    unknown_id: str
    versions: tuple[str, ...]
    extension: str
    content: bytes
    file_path: str


async def whole(feed: PackageFeed, package_id: str, version: str) -> bytes:
    """All bytes of a download."""
    return b"".join([chunk async for chunk in feed.download(package_id, version)])


def publish_nuget(server: FeedServer) -> Site:
    """A NuGet feed with registrations in two pages, one of them inline, and gzipped as nuget.org's are."""
    content, base = b"a .nupkg " * LENGTH, server.url
    _enter(server, "/v3/index.json", {"version": "3.0.0", "resources": [
        {"@id": f"{base}/v3/old/", "@type": "RegistrationsBaseUrl"},
        {"@id": f"{base}/v3/registration/", "@type": "RegistrationsBaseUrl/3.6.0"},
        {"@id": f"{base}/query", "@type": "SearchQueryService/3.5.0"},
        {"@id": f"{base}/v3/flat/", "@type": "PackageBaseAddress/3.0.0"},
    ]})  # fmt: skip
    _enter(server, "/query", {"totalHits": 1, "data": [
        {"id": "Acme.Web", "version": "1.10.0", "description": "The site", "versions": []},
    ]})  # fmt: skip

    def leaf(version: str, listed: bool = True) -> object:
        entry = {"id": "Acme.Web", "version": version, "listed": listed, "published": "2026-01-02T03:04:05+00:00"}
        return {"catalogEntry": entry, "packageContent": f"{base}/elsewhere/{version}"}

    index = {"count": 2, "items": [
        {"@id": f"{base}/v3/registration/acme.web/page/1.json", "count": 2},
        {"@id": "#inline", "items": [leaf("1.10.0"), leaf("1.11.0", listed=False)]},
    ]}  # fmt: skip
    packed = gzip.compress(json.dumps(index).encode())
    server.replies["/v3/registration/acme.web/index.json"] = Reply(packed, headers={"Content-Encoding": "gzip"})
    _enter(server, "/v3/registration/acme.web/page/1.json", {"items": [leaf("1.9.0-beta.1"), leaf("1.9.0")]})
    file_path = "/v3/flat/acme.web/1.10.0/acme.web.1.10.0.nupkg"
    server.replies[file_path] = Reply(content)
    return Site("NuGet", f"{base}/v3/index.json", "Acme.Web", "acme", "Acme.Missing",
                ("1.10.0", "1.9.0", "1.9.0-beta.1"), ".nupkg", content, file_path)  # fmt: skip


def publish_npm(server: FeedServer) -> Site:
    """An npm registry with a scoped package and an integrity of its tarball."""
    content, base = b"a .tgz " * LENGTH, server.url
    file_path = "/npm/@acme/web/-/web-1.10.0.tgz"
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    versions = {
        version: {"name": "@acme/web", "dist": {"tarball": f"{base}{file_path}", "integrity": integrity}}
        for version in ("1.9.0-beta.1", "1.9.0", "1.10.0")
    }
    _enter(server, "/npm/@acme%2Fweb", {
        "name": "@acme/web", "description": "The site", "dist-tags": {"latest": "1.10.0"}, "versions": versions,
        "time": {"created": "2025-01-01T00:00:00.000Z", "1.10.0": "2026-01-02T03:04:05.000Z"},
    })  # fmt: skip
    _enter(server, "/npm/-/v1/search", {"total": 1, "objects": [
        {"package": {"name": "@acme/web", "version": "1.10.0", "description": "The site"}},
    ]})  # fmt: skip
    server.replies[file_path] = Reply(content)
    return Site("Npm", f"{base}/npm/", "@acme/web", "web", "@acme/missing",
                ("1.10.0", "1.9.0", "1.9.0-beta.1"), ".tgz", content, file_path)  # fmt: skip


def publish_github(server: FeedServer) -> Site:
    """Releases on two pages: with attached files, a draft, a tag that is no version."""
    content, base = b"a .zip " * LENGTH, server.url
    releases = f"{base}/repos/acme/web/releases"

    def release(tag: str, *assets: str, draft: bool = False) -> dict[str, object]:
        files = [{"name": name, "url": f"{base}/assets/{name}", "size": len(content)} for name in assets]
        return {"tag_name": tag, "name": f"Release {tag}", "body": "What is new", "draft": draft, "assets": files,
                "published_at": "2026-01-02T03:04:05Z", "zipball_url": f"{base}/zipball/{tag}"}  # fmt: skip

    first = [release("v1.10.0", "notes.txt", "web.tar.gz", "web.zip"), release("v2.0.0", "web.zip", draft=True)]
    server.replies["/repos/acme/web/releases?per_page=100"] = Reply(
        json.dumps(first).encode(), headers={"Link": f'<{releases}?per_page=100&page=2>; rel="next"'}
    )
    _enter(server, "/repos/acme/web/releases", [release("nightly"), release("1.9.0-beta.1"), release("v1.9.0")])
    _enter(server, "/search/repositories", {"items": [{"full_name": "acme/web", "description": "The site"}]})
    server.replies["/assets/web.zip"] = Reply(content)
    return Site("GitHub", base, "acme/web", "web", "acme/missing",
                ("1.10.0", "1.9.0", "1.9.0-beta.1"), ".zip", content, "/assets/web.zip")  # fmt: skip


def publish_maven(server: FeedServer) -> Site:
    """A Maven repository with an artifact that is packed as .zip, and its SHA-1."""
    content = b"a maven .zip " * LENGTH
    versions = ("1.9.0", "1.10.0", "1.9.0-beta-1")
    listed = "".join(f"<version>{version}</version>" for version in versions)
    server.replies["/maven2/com/acme/web/maven-metadata.xml"] = Reply(
        f"""<?xml version="1.0" encoding="UTF-8"?><metadata><groupId>com.acme</groupId><artifactId>web</artifactId>
        <versioning><latest>1.9.0</latest><versions>{listed}</versions></versioning></metadata>""".encode()
    )
    file_path = "/maven2/com/acme/web/1.10.0/web-1.10.0.zip"
    server.replies[file_path] = Reply(content)
    server.replies[f"{file_path}.sha1"] = Reply(f"{hashlib.sha1(content).hexdigest()}  web.zip\n".encode())
    return Site("Maven", f"{server.url}/maven2/", "com.acme:web", "com.acme:web", "com.acme:missing",
                ("1.10.0", "1.9.0", "1.9.0-beta-1"), ".zip", content, file_path)  # fmt: skip


PUBLISHERS: dict[str, Callable[[FeedServer], Site]] = {
    "GitHub": publish_github,
    "Maven": publish_maven,
    "Npm": publish_npm,
    "NuGet": publish_nuget,
}

#: Folders and buckets hold files with telling names.
FILES = {
    "web/Acme.Web.1.9.0.zip": b"older",
    "web/Acme.Web.1.10.0.zip": b"a file " * LENGTH,
    "web/Acme.Web.1.9.0-beta.1.zip": b"",
    "web/Acme.Webber.3.0.0.zip": b"another package",
    "web/old/Acme.Web.4.0.0.zip": b"another folder",
    "Acme.Web.5.0.0.zip": b"the topmost folder",
    "web/readme.txt": b"no package",
}


def files_site(feed_type: str, uri: str) -> Site:
    """What a client must find where `FILES` are."""
    return Site(feed_type, uri, "web/Acme.Web", "web/acme.web", "web/Acme.Missing",
                ("1.10.0", "1.9.0", "1.9.0-beta.1"), ".zip", FILES["web/Acme.Web.1.10.0.zip"], "")  # fmt: skip


def _enter(server: FeedServer, path: str, document: object) -> None:
    server.replies[path] = Reply(json.dumps(document).encode(), headers={"Content-Type": "application/json"})
