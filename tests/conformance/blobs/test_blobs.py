"""The blobs' seam over both implementations: a folder, and a real S3 server."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from octavo.base.errors import NotFound
from octavo.base.sensitive import Sensitive
from octavo.server.blobs import CHUNK_BYTES, BlobStore, BlobsUnavailable, LocalBlobs
from octavo.server.blobs.s3_blobs import S3Blobs, S3Settings


@pytest.fixture(params=["folder", "s3"])
async def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BlobStore]:
    """An empty blob store."""
    if request.param == "folder":
        store: BlobStore = LocalBlobs(tmp_path / "blobs")
    else:
        server = request.getfixturevalue("seaweedfs")
        secret = Sensitive(server.secret_key)
        store = S3Blobs(S3Settings(server.new_bucket(), server.access_key, secret, server.endpoint))
    yield store
    await store.close()


async def whole(blobs: BlobStore, name: str, start: int = 0, length: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in blobs.read(name, start, length)])


async def test_what_is_put_is_read_back(blobs: BlobStore) -> None:
    await blobs.put_bytes("packages/one", b"hello")

    assert await blobs.size("packages/one") == 5
    assert await whole(blobs, "packages/one") == b"hello"


async def test_a_large_file_is_read_back_in_bounded_chunks(blobs: BlobStore, tmp_path: Path) -> None:
    data = os.urandom(21 * CHUNK_BYTES + 17)
    source = tmp_path / "large"
    source.write_bytes(data)

    await blobs.put_file("packages/large", source)
    chunks = [chunk async for chunk in blobs.read("packages/large")]

    assert max(map(len, chunks)) <= CHUNK_BYTES
    assert hashlib.sha256(b"".join(chunks)).digest() == hashlib.sha256(data).digest()
    assert source.exists()


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [(0, 3, b"012"), (4, None, b"456789"), (4, 2, b"45"), (8, 100, b"89"), (10, None, b""), (12, 5, b""), (3, 0, b"")],
)
async def test_a_part_is_read_by_start_and_length(
    blobs: BlobStore, start: int, length: int | None, expected: bytes
) -> None:
    await blobs.put_bytes("packages/digits", b"0123456789")

    assert await whole(blobs, "packages/digits", start, length) == expected


async def test_a_blob_outlives_the_file_it_came_from(blobs: BlobStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"hello")
    await blobs.put_file("packages/one", tmp_path / "file")

    (tmp_path / "file").unlink()

    assert await whole(blobs, "packages/one") == b"hello"


async def test_an_empty_blob_is_a_blob(blobs: BlobStore, tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")

    await blobs.put_file("logs/empty-file", tmp_path / "empty")
    await blobs.put_bytes("logs/empty-bytes", b"")

    assert [await blobs.size(name) for name in ("logs/empty-file", "logs/empty-bytes")] == [0, 0]
    assert await whole(blobs, "logs/empty-file") == b""


async def test_putting_a_name_again_changes_nothing(blobs: BlobStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"third")
    await blobs.put_bytes("packages/one", b"first")

    await blobs.put_bytes("packages/one", b"second")
    await blobs.put_file("packages/one", tmp_path / "file")

    assert await whole(blobs, "packages/one") == b"first"


async def test_writers_of_one_name_at_once_do_no_harm(blobs: BlobStore) -> None:
    await asyncio.gather(*(blobs.put_bytes("packages/one", b"the same bytes") for _ in range(8)))

    assert await whole(blobs, "packages/one") == b"the same bytes"


async def test_a_missing_blob_is_not_found(blobs: BlobStore) -> None:
    assert await blobs.size("packages/none") is None
    assert await blobs.local_path("packages/none") is None
    with pytest.raises(NotFound, match="packages/none"):
        await whole(blobs, "packages/none")


async def test_a_deleted_blob_is_gone_and_deleting_again_is_harmless(blobs: BlobStore) -> None:
    await blobs.put_bytes("packages/one", b"hello")

    await blobs.delete("packages/one")
    await blobs.delete("packages/one")

    assert await blobs.size("packages/one") is None


@pytest.mark.parametrize(
    "name", ["", "plain", "../up", "packages/../up", "/packages/a", "packages/.hidden", "packages/a b"]
)
async def test_a_name_that_could_lead_elsewhere_is_refused(blobs: BlobStore, name: str) -> None:
    with pytest.raises(ValueError, match="is not a blob name"):
        await blobs.put_bytes(name, b"")
    with pytest.raises(ValueError, match="is not a blob name"):
        await blobs.size(name)


async def test_a_blob_is_a_file_or_has_a_url(blobs: BlobStore) -> None:
    await blobs.put_bytes("packages/one", b"hello")

    path = await blobs.local_path("packages/one")
    url = await blobs.presigned_url("packages/one", seconds=60)

    if path is not None:
        assert path.read_bytes() == b"hello"
        assert url is None
    else:
        assert url is not None
        async with httpx.AsyncClient() as client:
            assert (await client.get(url)).content == b"hello"
            assert (await client.get(url, headers={"Range": "bytes=1-3"})).content == b"ell"


async def test_a_store_that_cannot_be_reached_or_written_says_so(tmp_path: Path, seaweedfs: object) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    nobody = S3Blobs(S3Settings("bucket", "key", Sensitive("wrong"), seaweedfs.endpoint))  # type: ignore[attr-defined]

    with pytest.raises(BlobsUnavailable, match="packages/one"):
        await LocalBlobs(blocked).put_bytes("packages/one", b"hello")
    with pytest.raises(BlobsUnavailable, match="packages/one"):
        await nobody.put_bytes("packages/one", b"hello")


async def test_a_failed_upload_leaves_nothing(blobs: BlobStore, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await blobs.put_file("packages/one", tmp_path / "missing")

    assert await blobs.size("packages/one") is None
    assert not [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
