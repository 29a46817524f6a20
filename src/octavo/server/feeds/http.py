"""HTTP as all feeds use it: bounded documents, streamed downloads, retries, and credentials that stay at home.

Credentials go to the feed's own scheme, host and port and nowhere else, whatever a document or a redirect says.
Addresses in messages have no query: behind a redirect it is often a signature that lets its bearer in.
"""

import asyncio
import base64
import hashlib
import logging
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import httpx

from octavo import __version__
from octavo.base.errors import Invalid, NotFound
from octavo.server.feeds.feed import CHUNK_BYTES, FeedRefused, FeedSettings, FeedUnavailable

log = logging.getLogger(__name__)

MOST_DOCUMENT_BYTES = 8 * 1_048_576
MOST_REDIRECTS = 5
LONGEST_PAUSE_SECONDS = 300.0
_DOCUMENT_SECONDS = 120.0  # a document that drips in slower is no answer
_TIMEOUTS = httpx.Timeout(30.0, connect=10.0)
_TOO_MANY_REQUESTS = 429
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ABSENT = frozenset({404, 410})
_USUAL_PORTS = {"http": 80, "https": 443}

#: Waits between two attempts.
Pause = Callable[[float], Awaitable[object]]


class DocumentTooLarge(FeedUnavailable):
    """A document is longer than any that we read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A document and where it came from; links in it are relative to `url`."""

    url: str
    data: bytes
    next_url: str | None = None


class FeedHttp:
    """One feed's HTTP client."""

    def __init__(self, settings: FeedSettings, pause: Pause = asyncio.sleep) -> None:
        self._home = home_address(settings.uri)
        self._credentials = _authorization(settings)
        self._attempts = max(1, settings.attempts)
        self._backoff_seconds = max(0.0, settings.backoff_seconds)
        self._pause = pause
        self._client = httpx.AsyncClient(
            timeout=_TIMEOUTS,
            follow_redirects=False,
            headers={"User-Agent": f"octavo/{__version__}"},
            limits=httpx.Limits(max_connections=16, max_keepalive_connections=4),
        )

    @property
    def home(self) -> str:
        """The feed's address without a slash at its end; what messages call the feed."""
        return shown(self._home).rstrip("/")

    def address(self, *segments: str) -> str:
        """An address below the feed's own; the segments are quoted already."""
        return "/".join([str(self._home.copy_with(query=None)).rstrip("/"), *segments])

    async def find_document(self, url: str, accept: str = "application/json") -> Answer | None:
        """The document at an address; None when there is none.

        Raises:
            FeedUnavailable: no answer, also not after all attempts, or one too long to read.
            FeedRefused: the feed does not let us in.
        """
        headers = {"Accept": accept, "Accept-Encoding": "gzip"}
        attempt = 0
        while True:
            attempt += 1
            try:
                async with asyncio.timeout(_DOCUMENT_SECONDS), self._answer("GET", url, headers) as response:
                    if response.status_code in _ABSENT:
                        return None
                    return await _read(response)
            except (_WorthRepeating, httpx.HTTPError, TimeoutError, zlib.error) as error:
                await self._wait_or_give_up(url, attempt, error)

    async def is_there(self, url: str) -> bool:
        """Whether something is at an address, without fetching it."""
        attempt = 0
        while True:
            attempt += 1
            try:
                async with asyncio.timeout(_DOCUMENT_SECONDS), self._answer("HEAD", url, {}) as response:
                    return response.status_code not in _ABSENT
            except (_WorthRepeating, httpx.HTTPError, TimeoutError) as error:
                await self._wait_or_give_up(url, attempt, error)

    async def download(self, url: str, missing: NotFound, accept: str = "*/*") -> AsyncGenerator[bytes, None]:
        """The bytes at an address. A download that breaks starts again; what was handed on already is skipped.

        Raises:
            NotFound: nothing is there; it is `missing`.
            FeedUnavailable: no answer, also not after all attempts, or another file than before the break.
            FeedRefused: the feed does not let us in.
        """
        headers = {"Accept": accept, "Accept-Encoding": "identity"}
        attempt, handed_on, likeness = 0, 0, None
        while True:
            attempt += 1
            try:
                async with self._answer("GET", url, headers) as response:
                    if response.status_code in _ABSENT:
                        raise missing
                    if likeness is not None and likeness != _likeness(response):
                        raise FeedUnavailable(f"The file at {shown(url)} changed while it was fetched. Try again.")
                    likeness, begin = _likeness(response), 0
                    async for chunk in response.aiter_raw(CHUNK_BYTES):
                        news = chunk[max(0, handed_on - begin) :]
                        begin += len(chunk)
                        if news:
                            handed_on += len(news)
                            yield news
                return
            except (_WorthRepeating, httpx.HTTPError) as error:
                await self._wait_or_give_up(url, attempt, error)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    @asynccontextmanager
    async def _answer(self, method: str, url: str, headers: Mapping[str, str]) -> AsyncIterator[httpx.Response]:
        """The answer behind all redirects: a success, or that nothing is there."""
        target = _address(url)
        for _ in range(MOST_REDIRECTS + 1):
            own = {"Authorization": self._credentials} if self._credentials and self._is_at_home(target) else {}
            async with self._client.stream(method, target, headers={**headers, **own}) as response:
                if response.status_code not in _REDIRECTS:
                    self._refuse_failures(response)
                    yield response
                    return
                target = _followed(target, response.headers.get("Location", ""))
        raise FeedUnavailable(f"{shown(url)} redirects more than {MOST_REDIRECTS} times. Is the feed's address right?")

    def _is_at_home(self, url: httpx.URL) -> bool:
        home = (self._home.scheme, self._home.host, _port(self._home))
        there = (url.scheme, url.host, _port(url))
        return there == home or (home, there) == (("http", url.host, 80), ("https", url.host, 443))

    def _refuse_failures(self, response: httpx.Response) -> None:
        status, place = response.status_code, shown(response.url)
        if response.is_success or status in _ABSENT:
            return
        if status >= 500 or status == _TOO_MANY_REQUESTS:
            raise _WorthRepeating(f"it answered {status} {response.reason_phrase}".strip())
        if response.headers.get("X-RateLimit-Remaining") == "0":
            raise FeedRefused(
                f"The feed {self.home} answered {status} at {place}: its limit of requests is used up. "
                "Wait, or configure a user or token with a higher limit."
            )
        if status in {401, 403}:
            said = "the configured user or password" if self._credentials else "nobody who does not sign in"
            raise FeedRefused(
                f"The feed {self.home} answered {status} at {place}: it does not accept {said}, or not for this. "
                "Check the feed's user name and password or token."
            )
        raise FeedRefused(
            f"The feed {self.home} answered {status} {response.reason_phrase} at {place}. "
            "Check the feed's address and type."
        )

    async def _wait_or_give_up(self, url: str, attempt: int, error: Exception) -> None:
        """Return when another attempt is due."""
        reason = str(error) or type(error).__name__
        if attempt >= self._attempts:
            times = "once" if attempt == 1 else f"{attempt} times"
            raise FeedUnavailable(
                f"The feed {self.home} cannot be used: {shown(url)} was tried {times}, at last {reason}. "
                "Check the feed's address and whether the server can reach it, or try later."
            ) from error
        pause = min(attempt * self._backoff_seconds, LONGEST_PAUSE_SECONDS)
        log.info("a feed is asked again", extra={"feed": self.home, "attempt": attempt, "reason": reason})
        await self._pause(pause)


async def verified(
    chunks: AsyncGenerator[bytes, None], algorithm: str, digest: bytes, name: str
) -> AsyncGenerator[bytes, None]:
    """The chunks as they come; at their end the digest is compared.

    Raises:
        FeedRefused: the bytes are not those that the feed promised.
    """
    hasher = hashlib.new(algorithm, usedforsecurity=False)  # SHA-1 is all that old registries have
    async with aclosing(chunks):
        async for chunk in chunks:
            hasher.update(chunk)
            yield chunk
    if hasher.digest() != digest:
        raise FeedRefused(
            f"The download of {name} was refused: its {algorithm} is {hasher.hexdigest()}, the feed promised "
            f"{digest.hex()}. The file was damaged or exchanged; ask who runs the feed."
        )


def home_address(uri: str) -> httpx.URL:
    """The feed's address, if it is one that we may call.

    Raises:
        Invalid: it is not; the message says what one looks like.
    """
    try:
        url = httpx.URL(uri.strip())
    except httpx.InvalidURL as error:
        raise Invalid("The feed's address cannot be read. It must begin with https:// or http://.") from error
    if url.userinfo:
        raise Invalid("The feed's address must hold no user name and password: they have fields of their own.")
    if url.scheme not in _USUAL_PORTS or not url.host:
        raise Invalid(f"The feed's address '{shown(url)}' must begin with https:// or http:// and name a host.")
    return url


def shown(url: str | httpx.URL) -> str:
    """An address as messages show it: without user, query and fragment."""
    try:
        return str(httpx.URL(url).copy_with(userinfo=b"", query=None, fragment=None))
    except httpx.InvalidURL:
        return "an address that cannot be read"


class _WorthRepeating(Exception):
    """An answer that may be another one next time."""


async def _read(response: httpx.Response) -> Answer:
    data = bytearray()
    async for chunk in response.aiter_bytes():
        data += chunk
        if len(data) > MOST_DOCUMENT_BYTES:
            raise DocumentTooLarge(
                f"The answer of {shown(response.url)} is longer than {MOST_DOCUMENT_BYTES // 1_048_576} MiB. "
                "Is this the address of a feed of the configured type?"
            )
    following = response.links.get("next", {}).get("url")
    return Answer(str(response.url), bytes(data), str(response.url.join(following)) if following else None)


def _followed(source: httpx.URL, location: str) -> httpx.URL:
    """Where a redirect leads."""
    target = source.join(location)  # httpx has read it already
    if not location or target.scheme not in _USUAL_PORTS or not target.host:
        raise FeedUnavailable(f"{shown(source)} redirects to an address that cannot be called.")
    if source.scheme == "https" and target.scheme == "http":
        raise FeedRefused(
            f"{shown(source)} redirects to {shown(target)}, which is not encrypted. "
            "If that is meant, configure that address as the feed's."
        )
    return target


def _address(url: str) -> httpx.URL:
    try:
        target = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise FeedUnavailable("The feed names an address that cannot be read.") from error
    if target.scheme not in _USUAL_PORTS or not target.host:
        raise FeedUnavailable(f"The feed names an address that cannot be called: {shown(target)}.")
    return target.copy_with(userinfo=b"")


def _authorization(settings: FeedSettings) -> str | None:
    """Basic with a user name; a password without one is a token."""
    password = settings.password.reveal() if settings.password else ""
    if settings.username:
        return "Basic " + base64.b64encode(f"{settings.username}:{password}".encode()).decode()
    return f"Bearer {password}" if password else None


def _port(url: httpx.URL) -> int | None:
    return url.port or _USUAL_PORTS.get(url.scheme)


def _likeness(response: httpx.Response) -> tuple[str | None, str | None]:
    """What two answers with the same file have in common."""
    return response.headers.get("ETag"), response.headers.get("Content-Length")
