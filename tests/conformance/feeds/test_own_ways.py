"""What only one type of feed does, against the same servers."""

import base64
import json

import pytest

from fakes.feed_server import FeedServer, Reply
from fakes.feed_sites import publish_github, publish_maven, publish_npm, publish_nuget, whole
from octavo.base.sensitive import Sensitive
from octavo.server.feeds import FeedRefused, FeedSettings, FeedUnavailable, open_feed


async def test_a_snapshot_of_maven_is_its_newest_build(server: FeedServer) -> None:
    feed = open_feed(FeedSettings("Maven", publish_maven(server).uri))
    server.replies["/maven2/com/acme/web/2.0-SNAPSHOT/maven-metadata.xml"] = Reply(
        b"<metadata><version>2.0-SNAPSHOT</version><versioning><snapshot><timestamp>20260102.030405</timestamp>"
        b"<buildNumber>3</buildNumber></snapshot></versioning></metadata>"
    )
    server.replies["/maven2/com/acme/web/2.0-SNAPSHOT/web-2.0-20260102.030405-3.war"] = Reply(b"build 3")

    assert await whole(feed, "com.acme:web", "2.0-SNAPSHOT") == b"build 3"
    await feed.close()


async def test_maven_with_packaging_and_classifier_asks_for_that_file(server: FeedServer) -> None:
    feed = open_feed(FeedSettings("Maven", publish_maven(server).uri))
    server.replies["/maven2/com/acme/web/1.10.0/web-1.10.0-linux.tar.gz"] = Reply(b"for linux")

    assert await whole(feed, "com.acme:web:tar.gz:linux", "1.10.0") == b"for linux"
    await feed.close()


@pytest.mark.parametrize("publish", [publish_maven, publish_npm])
async def test_a_file_that_is_not_what_was_promised_is_refused(server: FeedServer, publish: object) -> None:
    assert callable(publish)
    site = publish(server)
    feed = open_feed(FeedSettings(site.feed_type, site.uri))
    server.replies[site.file_path] = Reply(site.content + b"!")

    with pytest.raises(FeedRefused, match="damaged or exchanged"):
        await whole(feed, site.package_id, site.versions[0])
    await feed.close()


async def test_npm_without_a_search_finds_what_is_named_in_full(server: FeedServer) -> None:
    site = publish_npm(server)
    feed = open_feed(FeedSettings("Npm", site.uri))
    del server.replies["/npm/-/v1/search"]

    (found,) = await feed.search("@acme/web", 0, 10)

    assert (found.description, found.latest_version) == ("The site", "1.10.0")
    assert await feed.search("@acme/other", 0, 10) == []
    await feed.close()


async def test_a_nuget_feed_with_a_flat_container_only_lists_and_downloads(server: FeedServer) -> None:
    site = publish_nuget(server)
    feed = open_feed(FeedSettings("NuGet", site.uri))
    index = {"resources": [{"@id": "flat/", "@type": "PackageBaseAddress/3.0.0"}]}
    server.replies["/v3/index.json"] = Reply(json.dumps(index).encode())
    server.replies["/v3/flat/acme.web/index.json"] = Reply(b'{"versions": ["1.9.0", "1.10.0"]}')

    assert [each.version for each in await feed.list_versions("Acme.Web")] == ["1.10.0", "1.9.0"]
    assert await whole(feed, "Acme.Web", "1.10") == site.content
    await feed.close()


async def test_a_nuget_feed_with_registrations_only_downloads_from_where_they_say(server: FeedServer) -> None:
    site = publish_nuget(server)
    feed = open_feed(FeedSettings("NuGet", site.uri))
    index = {"resources": [{"@id": "registration/", "@type": "RegistrationsBaseUrl"}]}
    server.replies["/v3/index.json"] = Reply(json.dumps(index).encode())
    server.replies["/elsewhere/1.9.0"] = Reply(b"from there")

    assert await whole(feed, "Acme.Web", "1.9.0") == b"from there"
    await feed.close()


async def test_a_used_up_limit_of_requests_is_said_to_be_that(server: FeedServer) -> None:
    site = publish_github(server)
    feed = open_feed(FeedSettings("GitHub", site.uri))
    server.first = [Reply(status=403, headers={"X-RateLimit-Remaining": "0"})]

    with pytest.raises(FeedRefused, match="limit of requests is used up"):
        await feed.list_versions(site.package_id)
    await feed.close()


async def test_a_password_without_a_user_is_a_token(server: FeedServer) -> None:
    site = publish_github(server)
    feed = open_feed(FeedSettings("GitHub", site.uri, password=Sensitive("token")))

    await feed.list_versions(site.package_id)

    assert set(server.credentials) == {"Bearer token"}
    await feed.close()


async def test_a_document_without_an_end_is_not_read_to_it(server: FeedServer) -> None:
    site = publish_npm(server)
    feed = open_feed(FeedSettings("Npm", site.uri))
    server.replies["/npm/@acme%2Fweb"] = Reply(b" " * 9_000_000)

    with pytest.raises(FeedUnavailable, match="longer than 8 MiB"):
        await feed.list_versions(site.package_id)
    await feed.close()


async def test_redirects_in_a_circle_end(server: FeedServer) -> None:
    site = publish_npm(server)
    feed = open_feed(FeedSettings("Npm", site.uri))
    server.replies["/npm/@acme%2Fweb"] = Reply(status=302, headers={"Location": "/npm/@acme%2Fweb"})

    with pytest.raises(FeedUnavailable, match="redirects more than 5 times"):
        await feed.list_versions(site.package_id)
    await feed.close()


@pytest.mark.parametrize("location", ["file:///etc/passwd", "", "gopher://x/"])
async def test_a_redirect_to_nowhere_is_not_followed(server: FeedServer, location: str) -> None:
    site = publish_npm(server)
    feed = open_feed(FeedSettings("Npm", site.uri))
    server.replies["/npm/@acme%2Fweb"] = Reply(status=302, headers={"Location": location})

    with pytest.raises(FeedUnavailable, match="redirects to an address that cannot be"):
        await feed.list_versions(site.package_id)
    await feed.close()


async def test_a_signature_in_an_address_is_not_shown(server: FeedServer) -> None:
    site = publish_npm(server)
    feed = open_feed(FeedSettings("Npm", site.uri, attempts=1))
    signed = base64.b16encode(b"signature").decode()
    server.replies[site.file_path] = Reply(status=302, headers={"Location": f"/store?X-Signature={signed}"})
    server.replies["/store"] = Reply(status=500)

    with pytest.raises(FeedUnavailable) as failure:
        await whole(feed, site.package_id, site.versions[0])

    assert signed not in str(failure.value)
    await feed.close()
