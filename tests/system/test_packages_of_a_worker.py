"""A real server and a real worker that polls it: packages come by what differs, steps say what a machine lacks."""

import random
import shutil
import time
from typing import Any

import httpx
import pytest

from services_under_test.site import POOL, Site

CONTENT = random.Random(8).randbytes(4_000_000)


@pytest.fixture(scope="module")
def client(site: Site) -> Any:
    with site.server.client() as client:
        yield client


def run(client: httpx.Client, script: str, **arguments: Any) -> tuple[str, list[str]]:
    """Run a script on the worker; the task's state and its lines."""
    pool = next(each for each in client.get("/api/Spaces-1/workerpools/all").json() if each["Name"] == POOL)
    wanted = {"ScriptBody": script, "TargetType": "WorkerPools", "WorkerPoolIds": [pool["Id"]], **arguments}
    task = client.post("/api/Spaces-1/tasks", json={"Name": "AdHocScript", "Arguments": wanted}).json()["Id"]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        details = client.get(f"/api/tasks/{task}/details").json()
        if details["Task"]["IsCompleted"]:
            units = details["ActivityLogs"][0]["Children"][0]["Children"]
            return details["Task"]["State"], [line["MessageText"] for unit in units for line in unit["LogElements"]]
        time.sleep(0.05)
    raise TimeoutError(task)


def test_a_worker_fetches_the_next_version_by_what_differs(client: httpx.Client) -> None:
    shown = []
    for version, content in (("1.0", CONTENT), ("1.1", CONTENT[:2_000_000] + b"a change" + CONTENT[2_000_000:])):
        push = client.post(f"/api/Spaces-1/packages/raw?fileName=Acme.{version}.tar", content=content)
        assert push.status_code == 201, push.text
        reference = {"PackageId": "Acme", "Version": version, "Name": "acme", "Extract": False}
        shown.append(run(client, "wc -c <acme.tar", PackageReferences=[reference]))

    assert [state for state, _ in shown] == ["Success", "Success"]
    assert "4000000" in shown[0][1]
    assert "4000008" in shown[1][1]
    assert "Fetched 0.0 MB of Acme.1.1.tar; the other of 4.0 MB were here" in shown[1][1]


def test_powershell_runs_where_it_is_and_elsewhere_is_said_what_to_install(client: httpx.Client) -> None:
    state, lines = run(client, "Write-Highlight 'hello'", Syntax="PowerShell")

    if shutil.which("pwsh"):
        assert (state, "hello" in lines) == ("Success", True)
    else:
        assert (state, any("Install PowerShell 7" in line for line in lines)) == ("Failed", True)
