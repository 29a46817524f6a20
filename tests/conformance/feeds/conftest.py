"""HTTP servers for feeds under test."""

from collections.abc import Iterator

import pytest

from fakes.feed_server import FeedServer, running_feed_server


@pytest.fixture
def server() -> Iterator[FeedServer]:
    """An HTTP server on loopback."""
    with running_feed_server() as running:
        yield running


@pytest.fixture
def elsewhere() -> Iterator[FeedServer]:
    """Another one."""
    with running_feed_server() as running:
        yield running
