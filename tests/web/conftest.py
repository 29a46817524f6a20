"""The web interface in a real Chromium, against a real server process. Built once by `make web`.

Playwright's driver keeps an event loop for itself while it runs, so it lives no longer than a module: async tests
elsewhere must find no loop of somebody else.
"""

import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from octavo_program import ADMIN_PASSWORD, RunningServer, running_octavo
from web.browsing import PATIENCE_MS, ROOT, sign_in
from web.site import Site

CHROMIUM = "/usr/bin/chromium"


@pytest.fixture(scope="session")
def pages_are_built() -> None:
    """`make web`, which says what to install where there is no node: that is a failure, never a skipped test."""
    built = subprocess.run(("make", "-C", str(ROOT), "web"), capture_output=True, text=True, timeout=240, check=False)
    assert built.returncode == 0, built.stdout + built.stderr


@pytest.fixture(scope="session")
def server(pages_are_built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server process of its own, empty at first; the tests of this folder share it."""
    with running_octavo(tmp_path_factory.mktemp("web") / "data") as running:
        yield running


@pytest.fixture(scope="session")
def site(server: RunningServer) -> Iterator[Site]:
    """The server's API, for what a story needs beforehand."""
    with server.client() as client:
        yield Site(client)


@pytest.fixture(scope="module")
def browser(pages_are_built: None) -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def session(browser: Browser, server: RunningServer) -> Any:
    """The cookies of the administrator who signed in by the form."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{server.url}/app")
    sign_in(page, ADMIN_PASSWORD)
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible(timeout=PATIENCE_MS)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def page(browser: Browser, session: Any) -> Iterator[Page]:
    """A page of the administrator. An error that the page does not handle fails the test."""
    wide: Any = {"width": 1280, "height": 800}
    context = browser.new_context(storage_state=session, viewport=wide, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    opened, errors = context.new_page(), list[str]()
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda line: errors.append(line.text) if "Content Security Policy" in line.text else None)
    yield opened
    context.close()
    assert errors == []


@pytest.fixture
def open_page(page: Page, server: RunningServer) -> Callable[[str], Page]:
    """Open an address of the default space."""

    def go(path: str) -> Page:
        page.goto(f"{server.url}/app/Spaces-1{path}")
        expect(page.locator("h1")).to_be_visible()
        return page

    return go
