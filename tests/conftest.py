"""Fixtures that every test may use. Servers and machines stand in the folders that need them."""

import os

import pytest

#: Real PostgreSQL, NATS and S3, the stores, buses and blobs on them, and the API: started when a test first asks.
pytest_plugins = [
    "services_under_test.postgresql",
    "services_under_test.nats",
    "services_under_test.containers",
    "services_under_test.seaweedfs",
    "services_under_test.stores",
    "services_under_test.site",
    "api_under_test",
]

# Agents under test, also in processes of their own, must leave no accounts in the machine's database.
os.environ["TENTACLE_JOB_ACCOUNTS"] = "numbers"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """All async tests run on the stock asyncio loop, as the product does."""
    return "asyncio"
