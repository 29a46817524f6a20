"""Blobs in an S3-compatible object store, by obstore.

A large file goes up in parts and appears when the last has arrived; an interrupted upload leaves nothing readable.
Source: FOUNDATIONS §5.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from octavo.base.errors import ConfigurationError
from octavo.base.sensitive import Sensitive
from octavo.server.blobs.blob_store import CHUNK_BYTES, BlobsUnavailable, blob_name, no_such_blob

PART_BYTES = 8 * 1_048_576  # S3 takes 10,000 parts: files up to 80 GB
PARTS_AT_ONCE = 4  # 32 MiB in memory for an upload
RETRY_SECONDS = 20  # then the caller hears of it
_FORM = "s3://ACCESS:SECRET@bucket/prefix?region=REGION&endpoint=https://HOST:PORT"


@dataclass(frozen=True, slots=True)
class S3Settings:
    """Where the bucket is and who we are there. `endpoint` None: Amazon's own."""

    bucket: str
    access_key: str
    secret_key: Sensitive
    endpoint: str | None = None
    region: str = "us-east-1"
    prefix: str = ""

    @classmethod
    def parse(cls, url: str) -> Self:
        """The settings in `s3://ACCESS:SECRET@bucket/prefix?region=…&endpoint=…`; prefix and query are optional.

        Raises:
            ConfigurationError: it is not of this form; the message does not show the secret.
        """
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query))
        if parts.scheme != "s3" or not (parts.hostname and parts.username and parts.password):
            raise ConfigurationError(
                f"The place for blobs is not of the form {_FORM}. Quote special characters by %XX."
            )
        if unknown := query.keys() - {"region", "endpoint"}:
            raise ConfigurationError(
                f"The place for blobs knows region and endpoint, not {', '.join(sorted(unknown))}."
            )
        return cls(
            bucket=parts.hostname,
            access_key=unquote(parts.username),
            secret_key=Sensitive(unquote(parts.password)),
            endpoint=query.get("endpoint"),
            region=query.get("region", "us-east-1"),
            prefix=parts.path.strip("/"),
        )


class S3Blobs:
    """Blobs in one bucket, below a prefix."""

    def __init__(self, settings: S3Settings) -> None:
        endpoint = settings.endpoint or f"https://s3.{settings.region}.amazonaws.com"
        self._store = S3Store(
            settings.bucket,
            prefix=settings.prefix or None,
            endpoint=endpoint,
            region=settings.region,
            access_key_id=settings.access_key,
            secret_access_key=settings.secret_key.reveal(),
            virtual_hosted_style_request=settings.endpoint is None,
            client_options={"allow_http": endpoint.startswith("http://")},
            retry_config={"max_retries": 5, "retry_timeout": timedelta(seconds=RETRY_SECONDS)},
        )

    async def put_file(self, name: str, source: Path) -> None:
        """Upload the file in parts unless the name is there."""
        if await self.size(name) is not None:
            return
        with _failures(name):
            await obstore.put_async(self._store, name, source, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE)

    async def put_bytes(self, name: str, data: bytes) -> None:
        """Create the object; one that is there is left alone."""
        with _failures(name), suppress(AlreadyExistsError):
            await obstore.put_async(self._store, blob_name(name), data, mode="create")

    async def size(self, name: str) -> int | None:
        """The object's length."""
        with _failures(name):
            try:
                return int((await obstore.head_async(self._store, blob_name(name)))["size"])
            except FileNotFoundError:
                return None

    async def read(self, name: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The object's bytes as they arrive."""
        size = await self.size(name)
        if size is None:
            raise no_such_blob(name)
        end = size if length is None else min(size, start + length)
        if start >= end:
            return
        with _failures(name):
            try:
                answer = await obstore.get_async(self._store, name, options={"range": (start, end)})
            except FileNotFoundError as error:
                raise no_such_blob(name) from error
            async for chunk in answer.stream(min_chunk_size=CHUNK_BYTES):
                view = memoryview(chunk)
                for offset in range(0, len(view), CHUNK_BYTES):
                    yield bytes(view[offset : offset + CHUNK_BYTES])

    async def delete(self, name: str) -> None:
        """Remove the object."""
        with _failures(name), suppress(FileNotFoundError):
            await obstore.delete_async(self._store, blob_name(name))

    async def local_path(self, name: str) -> Path | None:
        """None: objects are not files."""
        blob_name(name)
        return None

    async def presigned_url(self, name: str, seconds: int) -> str | None:
        """A URL that lets its bearer GET this object for a while."""
        with _failures(name):
            return await obstore.sign_async(self._store, "GET", blob_name(name), timedelta(seconds=seconds))

    async def close(self) -> None:
        """The client closes its connections by itself."""


@contextmanager
def _failures(name: str) -> Iterator[None]:
    try:
        yield
    except BaseError as error:
        if isinstance(error, AlreadyExistsError):
            raise
        reason = str(error).strip().splitlines()[0]
        raise BlobsUnavailable(f"The object store cannot serve {name}: {reason}") from error
