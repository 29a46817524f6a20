"""What every feed that speaks HTTP does about failures, passwords and redirects."""

from collections.abc import AsyncIterator

import pytest

from fakes.feed_server import BASIC, PASSWORD, USER_NAME, FeedServer, Reply
from fakes.feed_sites import PUBLISHERS, Site, whole
from octavo.base.errors import NotFound
from octavo.base.sensitive import Sensitive
from octavo.server.feeds import CHUNK_BYTES, FeedRefused, FeedSettings, FeedUnavailable, PackageFeed, open_feed


@pytest.fixture(params=sorted(PUBLISHERS))
def site(request: pytest.FixtureRequest, server: FeedServer) -> Site:
    """What the server publishes."""
    return PUBLISHERS[request.param](server)


@pytest.fixture
async def feed(site: Site) -> AsyncIterator[PackageFeed]:
    """A client of it that has a password and three attempts."""
    opened = open_feed(FeedSettings(site.feed_type, site.uri, USER_NAME, Sensitive(PASSWORD), 3, 0))
    yield opened
    await opened.close()


@pytest.mark.parametrize("package_id", ["", "..", "../up", "a/../../b", "a:b/../..", "acme/web?x=1", "a b", "a\nb"])
async def test_an_id_that_could_lead_elsewhere_is_asked_nowhere(
    feed: PackageFeed, site: Site, server: FeedServer, package_id: str
) -> None:
    with pytest.raises(NotFound):
        await feed.list_versions(package_id)

    assert server.calls == []


async def test_a_wrong_password_is_refused_and_tried_once(site: Site, server: FeedServer) -> None:
    server.needs_password = True
    feed = open_feed(FeedSettings(site.feed_type, site.uri, USER_NAME, Sensitive("wrong-password"), 3, 0))

    with pytest.raises(FeedRefused, match=r"401.*Check the feed's user name and password") as refusal:
        await feed.list_versions(site.package_id)
    await feed.close()

    assert len(server.calls) == 1
    assert "wrong-password" not in str(refusal.value)


async def test_a_password_opens_everything(feed: PackageFeed, site: Site, server: FeedServer) -> None:
    server.needs_password = True

    assert await feed.search(site.term, 0, 10)
    assert await feed.list_versions(site.package_id)
    assert await whole(feed, site.package_id, site.versions[0]) == site.content


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_feed_that_fails_twice_is_asked_a_third_time(
    feed: PackageFeed, site: Site, server: FeedServer, status: int
) -> None:
    server.first = [Reply(status=status), Reply(status=status)]

    assert await feed.list_versions(site.package_id)


async def test_a_feed_that_keeps_failing_is_unavailable(feed: PackageFeed, site: Site, server: FeedServer) -> None:
    server.first = [Reply(status=503)] * 9

    with pytest.raises(FeedUnavailable, match=r"tried 3 times, at last it answered 503"):
        await feed.list_versions(site.package_id)

    assert len(server.calls) == 3


async def test_a_feed_that_nobody_serves_is_unavailable(site: Site) -> None:
    feed = open_feed(FeedSettings(site.feed_type, "http://127.0.0.1:9/feed", attempts=2, backoff_seconds=0))

    with pytest.raises(FeedUnavailable, match=r"http://127\.0\.0\.1:9/feed.*tried 2 times"):
        await feed.list_versions(site.package_id)
    await feed.close()


async def test_a_page_that_is_no_feed_is_said_to_be_none(feed: PackageFeed, site: Site, server: FeedServer) -> None:
    server.first = [Reply(b"<html>Please sign in")]

    with pytest.raises(FeedUnavailable, match=r"did not answer as .*address"):
        await feed.list_versions(site.package_id)


async def test_a_download_that_breaks_goes_on_where_it_was(feed: PackageFeed, site: Site, server: FeedServer) -> None:
    server.replies[site.file_path] = Reply(site.content[: CHUNK_BYTES + 5], announced=len(site.content))
    chunks = feed.download(site.package_id, site.versions[0])

    first = await anext(chunks)
    server.replies[site.file_path] = Reply(site.content)
    rest = b"".join([chunk async for chunk in chunks])

    assert len(first) == CHUNK_BYTES
    assert first + rest == site.content


async def test_a_file_that_changes_while_a_download_is_broken_is_refused(
    feed: PackageFeed, site: Site, server: FeedServer
) -> None:
    server.replies[site.file_path] = Reply(site.content[: CHUNK_BYTES + 5], announced=len(site.content))
    chunks = feed.download(site.package_id, site.versions[0])

    await anext(chunks)
    server.replies[site.file_path] = Reply(site.content + b"!")

    with pytest.raises(FeedUnavailable, match="changed while it was fetched"):
        await anext(chunks)


async def test_another_host_does_not_get_the_password(
    feed: PackageFeed, site: Site, server: FeedServer, elsewhere: FeedServer
) -> None:
    server.needs_password = True
    server.replies[site.file_path] = Reply(status=302, headers={"Location": f"{elsewhere.url}/store?signature=abc"})
    elsewhere.replies["/store"] = Reply(site.content)

    assert await whole(feed, site.package_id, site.versions[0]) == site.content
    assert set(elsewhere.credentials) == {None}
    assert set(server.credentials) == {BASIC}
