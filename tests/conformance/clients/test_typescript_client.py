"""The official TypeScript client, as the npm registry has it, against a real server process.

Each `*.test.mjs` beside this file is a suite of Node's own test runner; the client's version is pinned in its
`package-lock.json`. Source: typescript-walkthrough.md.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from octavo_program import API_KEY, RunningServer, environment, running_octavo

SUITES = Path(__file__).parent / "typescript"
INSTALL_SECONDS = 300
SUITE_SECONDS = 240


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for all suites: they use names of their own."""
    with running_octavo(tmp_path_factory.mktemp("typescript") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def installed_client() -> Path:
    """The folder with the suites, and the client installed in it as the lock file says."""
    marker = SUITES / "node_modules" / ".package-lock.json"
    lock = SUITES / "package-lock.json"
    if not marker.exists() or marker.stat().st_mtime < lock.stat().st_mtime:
        command = [_program("npm"), "ci", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=SUITES, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
        assert done.returncode == 0, f"The client could not be installed:\n{done.stdout}\n{done.stderr}"
    return SUITES


@pytest.mark.parametrize("suite", sorted(path.name for path in SUITES.glob("*.test.mjs")))
def test_the_official_client_gets_what_it_expects(suite: str, server: RunningServer, installed_client: Path) -> None:
    command = [_program("node"), "--test", "--test-reporter=spec", suite]

    done = subprocess.run(
        command,
        cwd=installed_client,
        capture_output=True,
        text=True,
        timeout=SUITE_SECONDS,
        check=False,
        env=environment() | {"OCTAVO_URL": server.url, "OCTAVO_TEST_KEY": API_KEY, "NO_COLOR": "1"},
    )

    assert done.returncode == 0, f"{done.stdout[-20_000:]}\n{done.stderr[-5_000:]}"
    passed = re.search(r"^. pass (\d+)$", done.stdout, re.MULTILINE)
    assert passed is not None, "the runner did not say how many tests passed"
    assert int(passed.group(1)) > 0, "the suite has no test"


def _program(name: str) -> str:
    found = shutil.which(name, path=os.environ.get("PATH"))
    assert found is not None, f"{name} is not installed. The conformance tests need Node.js 20 or later."
    return found
