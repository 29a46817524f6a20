"""The seam: what every external feed can do, whatever it speaks.

Made for one set of settings, used from many coroutines at once, closed by whoever opened it.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from octavo.base.errors import Invalid, NotFound, OctavoError
from octavo.base.sensitive import Sensitive

CHUNK_BYTES = 1_048_576  # what `download` yields at a time, at most


class FeedUnavailable(OctavoError):
    """The feed does not answer, or with something else than its kind of feed says; a later try may succeed."""


class FeedRefused(Invalid):
    """The feed does not let us in, or what it sent must not be used; trying again changes nothing."""


@dataclass(frozen=True, slots=True)
class FeedSettings:
    """What a user has configured.

    `uri` is the bucket for S3 and an absolute path for Folder. `options` are what only one type has: `region`,
    `endpoint` and `access_key_id` for S3 (`username` says the last one too).
    """

    feed_type: str
    uri: str
    username: str = ""
    password: Sensitive | None = None
    attempts: int = 5
    backoff_seconds: float = 10
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeedPackage:
    """A package as a search shows it."""

    package_id: str
    description: str = ""
    latest_version: str = ""


@dataclass(frozen=True, slots=True)
class FeedVersion:
    """One version of a package. `extension` begins with a dot and tells how the download is packed."""

    package_id: str
    version: str
    extension: str
    published_at: datetime | None = None
    size_bytes: int | None = None
    release_notes: str = ""
    title: str = ""


class PackageFeed(Protocol):
    """All methods may be used at once and are safe to repeat.

    Each may raise FeedUnavailable (try later) and FeedRefused (somebody must change something).
    """

    async def search(self, term: str, skip: int, take: int) -> Sequence[FeedPackage]:
        """Packages that fit the term, at most `take`; none is no error."""

    async def list_versions(self, package_id: str) -> Sequence[FeedVersion]:
        """All versions, newest first by the order of this type of feed.

        Raises:
            NotFound: the feed has no such package.
        """

    def download(self, package_id: str, version: str) -> AsyncIterator[bytes]:
        """The package's bytes, in chunks of at most `CHUNK_BYTES`.

        They may only be used once the iteration has ended without an error: checksums are compared at the end.

        Raises:
            NotFound: the feed has no such package, or not in this version.
        """

    async def close(self) -> None:
        """Let go of connections."""


def no_such_package(package_id: str, place: str) -> NotFound:
    """The error for a package that a feed does not have."""
    return NotFound(
        f"The feed {place} has no package '{package_id[:200]}'. "
        "Check the id, and whether the feed's user may see the package."
    )


def no_such_version(package_id: str, version: str, place: str) -> NotFound:
    """The error for a version that a feed does not have."""
    return NotFound(
        f"The feed {place} has no version '{version[:200]}' of the package '{package_id[:200]}'. "
        "Was it deleted there, or never published?"
    )
