"""Releases, deployments, runbook runs and dashboards by the REST API, up to the queued task."""

from typing import Any

from api_under_test import Api

SECRET = "given for this deployment only"


def script(name: str, **more: Any) -> dict[str, Any]:
    properties = {"Octopus.Action.RunOnServer": "true", "Octopus.Action.Script.ScriptBody": "echo"}
    action = {"Name": name, "ActionType": more.pop("type", "Octopus.Script"), "Properties": properties}
    return {"Name": name, "Actions": [action], **more}


async def create_project(api: Api, *steps: dict[str, Any], name: str = "Web", **more: Any) -> Any:
    group = (await api.get("/api/projectgroups/all"))[0]["Id"]
    lifecycle = more.pop("LifecycleId", (await api.get("/api/lifecycles/all"))[0]["Id"])
    body = {"Name": name, "ProjectGroupId": group, "LifecycleId": lifecycle, **more}
    project = await api.post("/api/projects", body)
    await api.put(f"/api/projects/{project['Id']}/deploymentprocesses", {"Steps": [*steps] or [script("One")]})
    return project


async def release(api: Api, version: str = "1.0.0", status: int = 201, **more: Any) -> Any:
    body = {"ProjectName": "Web", "ReleaseVersion": version, **more}
    return await api.post("/api/Spaces-1/releases/create/v1", body, status)


async def deploy(api: Api, environment: str = "Dev", status: int = 201, **more: Any) -> Any:
    body = {"ProjectName": "Web", "ReleaseVersion": "1.0.0", "EnvironmentNames": [environment], **more}
    return await api.post("/api/Spaces-1/deployments/create/untenanted/v1", body, status)


async def test_a_release_freezes_what_it_was_made_of(api_on_both: Api) -> None:
    project = await create_project(api_on_both, script("Old"))
    await release(api_on_both)
    frozen = await api_on_both.get(f"/api/projects/{project['Id']}/releases/1.0.0")
    process = await api_on_both.get(f"/api/projects/{project['Id']}/deploymentprocesses")

    await api_on_both.put(f"/api/projects/{project['Id']}/deploymentprocesses", process | {"Steps": [script("New")]})

    snapshot = await api_on_both.get(f"/api/deploymentprocesses/{frozen['ProjectDeploymentProcessSnapshotId']}")
    variables = await api_on_both.get(f"/api/variables/{frozen['ProjectVariableSetSnapshotId']}")
    assert [step["Name"] for step in snapshot["Steps"]] == ["Old"]
    assert variables["Variables"] == []
    assert "never changes" in str(await api_on_both.put(f"/api/variables/{variables['Id']}", variables, 400))


async def test_releases_are_listed_newest_version_first_and_searched(api_on_both: Api) -> None:
    project = await create_project(api_on_both)
    for version in ("1.9.0", "1.10.0", "1.2.0-beta.1"):
        await release(api_on_both, version)

    own = f"/api/projects/{project['Id']}/releases"
    listed = (await api_on_both.get(own))["Items"]
    found = (await api_on_both.get(f"{own}?searchByVersion=beta"))["Items"]

    assert [each["Version"] for each in listed] == ["1.10.0", "1.9.0", "1.2.0-beta.1"]
    assert [each["Version"] for each in found] == ["1.2.0-beta.1"]
    assert "already exists" in str(await release(api_on_both, "1.9.0", 400))


async def test_a_deployment_is_queued_with_its_task_and_shown_everywhere(api_on_both: Api) -> None:
    project = await create_project(api_on_both)
    environment = await api_on_both.post("/api/environments", {"Name": "Dev"})
    made = await release(api_on_both)

    (created,) = (await deploy(api_on_both))["DeploymentServerTasks"]

    deployment = await api_on_both.get(f"/api/deployments/{created['DeploymentId']}")
    task = await api_on_both.get(f"/api/tasks/{created['ServerTaskId']}")
    listed = await api_on_both.get(f"/api/deployments?environments={environment['Id']}&taskState=Queued")
    of_release = await api_on_both.get(f"/api/releases/{made['ReleaseId']}/deployments")
    dashboard = await api_on_both.get("/api/dashboard")
    progression = await api_on_both.get(f"/api/projects/{project['Id']}/progression")
    assert deployment["TaskId"] == task["Id"]
    assert task["Description"] == "Deploy Web release 1.0.0 to Dev"
    assert [each["Id"] for each in listed["Items"]] == [deployment["Id"]]
    assert [each["Id"] for each in of_release["Items"]] == [deployment["Id"]]
    assert [(each["ReleaseVersion"], each["State"]) for each in dashboard["Items"]] == [("1.0.0", "Queued")]
    assert len(progression["Releases"][0]["Deployments"][environment["Id"]]) == 1
    nothing = await api_on_both.get("/api/dashboard/dynamic?projects=Projects-99")
    assert (nothing["Items"], nothing["IsFiltered"]) == ([], True)


async def test_a_lifecycle_holds_a_release_back(api_on_both: Api) -> None:
    places = [await api_on_both.post("/api/environments", {"Name": name}) for name in ("Dev", "Prod")]
    phases = [{"Name": each["Name"], "OptionalDeploymentTargets": [each["Id"]]} for each in places]
    lifecycle = await api_on_both.post("/api/lifecycles", {"Name": "Steps", "Phases": phases})
    await create_project(api_on_both, LifecycleId=lifecycle["Id"])
    made = await release(api_on_both)

    refusal = await deploy(api_on_both, "Prod", 400)
    progression = await api_on_both.get(f"/api/releases/{made['ReleaseId']}/progression")

    assert "the phase Dev must be completed first" in str(refusal)
    assert [each["Progress"] for each in progression["Phases"]] == ["Current", "Pending"]
    assert progression["NextDeployments"] == [places[0]["Id"]]


async def test_what_cannot_be_planned_is_not_queued(api: Api) -> None:
    await create_project(api, script("Cloud", type="Octopus.AzureWebApp"))
    await api.post("/api/environments", {"Name": "Dev"})
    await release(api)

    refusal = await deploy(api, status=400)

    assert "Octopus.AzureWebApp" in str(refusal)
    assert (await api.get("/api/tasks?name=Deploy"))["TotalResults"] == 0


async def test_required_values_are_asked_for_and_secrets_of_them_never_shown(api_on_both: Api) -> None:
    project = await create_project(api_on_both)
    await api_on_both.post("/api/environments", {"Name": "Dev"})
    prompt = {"Label": "The key", "Required": True}
    variables = [{"Name": "Key", "Type": "Sensitive", "IsSensitive": True, "Prompt": prompt}]
    await api_on_both.put(f"/api/variables/{project['VariableSetId']}", {"Variables": variables})
    await release(api_on_both)

    refusal = await deploy(api_on_both, status=400)
    (created,) = (await deploy(api_on_both, Variables={"The key": SECRET}))["DeploymentServerTasks"]

    assert "The key" in str(refusal)
    deployment = await api_on_both.get(f"/api/deployments/{created['DeploymentId']}")
    assert list(deployment["FormValues"].values()) == [None]
    async with api_on_both.parts.store.reading() as connection:
        rows = await connection.exec_driver_sql("SELECT doc FROM executions")
        assert SECRET not in str(rows.all())


async def test_a_preview_is_the_plan(api_on_both: Api) -> None:
    await create_project(api_on_both, script("One"), script("Two"))
    environment = await api_on_both.post("/api/environments", {"Name": "Dev", "UseGuidedFailure": True})
    made = await release(api_on_both)

    address = f"/api/releases/{made['ReleaseId']}/deployments/preview/{environment['Id']}"
    preview = await api_on_both.get(address)

    assert [each["ActionName"] for each in preview["StepsToExecute"]] == ["One", "Two"]
    assert preview["UseGuidedFailureModeByDefault"] is True
    assert preview["Form"] == {"Values": {}, "Elements": []}


async def test_packages_take_the_newest_version_that_the_channel_lets_in(api: Api) -> None:
    step = script("One")
    step["Actions"][0]["Packages"] = [{"Name": "", "PackageId": "Hello", "FeedId": "feeds-builtin"}]
    project = await create_project(api, step)

    refusal = await release(api, status=400)

    assert "Hello" in str(refusal)
    assert "Push one" in str(refusal)
    assert (await api.get(f"/api/projects/{project['Id']}/releases"))["TotalResults"] == 0


async def test_a_run_needs_a_published_snapshot(api_on_both: Api) -> None:
    project = await create_project(api_on_both)
    environment = await api_on_both.post("/api/environments", {"Name": "Dev"})
    runbook = await api_on_both.post("/api/runbooks", {"Name": "Check", "ProjectId": project["Id"]})
    process = f"/api/runbookProcesses/{runbook['RunbookProcessId']}"
    await api_on_both.put(process, {"Steps": [script("Look")]})
    run = {"ProjectName": "Web", "RunbookName": "check", "EnvironmentNames": ["dev"]}

    refusal = await api_on_both.post("/api/Spaces-1/runbook-runs/create/v1", run, 400)
    body = {"ProjectId": project["Id"], "RunbookId": runbook["Id"], "Name": "First"}
    snapshot = await api_on_both.post("/api/runbookSnapshots?publish=true", body)
    answer = await api_on_both.post("/api/Spaces-1/runbook-runs/create/v1", run)

    assert "published" in str(refusal)
    assert (await api_on_both.get(f"/api/runbooks/{runbook['Id']}"))["PublishedRunbookSnapshotId"] == snapshot["Id"]
    shown = await api_on_both.get(f"/api/runbookRuns/{answer['RunbookRunServerTasks'][0]['RunbookRunId']}")
    assert (shown["RunbookSnapshotId"], shown["EnvironmentId"]) == (snapshot["Id"], environment["Id"])
    assert "First" in str(await api_on_both.post("/api/runbookSnapshots", body, 400))


async def test_tenants_are_found_by_tag_and_project(api_on_both: Api) -> None:
    await api_on_both.post("/api/tagsets", {"Name": "Ring", "Tags": [{"Name": "One", "Color": "#000000"}]})
    project = await create_project(api_on_both)
    connected: dict[str, list[str]] = {project["Id"]: []}
    one = await api_on_both.post("/api/tenants", {"Name": "One", "TenantTags": ["Ring/One"]})
    two = await api_on_both.post("/api/tenants", {"Name": "Two", "ProjectEnvironments": connected})

    assert [each["Id"] for each in (await api_on_both.get("/api/tenants?tags=Ring/One"))["Items"]] == [one["Id"]]
    found = await api_on_both.get(f"/api/tenants?projectId={project['Id']}")
    assert [each["Id"] for each in found["Items"]] == [two["Id"]]
