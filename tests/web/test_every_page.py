"""Every page as one finds it: it loads, and looks right. What a story changes is looked at in that story's test."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from octavo_program import RunningServer
from web.browsing import PATIENCE_MS
from web.looks import look
from web.site import Site

Open = Callable[[str], Page]

PAGES = {
    "dashboard": "",
    "projects": "/projects",
    "project": "/projects/picture-shop",
    "project-releases": "/projects/picture-shop/releases",
    "project-process": "/projects/picture-shop/process",
    "project-variables": "/projects/picture-shop/variables",
    "release": "/projects/picture-shop/releases/1.0.0",
    "create-release": "/projects/picture-shop/releases/new",
    "deploy": "/projects/picture-shop/releases/1.0.0/deploy",
    "tasks": "/tasks",
    "task-question": "/tasks/{question}",
    "task-log": "/tasks/{log}",
    "infrastructure": "/infrastructure",
    "targets": "/infrastructure/targets",
    "environments": "/infrastructure/environments",
    "add-worker": "/infrastructure/workers/new",
    "console": "/console",
    "packages": "/library",
    "lifecycles": "/library/lifecycles",
    "audit": "/audit",
    "api-keys": "/configuration",
    "users": "/configuration/users",
    "about": "/configuration/about",
    "no-such-page": "/nothing/here",
}


@pytest.fixture(scope="module")
def tasks(site: Site) -> dict[str, str]:
    """Tasks to look at: one that asks, one with a log."""
    site.make_project("Picture shop")
    site.make_release("Picture shop", "1.0.0")
    site.deploy("Picture shop", "1.0.0", "Development")
    return {
        "question": site.deploy("Picture shop", "1.0.0", "Production"),
        "log": site.run("seq -f 'part %.0f is done' 60; echo 'mind the gap' >&2"),
    }


@pytest.mark.parametrize("name", PAGES)
def test_the_page_loads_and_is_accessible(
    name: str, open_page: Open, page: Page, tasks: dict[str, str], server: RunningServer
) -> None:
    address = PAGES[name].format_map(tasks)
    if name == "no-such-page":
        page.goto(f"{server.url}/app/Spaces-1{address}")
        expect(page.get_by_text("There is no such page")).to_be_visible(timeout=PATIENCE_MS)
    else:
        open_page(address)
    look(page, name)
