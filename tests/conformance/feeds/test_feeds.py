"""The feeds' seam over every type: HTTP servers with the documents of their type, a folder, and a real S3 server."""

from collections.abc import AsyncIterator
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store

from fakes.feed_server import FeedServer
from fakes.feed_sites import FILES, PUBLISHERS, Site, files_site, whole
from octavo.base.errors import NotFound
from octavo.base.sensitive import Sensitive
from octavo.server.feeds import CHUNK_BYTES, FEED_TYPES, FeedSettings, PackageFeed, open_feed
from services_under_test.seaweedfs import S3Server


@pytest.fixture(params=FEED_TYPES)
def settings(request: pytest.FixtureRequest, tmp_path: Path, server: FeedServer) -> FeedSettings:
    """How a feed of each type is configured that publishes the same."""
    if request.param == "Folder":
        for path, content in FILES.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(content)
        return FeedSettings("Folder", str(tmp_path))
    if request.param == "S3":
        return _filled_bucket(request.getfixturevalue("seaweedfs"))
    return FeedSettings(request.param, PUBLISHERS[request.param](server).uri)


@pytest.fixture
def site(settings: FeedSettings, server: FeedServer) -> Site:
    """What a client must find."""
    publish = PUBLISHERS.get(settings.feed_type)
    return publish(server) if publish else files_site(settings.feed_type, settings.uri)


@pytest.fixture
async def feed(settings: FeedSettings) -> AsyncIterator[PackageFeed]:
    """A client."""
    opened = open_feed(settings)
    yield opened
    await opened.close()


async def test_a_search_finds_the_package(feed: PackageFeed, site: Site) -> None:
    found = await feed.search(site.term, 0, 10)

    assert site.package_id in [package.package_id for package in found]


async def test_a_search_gives_no_more_than_was_asked_for(feed: PackageFeed, site: Site) -> None:
    assert len(await feed.search(site.term, 0, 1)) == 1
    assert await feed.search(site.term, 0, 0) == []


async def test_versions_come_newest_first(feed: PackageFeed, site: Site) -> None:
    found = await feed.list_versions(site.package_id)

    assert tuple(each.version for each in found) == site.versions
    assert {(each.package_id, each.extension) for each in found} == {(site.package_id, site.extension)}


async def test_a_download_gives_the_bytes_in_bounded_chunks(feed: PackageFeed, site: Site) -> None:
    chunks = [chunk async for chunk in feed.download(site.package_id, site.versions[0])]

    assert b"".join(chunks) == site.content
    assert max(map(len, chunks)) <= CHUNK_BYTES


async def test_an_unknown_package_is_not_found(feed: PackageFeed, site: Site) -> None:
    with pytest.raises(NotFound, match=site.unknown_id):
        await feed.list_versions(site.unknown_id)
    with pytest.raises(NotFound, match=site.unknown_id):
        await whole(feed, site.unknown_id, site.versions[0])


@pytest.mark.parametrize("version", ["77.7.7", "", "../1.10.0", "no version"])
async def test_an_unknown_version_is_not_found(feed: PackageFeed, site: Site, version: str) -> None:
    with pytest.raises(NotFound, match="has no version"):
        await whole(feed, site.package_id, version)


@pytest.mark.parametrize(
    "package_id", ["", "..", "../up", "a/../../b", "a:b/../..", "acme/web?x=1", "a b", "a\nb", "/etc/passwd", "a//b"]
)
async def test_an_id_that_could_lead_elsewhere_is_asked_nowhere(
    feed: PackageFeed, server: FeedServer, package_id: str
) -> None:
    with pytest.raises(NotFound):
        await feed.list_versions(package_id)

    assert server.calls == []


def _filled_bucket(server: S3Server) -> FeedSettings:
    bucket = server.new_bucket()
    store = S3Store(
        bucket,
        endpoint=server.endpoint,
        region="us-east-1",
        access_key_id=server.access_key,
        secret_access_key=server.secret_key,
        client_options={"allow_http": True},
    )
    for path, content in FILES.items():
        obstore.put(store, path, content)
    return FeedSettings(
        "S3", bucket, server.access_key, Sensitive(server.secret_key), options={"endpoint": server.endpoint}
    )
