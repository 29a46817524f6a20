"""Packages of feeds elsewhere: found, frozen into releases, fetched once by the server, delivered like any other."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from agents_under_test.served_agent import OFFICIAL, served_agent
from agents_under_test.stage import Stage, lines, running_stage
from fakes.feed_server import FeedServer, Reply, running_feed_server
from fakes.feed_sites import Site, publish_nuget
from octavo.server.store import Store

SPACE = "/api/Spaces-1"


@pytest.fixture
async def stage(sqlite_store: Store, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_stage(sqlite_store, sqlite_url, tmp_path) as stage:
        yield stage


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with running_feed_server() as server:
        yield server


@pytest.fixture
async def site(stage: Stage, server: FeedServer) -> Site:
    return publish_nuget(server)


async def add_feed(stage: Stage, site: Site, **more: Any) -> str:
    body = {"Name": "Elsewhere", "FeedType": site.feed_type, "FeedUri": site.uri, "DownloadAttempts": 1, **more}
    return str((await stage.api.post(f"{SPACE}/feeds", body))["Id"])


async def test_a_feed_is_searched(stage: Stage, site: Site) -> None:
    feed = await add_feed(stage, site)

    found = await stage.api.get(f"{SPACE}/feeds/{feed}/packages/search?term={site.term}")
    assert [each["Id"] for each in found["Items"]] == [site.package_id]
    path = f"{SPACE}/feeds/{feed}/packages/versions?packageId={site.package_id}"
    assert [each["Version"] for each in (await stage.api.get(path))["Items"]] == list(site.versions)
    stable = await stage.api.get(f"{path}&includePreRelease=false&take=1")
    assert ([each["Version"] for each in stable["Items"]], stable["TotalResults"]) == (["1.10.0"], 2)
    ranged = await stage.api.get(f"{path}&versionRange=[1.0,1.10)")
    assert [each["Version"] for each in ranged["Items"]] == ["1.9.0", "1.9.0-beta.1"]
    missing = await stage.api.get(f"{SPACE}/feeds/{feed}/packages/versions?packageId={site.unknown_id}")
    assert missing["Items"] == []


async def test_a_package_is_fetched_once_and_delivered(stage: Stage, site: Site, server: FeedServer) -> None:
    feed = await add_feed(stage, site)
    reference = {"PackageId": site.package_id, "FeedId": feed, "Name": "acme", "Extract": False}
    async with served_agent(stage.folder, stage.server.identity.thumbprint, OFFICIAL) as agent:
        await stage.add_worker(agent, "build-1")

        ends = [await stage.run("wc -c <acme.nupkg", PackageReferences=[reference]) for _ in range(2)]

    assert [lines(end)[-1].strip() for end in ends] == [str(len(site.content))] * 2
    assert server.calls.count(site.file_path) == 1
    assert ends[0]["Task"]["Arguments"]["PackageReferences"][0]["Version"] == site.versions[0]


async def test_a_release_freezes_the_newest_version_or_the_one_that_is_asked_for(stage: Stage, site: Site) -> None:
    feed = await add_feed(stage, site)
    await a_project(stage, feed, site.package_id)

    newest = await stage.api.post(f"{SPACE}/releases/create/v1", {"ProjectName": "Web", "ReleaseVersion": "1.0"}, 201)
    asked = {"ProjectName": "Web", "ReleaseVersion": "1.1", "Packages": [f"Build:{site.versions[1]}"]}
    named = await stage.api.post(f"{SPACE}/releases/create/v1", asked, 201)

    frozen = [await stage.api.get(f"{SPACE}/releases/{each['ReleaseId']}") for each in (newest, named)]
    assert [each["SelectedPackages"][0]["Version"] for each in frozen] == list(site.versions[:2])


async def test_a_feed_that_does_not_have_it_or_does_not_answer_is_named(stage: Stage, site: Site) -> None:
    feed = await add_feed(stage, site)
    await a_project(stage, feed, site.unknown_id)
    body = {"ProjectName": "Web", "ReleaseVersion": "1.0"}

    answer = await stage.api.post(f"{SPACE}/releases/create/v1", body, 400)
    assert "the feed Elsewhere does not have it" in str(answer)

    changed = await stage.api.get(f"{SPACE}/feeds/{feed}")
    await stage.api.put(f"{SPACE}/feeds/{feed}", {**changed, "FeedUri": "http://127.0.0.1:1/v3/index.json"})
    response = await stage.api.client.post(f"{SPACE}/releases/create/v1", json=body)
    assert response.status_code in (400, 502, 503)
    assert "127.0.0.1:1" in response.text


async def test_a_feed_that_refuses_us_fails_the_step_and_keeps_the_password_to_itself(
    stage: Stage, site: Site, server: FeedServer
) -> None:
    server.replies[site.file_path] = Reply(b"", status=401)
    feed = await add_feed(stage, site, Username="ada", Password={"NewValue": "hunter22hunter22"})
    reference = {"PackageId": site.package_id, "FeedId": feed, "Name": "acme", "Extract": False}

    end = await stage.run("true", PackageReferences=[reference])

    assert end["Task"]["State"] == "Failed"
    assert "401" in end["Task"]["ErrorMessage"]
    assert "hunter22" not in str(end)
    assert "hunter22" not in str(await stage.api.get(f"{SPACE}/feeds/{feed}"))


async def test_a_folder_on_the_server_is_a_feed(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "share/tools").mkdir(parents=True)
    (tmp_path / "share/tools/Acme.1.0.zip").write_bytes(b"old")
    (tmp_path / "share/tools/Acme.1.10.zip").write_bytes(b"newest")
    body = {"Name": "Share", "FeedType": "Folder", "FeedUri": str(tmp_path / "share")}
    feed = (await stage.api.post(f"{SPACE}/feeds", body))["Id"]
    reference = {"PackageId": "tools/Acme", "FeedId": feed, "Name": "acme", "Extract": False}
    async with served_agent(stage.folder, stage.server.identity.thumbprint, OFFICIAL) as agent:
        await stage.add_worker(agent, "build-1")

        end = await stage.run("cat acme.zip; echo", PackageReferences=[reference])

    assert lines(end)[-1] == "newest"


async def test_a_feed_keeps_its_type_and_the_built_in_one_stays(stage: Stage, site: Site) -> None:
    feed = await stage.api.get(f"{SPACE}/feeds/{await add_feed(stage, site)}")
    built_in = next(each for each in (await stage.api.get(f"{SPACE}/feeds/all")) if each["FeedType"] == "BuiltIn")

    assert "keeps its type" in str(await stage.api.put(f"{SPACE}/feeds/{feed['Id']}", {**feed, "FeedType": "Npm"}, 400))
    assert (await stage.api.client.delete(f"{SPACE}/feeds/{built_in['Id']}")).status_code == 400
    assert (await stage.api.client.delete(f"{SPACE}/feeds/{feed['Id']}")).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"FeedType": "NuGet", "FeedUri": ""},
        {"FeedType": "NuGet", "FeedUri": "file:///etc"},
        {"FeedType": "Docker", "FeedUri": "https://example.org"},
        {"FeedType": "BuiltIn"},
    ],
)
async def test_a_feed_that_cannot_work_is_not_stored(stage: Stage, body: dict[str, str]) -> None:
    await stage.api.post(f"{SPACE}/feeds", {"Name": "Wrong", **body}, 400)

    assert [each["FeedType"] for each in await stage.api.get(f"{SPACE}/feeds/all")] == ["BuiltIn"]


async def a_project(stage: Stage, feed: str, package_id: str) -> None:
    group = (await stage.api.get("/api/projectgroups/all"))[0]["Id"]
    lifecycle = (await stage.api.get("/api/lifecycles/all"))[0]["Id"]
    project = await stage.api.post("/api/projects", {"Name": "Web", "ProjectGroupId": group, "LifecycleId": lifecycle})
    action = {
        "Name": "Build",
        "ActionType": "Octopus.Script",
        "Properties": {"Octopus.Action.Script.ScriptBody": "true"},
        "Packages": [{"Name": "", "PackageId": package_id, "FeedId": feed}],
    }
    path = f"/api/projects/{project['Id']}/deploymentprocesses"
    await stage.api.put(path, {"Steps": [{"Name": "Build", "Actions": [action]}]})
