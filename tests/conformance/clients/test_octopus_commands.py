"""Every command of the official command line, as recorded: cli-walkthrough 3 to 8, 10 and 11.

What is created has names of its own, so that the tests share a server. Releases, runbooks and tasks (9) and the
acceptance script (13) are in `test_octopus_story.py`.
"""

import uuid
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from fakes.recorded_command_line import CommandLine, Refused
from fakes.recorded_commands import create_environment, create_project, create_tag, create_tenant, fresh
from services_under_test.site import POOL, WORKER, Site

THUMBPRINT = "1" * 40


@pytest.fixture
def line(site: Site) -> Iterator[CommandLine]:
    """A command line in the default space; each test is one or a few commands."""
    command_line = site.command_line()
    command_line.start()
    yield command_line
    command_line.close()


# ---- Session, spaces, users (3) --------------------------------------------------------------------------------------


def test_login_and_api(site: Site) -> None:
    line = site.command_line()
    line.start(in_space=False)

    assert line.get("/api/users/me")["Username"] == "admin"
    assert line.get("/api/spaces")["Items"]
    with pytest.raises(Refused):
        line.get("/api/nothing-here")
    line.close()


def test_space_create_list_view_delete(line: CommandLine) -> None:
    name = fresh("S")
    team, user = line.get("/api/teams/all")[0], line.get("/api/users/all")[0]
    body = {"Name": name, "Slug": "", "IsDefault": False, "TaskQueueStopped": False}
    body |= {"SpaceManagersTeams": [team["Id"]], "SpaceManagersTeamMembers": [user["Id"]]}

    space = line.post("/api/spaces", body)
    assert name in [each["Name"] for each in line.get("/api/spaces/all")]
    assert line.get(f"/api/spaces/{space['Id']}")["Name"] == name
    line.put(f"/api/spaces/{space['Id']}", space | {"TaskQueueStopped": True})
    line.delete(f"/api/spaces/{space['Id']}")

    assert line.find(f"/api/spaces/{space['Id']}") is None


def test_user_list_and_delete(line: CommandLine) -> None:
    name = f"user-{uuid.uuid4().hex[:8]}"
    body = {"Username": name, "DisplayName": "A user", "IsService": False, "IsActive": True}
    line.post("/api/users", body | {"Password": "a long password for a test"})

    assert name in [each["Username"] for each in line.get("/api/users/all")]
    (user,) = line.get(f"/api/users?filter={name}&take=9999")["Items"]
    line.delete(f"/api/users/{user['Id']}")

    assert line.get(f"/api/users?filter={name}&take=9999")["Items"] == []


# ---- Environments (4) ------------------------------------------------------------------------------------------------


def test_environment_create_list_tag_delete(line: CommandLine) -> None:
    tag = create_tag(line, "Environment")
    environment = create_environment(line)

    assert environment["Id"] in [each["Id"] for each in line.pages(line.path("environments"))]
    assert tag in line.tags("Environment")
    found = line.lookup("environments", environment["Name"])
    tagged = line.put(line.path(f"environments/{found['Id']}"), found | {"EnvironmentTags": [tag]})
    assert tagged["EnvironmentTags"] == [tag]
    (found,) = line.get(line.path(f"environments?partialName={quote(environment['Name'])}"))["Items"]
    line.delete(line.path(f"environments/{found['Id']}"))


def test_a_created_environment_comes_last(line: CommandLine) -> None:
    one, other = create_environment(line), create_environment(line)

    assert other["SortOrder"] > one["SortOrder"]


# ---- Worker pools and workers (5) ------------------------------------------------------------------------------------


def test_worker_pool_commands(line: CommandLine) -> None:
    name = fresh("PoolA")
    body = {"CanAddWorkers": False, "IsDefault": False, "Name": name, "SortOrder": 0}

    pool = line.post(line.link("WorkerPools"), body | {"WorkerPoolType": "StaticWorkerPool"})
    assert pool["CanAddWorkers"] is True
    assert name in [each["Name"] for each in line.get(line.path("workerpools/all"))]
    found = line.lookup_by_name("workerpools", name)
    assert line.pages(found["Links"]["Workers"].partition("{")[0]) == []
    line.delete(line.path(f"workerpools/{found['Id']}"))


def test_a_dynamic_worker_pool_is_refused(line: CommandLine) -> None:
    with pytest.raises(Refused) as refused:
        line.post(
            line.link("WorkerPools"),
            {"Name": fresh("Dynamic"), "WorkerPoolType": "DynamicWorkerPool", "WorkerType": "UbuntuDefault"},
        )

    assert refused.value.status == 400


def test_the_registered_worker_is_shown_as_a_polling_tentacle(line: CommandLine) -> None:
    pools = {pool["Id"] for pool in line.get(line.path("workerpools/all"))}

    (worker,) = [each for each in line.get(line.path("workers/all")) if each["Name"] == WORKER]

    assert worker["Endpoint"]["CommunicationStyle"] == "TentacleActive"
    assert worker["Endpoint"]["Thumbprint"]
    assert worker["Endpoint"]["Uri"].startswith("poll://")
    assert worker["HealthStatus"] == "Healthy"
    assert set(worker["WorkerPoolIds"]) <= pools
    assert line.lookup_by_name("workers", WORKER)["StatusSummary"]


def test_worker_listening_tentacle_create_view_delete(line: CommandLine) -> None:
    name = fresh("W")
    pool = next(each for each in line.get(line.path("workerpools/all")) if each["Name"] == POOL)
    assert pool["CanAddWorkers"] is True
    policy = line.get(line.path("machinepolicies/all"))[0]
    body = {
        "Name": name,
        "WorkerPoolIds": [pool["Id"]],
        "MachinePolicyId": policy["Id"],
        "Endpoint": {"CommunicationStyle": "TentaclePassive", "Uri": "https://127.0.0.1:1/", "Thumbprint": THUMBPRINT},
        "IsDisabled": True,
        "IsInProcess": False,
        "HasLatestCalamari": False,
        "OperatingSystem": "Unknown",
        "ShellName": "Unknown",
        "ShellVersion": "Unknown",
    }

    worker = line.post(line.link("Workers"), body)

    found = line.lookup_by_name("workers", name)
    assert found["Id"] == worker["Id"]
    line.delete(line.path(f"workers/{found['Id']}"))


def test_worker_pool_delete_is_refused_while_it_has_workers(line: CommandLine) -> None:
    pool = line.lookup_by_name("workerpools", POOL)

    with pytest.raises(Refused) as refused:
        line.delete(line.path(f"workerpools/{pool['Id']}"))

    assert refused.value.status == 400


# ---- Deployment targets (6) ------------------------------------------------------------------------------------------


def test_deployment_target_commands(line: CommandLine) -> None:
    environment, name = create_environment(line), fresh("Target")
    policy = line.get(line.path("machinepolicies/all"))[0]
    line.get(line.path("tenants/all"))
    body = {
        "Name": name,
        "EnvironmentIds": [environment["Id"]],
        "Roles": ["web"],
        "MachinePolicyId": policy["Id"],
        "IsDisabled": True,
        "Endpoint": {"CommunicationStyle": "TentaclePassive", "Uri": "https://127.0.0.1:1/", "Thumbprint": THUMBPRINT},
    }

    line.post(line.link("Machines"), body)

    listed = line.get(line.path("machines?deploymentTargetTypes=TentaclePassive&take=2147483647"))["Items"]
    assert name in [each["Name"] for each in listed]
    assert line.get(line.path("machines?deploymentTargetTypes=Ssh&take=2147483647"))["Items"] == []
    assert "web" in line.get(line.path("machineroles/all"))
    found = line.lookup_by_name("machines", name)
    line.delete(line.path(f"machines/{found['Id']}"))


def test_cloud_region_create(line: CommandLine) -> None:
    environment, name = create_environment(line), fresh("Region")
    pool = line.lookup_by_name("workerpools", POOL)
    endpoint = {"CommunicationStyle": "None", "DefaultWorkerPoolId": pool["Id"]}
    body = {"Name": name, "EnvironmentIds": [environment["Id"]], "Roles": ["region"], "Endpoint": endpoint}

    line.post(line.link("Machines"), body)

    listed = line.get(line.path("machines?deploymentTargetTypes=CloudRegion&take=2147483647"))["Items"]
    assert name in [each["Name"] for each in listed]


# ---- Projects, groups, channels, variables (7) -----------------------------------------------------------------------


def test_project_group_commands(line: CommandLine) -> None:
    project = create_project(line)
    group = line.get(line.path(f"projectgroups/{project['ProjectGroupId']}"))

    assert group["Name"] in [each["Name"] for each in line.get(line.path("projectgroups/all"))]
    assert [each["Id"] for each in line.pages(group["Links"]["Projects"])] == [project["Id"]]
    with pytest.raises(Refused):
        line.delete(line.path(f"projectgroups/{group['Id']}"))
    line.delete(line.path(f"projects/{project['Id']}"))
    line.delete(line.path(f"projectgroups/{group['Id']}"))


def test_project_create_list_view_disable_delete(line: CommandLine) -> None:
    project = create_project(line)

    assert project["Id"] in [each["Id"] for each in line.get(line.path("projects/all"))]
    found = line.lookup("projects", project["Name"])
    assert found["PersistenceSettings"] == {"Type": "Database"}
    without_links = {name: value for name, value in found.items() if name != "Links"}
    disabled = line.put(line.path(f"projects/{found['Id']}"), without_links | {"IsDisabled": True})
    assert disabled["IsDisabled"] is True
    line.delete(line.path(f"projects/{found['Id']}"))
    assert line.find(line.path(f"projects/{found['Id']}")) is None


def test_project_clone(line: CommandLine) -> None:
    source, name = create_project(line), fresh("Clone")
    body = {"Name": name, "Description": "", "ProjectGroupID": source["ProjectGroupId"]}

    clone = line.post(line.path(f"projects?clone={source['Id']}"), body | {"LifecycleID": source["LifecycleId"]})

    assert clone["Name"] == name
    assert clone["ClonedFromProjectId"] == source["Id"]


def test_project_tag(line: CommandLine) -> None:
    tag, project = create_tag(line, "Project"), create_project(line)

    assert tag in line.tags("Project")
    assert line.put(line.path(f"projects/{project['Id']}"), project | {"ProjectTags": [tag]})["ProjectTags"] == [tag]


def test_a_new_project_has_one_channel(line: CommandLine) -> None:
    project = create_project(line)
    line.get(line.path("lifecycles/all"))

    (channel,) = line.pages(project["Links"]["Channels"].partition("{")[0])

    assert (channel["Name"], channel["IsDefault"], channel["Type"]) == ("Default", True, "Lifecycle")


def test_channel_create_view_delete(line: CommandLine) -> None:
    project = create_project(line)
    lifecycle = line.lookup("lifecycles", "Default Lifecycle")
    body = {"IsDefault": False, "LifecycleId": lifecycle["Id"], "Name": "Beta", "ProjectId": project["Id"]}

    channel = line.post(line.link("Channels"), body)

    hit = line.find(line.path("channels/Beta"))  # by slug, perhaps of another project
    assert hit is None or hit["Name"] == "Beta"
    listed = line.pages(line.path(f"projects/{project['Id']}/channels"))
    assert sorted(each["Name"] for each in listed) == ["Beta", "Default"]
    assert line.get(line.path(f"channels/{channel['Id']}"))["ProjectId"] == project["Id"]
    line.get(line.path(f"lifecycles/{channel['LifecycleId']}"))
    line.delete(line.path(f"channels/{channel['Id']}"))


def test_project_variables_create_view_update_delete(line: CommandLine) -> None:
    environment, project = create_environment(line), create_project(line)
    address = line.path(f"variables/variableset-{project['Id']}")

    before = line.get(address)
    scopes = {each["Name"]: each["Id"] for each in before["ScopeValues"]["Environments"]}
    assert scopes[environment["Name"]] == environment["Id"], "cannot find scope value"
    prompt = {"Label": "L", "Description": "", "Required": False}
    prompt["DisplaySettings"] = {"Octopus.ControlType": "Select", "Octopus.SelectOptions": "a|A"}
    new = {"Name": "Greeting", "Value": "hello", "Type": "String", "Description": "", "IsEditable": True}
    new |= {"IsSensitive": False, "Scope": {"Environment": [environment["Id"]]}, "Prompt": prompt}
    line.put(address, before | {"Variables": [*before["Variables"], new]})
    created = line.get(address)
    (variable,) = created["Variables"]
    assert variable["Id"]
    assert variable["Prompt"] == prompt
    assert created["Version"] == before["Version"] + 1

    line.put(address, created | {"Variables": [variable | {"Value": "hallo"}]})
    updated = line.get(address)
    assert updated["Variables"][0]["Value"] == "hallo"
    line.put(address, updated | {"Variables": []})
    assert line.get(address)["Variables"] == []


def test_a_stale_variable_set_is_refused(line: CommandLine) -> None:
    project = create_project(line)
    address = line.path(f"variables/variableset-{project['Id']}")
    before = line.get(address)
    line.put(address, before | {"Variables": [{"Name": "A", "Value": "1", "Type": "String"}]})

    with pytest.raises(Refused) as refused:
        line.put(address, before)

    assert refused.value.status == 409


def test_a_sensitive_variable_is_never_shown(line: CommandLine) -> None:
    project = create_project(line)
    address = line.path(f"variables/variableset-{project['Id']}")
    secret = {"Name": "Key", "Value": "very secret", "Type": "Sensitive", "IsSensitive": True}

    line.put(address, line.get(address) | {"Variables": [secret]})

    (variable,) = line.get(address)["Variables"]
    assert (variable["Value"], variable["Type"], variable["IsSensitive"]) == (None, "Sensitive", True)


def test_project_variables_include_and_exclude(line: CommandLine) -> None:
    project = create_project(line)
    name = fresh("Library")
    line.post(line.link("LibraryVariables"), {"Name": name, "ContentType": "Variables"})
    library = next(each for each in line.get(line.path("libraryvariablesets/all")) if each["Name"] == name)
    address = line.path(f"projects/{project['Id']}")

    included = line.put(address, project | {"IncludedLibraryVariableSetIds": [library["Id"]]})
    assert included["IncludedLibraryVariableSetIds"] == [library["Id"]]
    without = {key: value for key, value in included.items() if key != "IncludedLibraryVariableSetIds"}

    assert line.put(address, without)["IncludedLibraryVariableSetIds"] == []


# ---- Packages and build information (8) ------------------------------------------------------------------------------

EMPTY_ZIP = bytes.fromhex("504b0506000000000000000000000000000000000000")


def upload(line: CommandLine, name: str, mode: str = "FailIfExists") -> int:
    return line.upload(line.path(f"packages/raw?overwriteMode={mode}"), name, EMPTY_ZIP).status_code


def test_package_upload_list_versions_delete(line: CommandLine) -> None:
    package_id = f"Cli.p{uuid.uuid4().hex[:8]}"

    assert upload(line, f"{package_id}.1.0.0.zip") == 201
    assert upload(line, f"{package_id}.1.0.0.zip", "IgnoreIfExists") == 200
    assert upload(line, f"{package_id}.1.0.0.zip", "OverwriteExisting") == 201
    with pytest.raises(Refused, match="A package with the same name and version already exists"):
        upload(line, f"{package_id}.1.0.0.zip")
    upload(line, f"{package_id}.1.10.0.zip")
    upload(line, f"{package_id}.1.9.0.zip")

    listed = [
        each for each in line.get(line.path("packages?take=2147483647"))["Items"] if each["PackageId"] == package_id
    ]
    assert all(each["ReleaseNotes"] is None for each in listed)
    (feed,) = line.get(line.path("feeds?feedType=BuiltIn&take=1"))["Items"]
    template = feed["Links"]["SearchPackageVersionsTemplate"]
    assert "packageId" in template
    versions = line.get(line.path(f"feeds/{feed['Id']}/packages/versions?packageId={package_id}&take=2147483647"))
    assert [each["Version"] for each in versions["Items"]] == ["1.10.0", "1.9.0", "1.0.0"]
    line.get(line.path(f"packages/packages-{package_id}.1.0.0"))
    line.delete(line.path(f"packages/packages-{package_id}.1.0.0"))


# ---- Tenants (10) ----------------------------------------------------------------------------------------------------


def test_tenant_create_list_tag_disable_delete(line: CommandLine) -> None:
    tag = create_tag(line, "Tenant")
    tenant = create_tenant(line, [tag])

    assert tenant["Id"] in [each["Id"] for each in line.get(line.path("tenants/all"))]
    line.get(line.path("environments?ids="))
    line.get(line.path("projects?ids="))
    found = line.lookup("tenants", tenant["Name"])
    assert found["TenantTags"] == [tag]
    disabled = line.put(line.path(f"tenants/{found['Id']}"), found | {"IsDisabled": True, "TenantTags": []})
    assert (disabled["IsDisabled"], disabled["TenantTags"]) == (True, [])
    line.delete(line.path(f"tenants/{found['Id']}"))


def test_build_information_commands(line: CommandLine) -> None:
    package_id = f"Cli.p{uuid.uuid4().hex[:8]}"
    information = {
        "BuildEnvironment": "GitHubActions",
        "BuildNumber": "1",
        "BuildUrl": "https://ci/1",
        "Branch": "main",
    }
    information |= {"VcsType": "Git", "VcsRoot": "https://git/r", "VcsCommitNumber": "abc"}
    body = {"SpaceId": line.space_id, "PackageId": package_id, "Version": "1.0.0", "OverwriteMode": "FailIfExists"}
    body["OctopusBuildInformation"] = information | {"Commits": [{"Id": "abc", "Comment": "fix"}]}  # type: ignore[assignment]

    told = line.post(line.path("build-information"), body, status=None)
    with pytest.raises(Refused, match="Metadata for the specified Package ID and version already exists"):
        line.post(line.path("build-information"), body)
    listed = line.pages(line.path(f"build-information?packageId={package_id}"))
    assert [each["BuildNumber"] for each in listed] == ["1"]
    assert line.pages(line.path(f"build-information?packageId={package_id}&latest=true"))
    assert line.get(line.path(f"build-information/{told['Id']}"))["Commits"][0]["Comment"] == "fix"
    line.delete(line.path(f"build-information/bulk?ids={told['Id']}"))
    assert line.pages(line.path(f"build-information?packageId={package_id}")) == []
