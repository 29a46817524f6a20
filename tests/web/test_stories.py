"""What people do with the pages, from end to end: real server, real worker, real browser."""

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from octavo_program import ADMIN_PASSWORD, RunningServer, environment
from web.browsing import PATIENCE_MS, sign_in
from web.site import Site

Open = Callable[[str], Page]


@pytest.fixture(autouse=True)
def _patience() -> None:
    expect.set_options(timeout=PATIENCE_MS)


def test_signing_in_needs_the_password_and_signing_out_ends_it(browser: Browser, server: RunningServer) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(server.url)
    sign_in(page, "wrong")
    expect(page.get_by_role("alert")).to_be_visible()
    sign_in(page, ADMIN_PASSWORD)
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("User name")).to_be_visible()
    page.reload()
    expect(page.get_by_label("User name")).to_be_visible()
    context.close()


def test_a_worker_is_added_by_the_commands_of_the_page_drained_and_deleted(
    open_page: Open, server: RunningServer, tmp_path: Path
) -> None:
    page = open_page("/infrastructure/workers/new")
    page.get_by_label("Name", exact=True).fill("builder")
    page.get_by_label("Server's polling port").fill(str(server.addresses["Polling"]).rpartition(":")[2].strip("/"))
    page.get_by_role("button", name="Make a key for an hour").click()
    expect(page.get_by_role("button", name="The key is in the commands")).to_be_visible()
    arrival = page.get_by_test_id("arrival")
    expect(arrival).to_contain_text("Waiting for builder")
    with _agent_by(page.locator(".command pre").inner_text(), tmp_path):
        expect(arrival).to_contain_text("builder is connected and healthy")

        _run_in_console(open_page, "echo drained; sleep 1; echo done", worker="builder")
        expect(page.locator(".line", has_text="done").last).to_be_visible()

        page = open_page("/infrastructure")
        page.get_by_role("row", name=re.compile("builder")).get_by_role("button", name="Drain").click()
        expect(page.get_by_role("row", name=re.compile("builder"))).to_contain_text("Draining")
        _run_in_console(open_page, "echo never", worker="builder")
        expect(page.get_by_test_id("waiting")).to_contain_text("builder")
        page.get_by_role("button", name="Cancel", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        expect(page.locator("header [data-state=Canceled]")).to_be_visible()

        page = open_page("/infrastructure")
        page.get_by_role("link", name="builder").click()
        page.get_by_role("button", name="Delete").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(page.get_by_text("builder is deleted")).to_be_visible()


def test_a_package_is_pushed_from_the_page(open_page: Open, tmp_path: Path) -> None:
    package = tmp_path / "WebShop.1.2.3.zip"
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("index.html", "hello")

    page = open_page("/library")
    page.locator("input[type=file]").set_input_files(package)

    expect(page.get_by_role("row", name=re.compile(r"WebShop 1\.2\.3"))).to_be_visible()


def test_a_project_is_made_its_process_edited_released_and_deployed(open_page: Open, site: Site) -> None:
    site.make_environments()
    page = open_page("/projects")
    page.get_by_role("button", name="New project").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Fresh shop")
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    page.get_by_role("button", name="Add a script step").click()
    page.get_by_label("Script", exact=True).fill('echo "version #{Octopus.Release.Number} is out"')
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Discard changes")).to_be_hidden()

    page.get_by_role("link", name="Create release").click()
    page.get_by_label("Version").fill("2.0.0")
    page.get_by_role("button", name="Create release").click()
    expect(page.get_by_role("heading", name="Release 2.0.0")).to_be_visible()

    page.get_by_role("link", name="Deploy", exact=True).click()
    expect(page.get_by_role("cell", name="Script 1", exact=True)).to_be_visible()
    page.get_by_role("button", name="Deploy", exact=True).click()
    expect(page.locator(".line", has_text="version 2.0.0 is out")).to_be_visible()
    expect(page.locator("header [data-state=Success]")).to_be_visible()

    page = open_page("")
    expect(page.get_by_role("row", name=re.compile("Fresh shop"))).to_contain_text("2.0.0")


def test_a_question_is_answered_in_place(open_page: Open, site: Site) -> None:
    site.make_project("Asking shop")
    site.make_release("Asking shop", "1.0.0")
    site.deploy("Asking shop", "1.0.0", "Development")
    task_id = site.deploy("Asking shop", "1.0.0", "Production")

    page = open_page(f"/tasks/{task_id}")
    expect(page.get_by_text("Is 1.0.0 good?")).to_be_visible()
    page.get_by_label("Notes").fill("Looks good.")
    page.get_by_role("button", name="Proceed").click()

    expect(page.locator("header [data-state^=Success]")).to_be_visible()
    expect(page.locator(".line", has_text="published 1.0.0")).to_be_visible()


def test_of_a_long_log_only_what_is_in_view_exists_and_all_of_it_is_found(open_page: Open, site: Site) -> None:
    task_id = site.run("seq -f 'line %.0f of many' 20000")

    page = open_page(f"/tasks/{task_id}")
    expect(page.locator("header [data-state=Success]")).to_be_visible()
    expect(page.locator("[data-lines]")).to_contain_text(re.compile(r"20,0\d\d lines$"))

    assert page.locator(".line").count() < 200
    page.get_by_label("Search the log").fill("line 17321 of")
    expect(page.locator(".line")).to_have_count(1)
    expect(page.locator(".line mark")).to_have_text("line 17321 of")


def test_the_search_leads_anywhere_by_keyboard(open_page: Open, site: Site) -> None:
    site.make_project("Hidden treasure")
    page = open_page("/audit")
    page.keyboard.press("Control+k")
    page.keyboard.type("treasure")
    expect(page.get_by_role("dialog").get_by_role("option").first).to_contain_text("Hidden treasure")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Hidden treasure")).to_be_visible()


def test_the_list_of_tasks_is_filtered_by_what_they_say(open_page: Open, site: Site) -> None:
    task_id = site.ask("POST", "tasks", {"Name": "Health", "Description": "Look after the elephants"})["Id"]
    page = open_page("/tasks")
    page.get_by_label("Find").fill("elephants")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text(task_id)


def test_the_addresses_that_the_api_links_to_open_the_same_pages(page: Page, server: RunningServer, site: Site) -> None:
    task_id = site.run("echo linked")
    page.goto(f"{server.url}{site.ask('GET', f'tasks/{task_id}')['Links']['Web']}")
    expect(page.get_by_role("heading", name="A script of the tests")).to_be_visible()


@contextmanager
def _agent_by(commands: str, folder: Path) -> Iterator[None]:
    """Run the page's commands as they stand, but in `folder`; the agent in the foreground instead of as a service."""
    *setup, service = commands.strip().splitlines()
    assert service == "tentacle service --install --start --instance builder"
    script = "\n".join(setup).replace("/etc/octopus", f"{folder}/etc").replace("/home/Octopus", f"{folder}/home")
    assert str(folder) in script
    search_path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    variables = environment(PATH=search_path, TentacleMachineConfigurationHomeDirectory=f"{folder}/registry")
    done = subprocess.run(
        ("bash", "-ec", script), capture_output=True, text=True, env=variables, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    command = ("tentacle", "agent", "--instance", "builder", "--noninteractive")
    with (folder / "agent.log").open("wb") as log:
        agent = subprocess.Popen(command, env=variables, stdout=log, stderr=log)
    try:
        yield
    finally:
        agent.terminate()
        agent.wait(20)


def _run_in_console(open_page: Open, body: str, *, worker: str) -> None:
    page = open_page("/console")
    page.get_by_label("Run on").select_option("WorkerIds")
    page.get_by_label(worker, exact=True).check()
    page.get_by_label("Script", exact=True).fill(body)
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/tasks/*")
