"""A release's packages are on the machines before it is deployed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agents_under_test.served_agent import OFFICIAL, served_agent
from agents_under_test.stage import Stage, running_stage
from octavo.server.store import Store

SPACE = "/api/Spaces-1"


@pytest.fixture
async def stage(sqlite_store: Store, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_stage(sqlite_store, sqlite_url, tmp_path) as stage:
        await stage.api.post("/api/environments", {"Name": "Dev"})
        yield stage


async def a_release(stage: Stage, packages: list[dict[str, Any]]) -> str:
    group = (await stage.api.get("/api/projectgroups/all"))[0]["Id"]
    lifecycle = (await stage.api.get("/api/lifecycles/all"))[0]["Id"]
    project = await stage.api.post("/api/projects", {"Name": "Web", "ProjectGroupId": group, "LifecycleId": lifecycle})
    action = {
        "Name": "Build",
        "ActionType": "Octopus.Script",
        "Properties": {"Octopus.Action.Script.ScriptBody": "true"},
        "Packages": packages,
    }
    path = f"/api/projects/{project['Id']}/deploymentprocesses"
    await stage.api.put(path, {"Steps": [{"Name": "Build", "Actions": [action]}]})
    body = {"ProjectName": "Web", "ReleaseVersion": "1.0.0"}
    return str((await stage.api.post(f"{SPACE}/releases/create/v1", body, 201))["ReleaseId"])


async def test_packages_are_brought_to_every_worker_that_would_use_them(stage: Stage) -> None:
    files = {"file": ("Acme.1.0.zip", b"PK\x05\x06" + bytes(18))}
    assert (await stage.api.client.post(f"{SPACE}/packages/raw", files=files)).status_code == 201
    release = await a_release(stage, [{"Name": "acme", "PackageId": "Acme", "FeedId": "feeds-builtin"}])
    thumbprint = stage.server.identity.thumbprint
    async with (
        served_agent(stage.folder / "one", thumbprint, OFFICIAL) as one,
        served_agent(stage.folder / "two", thumbprint, OFFICIAL) as two,
    ):
        await stage.add_worker(one, "build-1")
        await stage.add_worker(two, "build-2")

        task = await stage.api.post(f"{SPACE}/releases/{release}/stage", {"EnvironmentId": "Dev"}, 201)
        details = await stage.end_of(task["Id"])

    assert details["Task"]["State"] == "Success"
    assert details["Task"]["Description"] == "Stage the packages of Web 1.0.0 for Dev"
    for name in ("one", "two"):
        [package] = (stage.folder / name / "home").glob("Files/Acme@S1.0@*.zip")
        assert package.stat().st_size == 22


async def test_there_must_be_something_to_bring_and_somewhere_to_bring_it(stage: Stage) -> None:
    release = await a_release(stage, [])

    answer = await stage.api.post(f"{SPACE}/releases/{release}/stage", {"EnvironmentId": "Dev"}, 400)

    assert "uses no package" in str(answer)
    assert (await stage.api.client.post(f"{SPACE}/releases/Releases-9/stage", json={})).status_code == 404
