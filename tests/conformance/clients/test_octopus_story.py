"""Releases, deployments, runbooks and tasks by the official command line: cli-walkthrough 9, and its script 13."""

import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from fakes.recorded_command_line import CommandLine, Refused
from services_under_test.site import POOL, Site, wait_for_task

EMPTY_ZIP = bytes.fromhex("504b0506000000000000000000000000000000000000")


@pytest.fixture
def line(site: Site) -> Iterator[CommandLine]:
    command_line = site.command_line()
    command_line.start()
    yield command_line
    command_line.close()


def fresh(name: str) -> str:
    return f"{name} {uuid.uuid4().hex[:8]}"


def script_step(line: CommandLine, name: str, body: str, packages: list[Any] | None = None) -> dict[str, Any]:
    properties = {
        "Octopus.Action.RunOnServer": "true",
        "Octopus.Action.Script.ScriptSource": "Inline",
        "Octopus.Action.Script.Syntax": "Bash",
        "Octopus.Action.Script.ScriptBody": body,
    }
    action = {"Name": name, "ActionType": "Octopus.Script", "Properties": properties, "Packages": packages or []}
    return {"Name": name, "Actions": [action | {"WorkerPoolId": line.lookup_by_name("workerpools", POOL)["Id"]}]}


def create_project(line: CommandLine, steps: list[dict[str, Any]]) -> Any:
    lifecycle = line.lookup("lifecycles", "Default Lifecycle")
    group = line.post(line.link("ProjectGroups"), {"Name": fresh("Apps"), "Slug": ""})
    body = {"Name": fresh("Web"), "LifecycleId": lifecycle["Id"], "ProjectGroupId": group["Id"]}
    project = line.post(line.link("Projects"), body)
    process = line.get(line.path(f"deploymentprocesses/{project['DeploymentProcessId']}"))
    line.put(process["Links"]["Self"], process | {"Steps": steps})
    return project


def create_environment(line: CommandLine) -> Any:
    return line.post(line.link("Environments"), {"Name": fresh("Dev"), "Slug": "", "SortOrder": 0, "SpaceId": ""})


def create_runbook(line: CommandLine, project: Any, body: str) -> Any:
    runbook = line.post(line.link("Runbooks"), {"Name": "Check", "ProjectId": project["Id"]})
    address = line.path(f"runbookProcesses/{runbook['RunbookProcessId']}")
    line.put(address, line.get(address) | {"Steps": [script_step(line, "Look", body)]})
    return runbook


def command(line: CommandLine, **more: Any) -> dict[str, Any]:
    return {"spaceIdOrName": line.space_id, "spaceId": line.space_id, **more}


def release_create(line: CommandLine, project: Any, version: str, **more: Any) -> Any:
    found = line.lookup("projects", project["Name"])
    body = command(line, projectName=found["Name"], releaseVersion=version, ignoreIfAlreadyExists=False, **more)
    created = line.post(line.path("releases/create/v1"), body, status=None)
    release = line.get(line.path(f"releases/{created['ReleaseId']}"))
    line.get(line.path(f"channels/{release['ChannelId']}"))
    return release


def release_deploy(line: CommandLine, project: Any, version: str, environment: Any, **more: Any) -> Any:
    body = command(
        line,
        projectName=project["Name"],
        releaseVersion=version,
        environmentNames=[environment["Name"]],
        forcePackageRedeployment=False,
        updateVariableSnapshot=False,
        forcePackageDownload=False,
        useGuidedFailure=None,
        **more,
    )
    (created,) = line.post(line.path("deployments/create/untenanted/v1"), body, status=None)["DeploymentServerTasks"]
    line.get(line.path(f"projects/{project['Id']}/releases/{version}"))
    return created


def test_a_release_is_listed_with_its_channel_and_deleted(line: CommandLine) -> None:
    project = create_project(line, [script_step(line, "Say", "echo hi")])
    for version in ("1.0.0", "1.1.0-beta"):
        release_create(line, project, version)

    found = line.lookup("projects", project["Name"])
    releases = line.pages(found["Links"]["Releases"].partition("{")[0])
    channels = ",".join(sorted({release["ChannelId"] for release in releases}))
    listed = line.get(line.path(f"channels?ids={quote(channels)}&take={len(releases)}"))["Items"]
    line.delete(line.path(f"releases/{releases[0]['Id']}"))

    assert [release["Version"] for release in releases] == ["1.1.0-beta", "1.0.0"]
    assert [channel["Name"] for channel in listed] == ["Default"]
    assert len(line.pages(found["Links"]["Releases"].partition("{")[0])) == 1


def test_progression_is_prevented_and_allowed_again(line: CommandLine) -> None:
    environment = create_environment(line)
    project = create_project(line, [script_step(line, "Say", "echo hi")])
    release = release_create(line, project, "1.0.0")
    defects = line.path(f"releases/{release['Id']}/defects")

    line.post(defects, {"ReleaseId": release["Id"], "Description": "broken"}, status=None)
    assert [each["Status"] for each in line.get(defects)["Items"]] == ["Unresolved"]
    line.post(f"{defects}/resolve", {"ReleaseId": release["Id"]}, status=None)

    assert [each["Status"] for each in line.get(defects)["Items"]] == ["Resolved"]
    task = wait_for_task(line, release_deploy(line, project, "1.0.0", environment)["ServerTaskId"])
    assert task["FinishedSuccessfully"] is True


def test_task_wait_shows_progress_with_ids_that_stay(line: CommandLine) -> None:
    environment = create_environment(line)
    project = create_project(line, [script_step(line, "One", "echo first"), script_step(line, "Two", "echo second")])
    release_create(line, project, "1.0.0")
    created = release_deploy(line, project, "1.0.0", environment)

    before = line.get(f"/api/tasks/{created['ServerTaskId']}/details")
    task = wait_for_task(line, created["ServerTaskId"])
    after = line.get(f"/api/tasks/{created['ServerTaskId']}/details")

    assert task["State"] == "Success"
    steps = after["ActivityLogs"][0]["Children"]
    assert [step["Status"] for step in steps] == ["Success", "Success"]
    texts = [element["MessageText"] for step in steps for unit in step["Children"] for element in unit["LogElements"]]
    assert any("first" in text for text in texts)
    assert any("second" in text for text in texts)
    known = {step["Id"] for step in before["ActivityLogs"][0]["Children"]}
    assert known <= {step["Id"] for step in steps}


def test_task_wait_cancels_when_its_time_is_over(line: CommandLine) -> None:
    environment = create_environment(line)
    project = create_project(line, [script_step(line, "Sleep", "sleep 30")])
    release_create(line, project, "1.0.0")
    created = release_deploy(line, project, "1.0.0", environment)

    line.post(f"/api/spaces/{line.space_id}/tasks/{created['ServerTaskId']}/cancel", status=None)

    assert wait_for_task(line, created["ServerTaskId"])["State"] == "Canceled"


def test_runbook_commands(line: CommandLine) -> None:
    environment, project = create_environment(line), create_project(line, [])
    runbook = create_runbook(line, project, "echo checked")

    listed = line.get(line.path(f"projects/{project['Id']}/runbooks?take=2147483647"))["Items"]
    assert [each["Id"] for each in listed] == [runbook["Id"]]
    found = line.find(line.path("runbooks/Check")) or listed[0]
    template = line.get(found["Links"]["RunbookSnapshotTemplate"])
    body = {"ProjectId": project["Id"], "RunbookId": found["Id"], "LibraryVariableSetSnapshotIds": []}
    body |= {"Name": template["NextNameIncrement"], "SelectedPackages": None}
    snapshot = line.post(line.path("runbookSnapshots"), body)
    address = line.path(f"projects/{project['Id']}/runbooks/{found['Id']}/runbookSnapshots?take=2147483647")
    assert [each["Id"] for each in line.get(address)["Items"]] == [snapshot["Id"]]

    by_name = line.get(line.path(f"projects/{project['Id']}/runbookSnapshots/{quote(snapshot['Name'], safe='')}"))
    current = line.get(line.path(f"runbooks/{found['Id']}"))
    published = line.put(line.path(f"runbooks/{found['Id']}"), current | {"PublishedRunbookSnapshotId": by_name["Id"]})
    assert published["PublishedRunbookSnapshotId"] == snapshot["Id"]
    run = command(line, projectName=project["Name"], runbookName="Check", environmentNames=[environment["Name"]])
    answer = line.post(line.path("runbook-runs/create/v1"), run | {"useGuidedFailure": None}, status=None)
    (created,) = answer["RunbookRunServerTasks"]
    assert wait_for_task(line, created["ServerTaskId"])["State"] == "Success"
    line.delete(line.path(f"runbooks/{found['Id']}"))


def test_the_acceptance_script(line: CommandLine) -> None:
    environment = create_environment(line)
    package_id = f"Hello{uuid.uuid4().hex[:8]}"
    line.upload(line.path("packages/raw?overwriteMode=FailIfExists"), f"{package_id}.1.0.0.zip", EMPTY_ZIP)
    package = {"Name": "", "PackageId": package_id, "FeedId": "feeds-builtin", "AcquisitionLocation": "Server"}
    package["Properties"] = {"Extract": "True", "SelectionMode": "immediate"}  # type: ignore[assignment]
    greeting = 'echo "$(get_octopusvariable Greeting) from #{Octopus.Environment.Name}"'
    project = create_project(line, [script_step(line, "Greet", greeting, [package])])
    runbook = create_runbook(line, project, "echo checked")
    variables = line.path(f"variables/variableset-{project['Id']}")
    before = line.get(variables)
    scoped = {"Name": "Greeting", "Value": "hello", "Type": "String", "Scope": {"Environment": [environment["Id"]]}}
    line.put(variables, before | {"Variables": [scoped]})

    release = release_create(line, project, "1.0.0", packages=[f"{package_id}:1.0.0"])
    task = wait_for_task(line, release_deploy(line, project, "1.0.0", environment)["ServerTaskId"])
    snapshot = {"ProjectId": project["Id"], "RunbookId": runbook["Id"], "Name": "Snap", "SelectedPackages": None}
    line.post(line.path("runbookSnapshots?publish=true"), snapshot | {"LibraryVariableSetSnapshotIds": []})
    run = command(line, projectName=project["Name"], runbookName="Check", environmentNames=[environment["Name"]])
    (created,) = line.post(line.path("runbook-runs/create/v1"), run, status=None)["RunbookRunServerTasks"]
    checked = wait_for_task(line, created["ServerTaskId"])

    raw = line._client.get(line.path(f"tasks/{task['Id']}/raw")).text
    assert task["State"] == "Success", raw
    assert f"hello from {environment['Name']}" in raw
    assert checked["State"] == "Success"
    body = {"ReleaseId": release["Id"], "Description": "broken"}
    line.post(line.path(f"releases/{release['Id']}/defects"), body, status=None)
    with pytest.raises(Refused) as refused:
        line.delete(line.path(f"workerpools/{line.lookup_by_name('workerpools', POOL)['Id']}"))
    assert refused.value.status == 400
