"""Packages as objects in a bucket, by obstore: Amazon's, or any store that speaks S3.

Without an access key the bucket is read as the public may; the server's own credentials are never used.
Source: FOUNDATIONS §5 (obstore); blobs/s3_blobs.py.
"""

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, TypedDict

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from octavo.base.errors import Invalid
from octavo.executor.versions import find_version
from octavo.server.feeds.feed import (
    CHUNK_BYTES,
    FeedPackage,
    FeedRefused,
    FeedSettings,
    FeedUnavailable,
    FeedVersion,
    no_such_package,
    no_such_version,
)
from octavo.server.feeds.http import home_address
from octavo.server.feeds.listed_files import MOST_FILES, ListedFile, files_of, find_folder, packages_in

if TYPE_CHECKING:
    from obstore import ObjectMeta  # there for types only

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]", re.ASCII)
_LISTED_AT_ONCE = 1000
_LEAST_RETRY_SECONDS = 30.0
_LEAST_BACKOFF_SECONDS = 0.05  # obstore 0.12 panics at 0
#: obstore has types for refusals of single objects, but tells those of listings by their text only.
_REFUSED = re.compile(r"status code: 40[13]\b")


class _Keys(TypedDict, total=False):
    access_key_id: str
    secret_access_key: str
    skip_signature: bool


class S3Feed:
    """One bucket.

    Raises:
        Invalid: the settings cannot be right.
    """

    def __init__(self, settings: FeedSettings) -> None:
        self._bucket = settings.uri.strip().removeprefix("s3://").rstrip("/")
        if not _BUCKET.fullmatch(self._bucket):
            raise Invalid("The feed's address must be the name of a bucket, for example acme-packages.")
        self._store = _open_store(settings, self._bucket)

    async def search(self, term: str, skip: int, take: int) -> Sequence[FeedPackage]:
        """The packages among the bucket's first objects whose ids contain the term."""
        files: list[ListedFile] = []
        with self._failures():
            async for objects in obstore.list(self._store, chunk_size=_LISTED_AT_ONCE):
                files += map(_listed, objects)
                if len(files) >= MOST_FILES:
                    break
        return packages_in(files, term, skip, take)

    async def list_versions(self, package_id: str) -> Sequence[FeedVersion]:
        """The versions among the objects of one folder."""
        found = await self._files(package_id)
        if not found:
            raise no_such_package(package_id, self._bucket)
        return [version for version, _ in found]

    async def download(self, package_id: str, version: str) -> AsyncIterator[bytes]:
        """The object's bytes as they arrive."""
        wanted, missing = find_version(version), no_such_version(package_id, version, self._bucket)
        files = [file for each, file in await self._files(package_id) if find_version(each.version) == wanted]
        if wanted is None or not files:
            raise missing
        with self._failures():
            try:
                answer = await obstore.get_async(self._store, files[0].path)
            except FileNotFoundError as error:
                raise missing from error
            async for chunk in answer.stream(min_chunk_size=CHUNK_BYTES):
                view = memoryview(chunk)
                for offset in range(0, len(view), CHUNK_BYTES):
                    yield bytes(view[offset : offset + CHUNK_BYTES])

    async def close(self) -> None:
        """The client closes its connections by itself."""

    async def _files(self, package_id: str) -> list[tuple[FeedVersion, ListedFile]]:
        folder = find_folder(package_id)
        if folder is None:
            return []
        with self._failures():
            listed = await obstore.list_with_delimiter_async(self._store, folder or None)
        return files_of(map(_listed, listed["objects"]), package_id)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except (BaseError, FileNotFoundError) as error:
            if isinstance(error, PermissionDeniedError | UnauthenticatedError) or _REFUSED.search(str(error)):
                raise FeedRefused(
                    f"The bucket {self._bucket} does not let us in. Check the access key, the secret key and the "
                    "region, and whether the key may list and read the bucket."
                ) from error
            reason = str(error).strip().splitlines()[0][:300]
            raise FeedUnavailable(
                f"The bucket {self._bucket} cannot be used: {reason}. "
                "Check its name, region and endpoint, or try later."
            ) from error


def _open_store(settings: FeedSettings, bucket: str) -> S3Store:
    options = settings.options
    region = options.get("region") or "us-east-1"
    endpoint = options.get("endpoint") or f"https://s3.{region}.amazonaws.com"
    home_address(endpoint)
    access_key = options.get("access_key_id") or settings.username
    secret = settings.password.reveal() if settings.password else ""
    if bool(access_key) != bool(secret):
        raise Invalid("A bucket needs an access key and its secret key, or neither when the public may read it.")
    keys: _Keys = {"access_key_id": access_key, "secret_access_key": secret} if access_key else {"skip_signature": True}
    attempts, backoff = max(1, settings.attempts), max(_LEAST_BACKOFF_SECONDS, settings.backoff_seconds)
    return S3Store(
        bucket,
        endpoint=endpoint,
        region=region,
        **keys,
        virtual_hosted_style_request=not options.get("endpoint"),
        client_options={"allow_http": endpoint.startswith("http://")},
        retry_config={
            "max_retries": attempts - 1,
            "retry_timeout": timedelta(seconds=_LEAST_RETRY_SECONDS + attempts * attempts * backoff),
            "backoff": {
                "init_backoff": timedelta(seconds=backoff),
                "max_backoff": timedelta(seconds=attempts * backoff),
                "base": 2,
            },
        },
    )


def _listed(found: "ObjectMeta") -> ListedFile:
    return ListedFile(found["path"], found["size"], found["last_modified"])
