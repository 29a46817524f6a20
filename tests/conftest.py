"""Fixtures that every test may use. Servers and machines stand in the folders that need them."""

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """All async tests run on the stock asyncio loop, as the product does."""
    return "asyncio"
