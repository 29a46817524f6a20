"""What folders and buckets do that no HTTP feed has to."""

import os
from pathlib import Path

import pytest

from fakes.feed_sites import whole
from octavo.base.errors import Invalid, NotFound
from octavo.base.sensitive import Sensitive
from octavo.server.feeds import FeedRefused, FeedSettings, FeedUnavailable, open_feed
from services_under_test.seaweedfs import S3Server


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A feed's folder with a secret beside it, and links that lead there."""
    (tmp_path / "secrets/inner").mkdir(parents=True)
    (tmp_path / "secrets/Secret.1.0.0.zip").write_bytes(b"secret")
    feed = tmp_path / "feed"
    feed.mkdir()
    (feed / "Secret.1.0.0.zip").symlink_to(tmp_path / "secrets/Secret.1.0.0.zip")
    (feed / "linked").symlink_to(tmp_path / "secrets")
    (feed / "Open.1.0.0.zip").write_bytes(b"open")
    return feed


@pytest.mark.parametrize("package_id", ["Secret", "linked/Secret", "linked/inner/Secret"])
async def test_links_out_of_a_folder_are_not_followed(root: Path, package_id: str) -> None:
    feed = open_feed(FeedSettings("Folder", str(root)))

    assert [each.package_id for each in await feed.search("", 0, 10)] == ["Open"]
    with pytest.raises(NotFound):
        await feed.list_versions(package_id)
    with pytest.raises(NotFound):
        await whole(feed, package_id, "1.0.0")


async def test_a_file_that_is_exchanged_for_a_link_is_not_served(root: Path) -> None:
    feed = open_feed(FeedSettings("Folder", str(root)))
    assert await feed.list_versions("Open")
    (root / "Open.1.0.0.zip").unlink()
    (root / "Open.1.0.0.zip").symlink_to(root / "Secret.1.0.0.zip")

    with pytest.raises(NotFound):
        await whole(feed, "Open", "1.0.0")


async def test_a_pipe_is_no_package(root: Path) -> None:
    os.mkfifo(root / "Pipe.1.0.0.zip")

    with pytest.raises(NotFound):
        await open_feed(FeedSettings("Folder", str(root))).list_versions("Pipe")


async def test_the_folder_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(root)
    feed = open_feed(FeedSettings("Folder", str(tmp_path / "current")))

    assert [each.package_id for each in await feed.search("open", 0, 10)] == ["Open"]
    assert await whole(feed, "Open", "1.0.0") == b"open"


async def test_a_folder_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    feed = open_feed(FeedSettings("Folder", str(tmp_path / "none")))

    with pytest.raises(FeedUnavailable, match=r"none cannot be used.*is its share mounted"):
        await feed.list_versions("Open")
    with pytest.raises(FeedUnavailable, match="none cannot be used"):
        await feed.search("Open", 0, 10)


@pytest.mark.parametrize("uri", ["", "relative", "./here", "/srv/../etc", "/srv\0/etc"])
def test_a_folder_must_be_named_in_full(uri: str) -> None:
    with pytest.raises(Invalid, match="absolute path"):
        open_feed(FeedSettings("Folder", uri))


async def test_a_wrong_key_of_a_bucket_is_refused(seaweedfs: S3Server) -> None:
    secret = Sensitive("a-wrong-secret")
    options = {"endpoint": seaweedfs.endpoint, "access_key_id": seaweedfs.access_key}
    feed = open_feed(FeedSettings("S3", seaweedfs.new_bucket(), password=secret, attempts=2, options=options))

    with pytest.raises(FeedRefused, match="does not let us in") as refusal:
        await feed.list_versions("Open")

    assert "a-wrong-secret" not in str(refusal.value)


async def test_a_store_that_nobody_serves_is_unavailable() -> None:
    options = {"endpoint": "http://127.0.0.1:9"}
    feed = open_feed(FeedSettings("S3", "acme-packages", attempts=2, backoff_seconds=0, options=options))

    with pytest.raises(FeedUnavailable, match="bucket acme-packages cannot be used"):
        await feed.search("", 0, 10)


@pytest.mark.parametrize(
    ("bucket", "endpoint"), [("", ""), ("a/b", ""), ("..", ""), ("acme", "ftp://x"), ("acme", "x")]
)
def test_a_bucket_must_be_named_and_its_endpoint_an_address(bucket: str, endpoint: str) -> None:
    with pytest.raises(Invalid, match="address"):
        open_feed(FeedSettings("S3", bucket, options={"endpoint": endpoint}))


@pytest.mark.parametrize(("user", "secret"), [("key", None), ("", Sensitive("secret"))])
def test_half_a_key_of_a_bucket_is_refused(user: str, secret: Sensitive | None) -> None:
    with pytest.raises(Invalid, match="or neither"):
        open_feed(FeedSettings("S3", "acme-packages", user, secret))
