"""An agent with a home that other accounts can pass through, as an installed one has."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agents_under_test.opened_agent import OpenedAgent, open_agent


@pytest.fixture
def home() -> Iterator[Path]:
    """A home below `/tmp` itself: pytest's own folders are closed to other accounts."""
    folder = Path(tempfile.mkdtemp(prefix="octavo-agent-"))
    folder.chmod(0o755)
    yield folder / "home"
    shutil.rmtree(folder, ignore_errors=True)  # a supervisor in reserve may be at its last breath there


@pytest.fixture
async def agent(home: Path) -> AsyncIterator[OpenedAgent]:
    async with open_agent(home) as opened:
        yield opened
