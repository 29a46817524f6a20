"""Projects, channels, processes, variables and runbooks by the REST API."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api_under_test import Api

SECRET = "a secret that nobody may see"


async def create_project(api: Api, name: str = "Web", **more: Any) -> Any:
    group = (await api.get("/api/projectgroups/all"))[0]["Id"]
    lifecycle = (await api.get("/api/lifecycles/all"))[0]["Id"]
    return await api.post("/api/projects", {"Name": name, "ProjectGroupId": group, "LifecycleId": lifecycle, **more})


def script(name: str, **more: Any) -> dict[str, Any]:
    properties = {"Octopus.Action.Script.ScriptBody": "echo", **more.pop("properties", {})}
    action = {"Name": name, "ActionType": "Octopus.Script", "Properties": properties}
    return {"Name": name, "Actions": [action], **more}


async def test_a_new_project_has_process_variables_settings_and_one_channel(api_on_both: Api) -> None:
    project = await create_project(api_on_both)
    own = f"/api/projects/{project['Id']}"

    assert (await api_on_both.get(f"{own}/deploymentprocesses"))["Steps"] == []
    assert (await api_on_both.get(f"/api/variables/{project['VariableSetId']}"))["Variables"] == []
    assert (await api_on_both.get(f"{own}/channels"))["Items"][0]["IsDefault"] is True
    assert (await api_on_both.get(f"{own}/deploymentsettings"))["DefaultGuidedFailureMode"] == "EnvironmentDefault"
    assert (await api_on_both.get(f"{own}/summary"))["HasDeploymentProcess"] is False


async def test_a_project_needs_a_group_and_a_lifecycle_that_are_there(api: Api) -> None:
    body = {"Name": "Web", "ProjectGroupId": "ProjectGroups-99", "LifecycleId": "Lifecycles-1"}

    refusal = await api.post("/api/projects", body, 400)

    assert "ProjectGroups-99" in str(refusal)


async def test_settings_are_the_projects_own(api: Api) -> None:
    project = await create_project(api)
    address = f"/api/projects/{project['Id']}/deploymentsettings"
    changed = await api.get(address) | {"ReleaseNotesTemplate": "What is new", "DefaultGuidedFailureMode": "On"}

    await api.put(address, changed)

    project = await api.get(f"/api/projects/{project['Id']}")
    assert (project["ReleaseNotesTemplate"], project["DefaultGuidedFailureMode"]) == ("What is new", "On")


async def test_a_group_with_projects_lists_them_and_stays(api_on_both: Api) -> None:
    project = await create_project(api_on_both)
    group = f"/api/projectgroups/{project['ProjectGroupId']}"

    assert [each["Id"] for each in (await api_on_both.get(f"{group}/projects"))["Items"]] == [project["Id"]]
    assert "Web" in str(await api_on_both.delete(group, 400))
    lifecycle = f"/api/lifecycles/{project['LifecycleId']}"
    assert [each["Id"] for each in await api_on_both.get(f"{lifecycle}/projects")] == [project["Id"]]
    assert "Web" in str(await api_on_both.delete(lifecycle, 400))


async def test_a_deleted_project_takes_everything_with_it(api_on_both: Api) -> None:
    project = await create_project(api_on_both)
    await api_on_both.post("/api/runbooks", {"Name": "Check", "ProjectId": project["Id"]})

    await api_on_both.delete(f"/api/projects/{project['Id']}")

    await api_on_both.get(f"/api/deploymentprocesses/{project['DeploymentProcessId']}", 404)
    await api_on_both.get(f"/api/variables/{project['VariableSetId']}", 404)
    assert (await api_on_both.get("/api/runbooks"))["TotalResults"] == 0
    assert (await api_on_both.get("/api/channels"))["TotalResults"] == 0


async def test_one_channel_is_the_default(api_on_both: Api) -> None:
    project = await create_project(api_on_both)
    beta = await api_on_both.post("/api/channels", {"Name": "Beta", "ProjectId": project["Id"], "IsDefault": True})

    channels = (await api_on_both.get(f"/api/projects/{project['Id']}/channels"))["Items"]

    assert {each["Name"]: each["IsDefault"] for each in channels} == {"Beta": True, "Default": False}
    assert "default" in str(await api_on_both.delete(f"/api/channels/{beta['Id']}", 400))


async def test_a_channel_needs_a_project(api: Api) -> None:
    refusal = await api.post("/api/channels", {"Name": "Beta", "ProjectId": ""}, 400)

    assert refusal["Errors"] == ["A channel needs a ProjectId."]


async def test_two_projects_may_have_channels_and_runbooks_of_one_name(api_on_both: Api) -> None:
    for name in ("One", "Two"):
        project = await create_project(api_on_both, name)
        await api_on_both.post("/api/channels", {"Name": "Beta", "ProjectId": project["Id"]})
        await api_on_both.post("/api/runbooks", {"Name": "Check", "ProjectId": project["Id"]})

    again = {"Name": "beta", "ProjectId": project["Id"]}
    assert "Beta" in str(await api_on_both.post("/api/channels", again, 400))


async def test_a_process_keeps_what_it_does_not_know_and_counts_its_versions(api_on_both: Api) -> None:
    project = await create_project(api_on_both)
    address = f"/api/projects/{project['Id']}/deploymentprocesses"
    process = await api_on_both.get(address)

    stored = await api_on_both.put(address, process | {"Steps": [script("One", Odd={"a": [1]})], "Strange": "member"})

    assert stored["Version"] == process["Version"] + 1
    assert (stored["Steps"][0]["Odd"], stored["Strange"]) == ({"a": [1]}, "member")
    assert await api_on_both.get(address) == stored
    assert "meanwhile" in str(await api_on_both.put(address, process, 409))


async def test_steps_and_actions_have_names_of_their_own(api: Api) -> None:
    project = await create_project(api)
    address = f"/api/projects/{project['Id']}/deploymentprocesses"

    refusal = await api.put(address, {"Steps": [script("One"), script("ONE")]}, 400)

    assert "'ONE'" in str(refusal)


async def test_a_secret_property_is_kept_and_never_shown(api: Api) -> None:
    project = await create_project(api)
    address = f"/api/projects/{project['Id']}/deploymentprocesses"
    step = script("One", properties={"Key": {"HasValue": True, "NewValue": SECRET}})

    stored = await api.put(address, {"Steps": [step]})
    again = await api.put(address, stored)

    assert again["Steps"][0]["Actions"][0]["Properties"]["Key"] == {"HasValue": True, "NewValue": None, "Hint": None}
    assert SECRET not in str(await api.get("/api/events"))
    async with api.parts.store.reading() as connection:
        rows = await connection.exec_driver_sql("SELECT doc FROM processes")
        assert SECRET not in str(rows.all())


async def test_a_secret_variable_is_kept_and_never_shown(api_on_both: Api) -> None:
    project = await create_project(api_on_both)
    address = f"/api/variables/{project['VariableSetId']}"
    variables = await api_on_both.get(address)
    secret = {"Name": "Key", "Value": SECRET, "Type": "Sensitive"}

    stored = await api_on_both.put(address, variables | {"Variables": [secret]})
    renamed = [{**stored["Variables"][0], "Name": "Other"}]
    again = await api_on_both.put(address, stored | {"Variables": renamed})

    assert [(each["Name"], each["Value"], each["IsSensitive"]) for each in again["Variables"]] == [
        ("Other", None, True)
    ]
    assert SECRET not in str(await api_on_both.get("/api/events"))
    async with api_on_both.parts.store.reading() as connection:
        rows = await connection.exec_driver_sql("SELECT doc FROM variable_sets")
        stored_text = str(rows.all())
    assert SECRET not in stored_text
    assert "v1.k1." in stored_text, "the sealed value was lost by the renaming"


async def test_scopes_may_be_single_texts_and_empty_ones_are_left_out(api: Api) -> None:
    project = await create_project(api)
    address = f"/api/variables/{project['VariableSetId']}"
    variable = {"Name": "A", "Value": "1", "Scope": {"Environment": "Environments-1", "Machine": []}}

    stored = await api.put(address, {"Variables": [variable], "Version": 0})

    assert stored["Variables"][0]["Scope"] == {"Environment": ["Environments-1"]}


async def test_a_library_set_that_is_included_stays(api: Api) -> None:
    library = await api.post("/api/libraryvariablesets", {"Name": "Shared"})
    await create_project(api, IncludedLibraryVariableSetIds=[library["Id"]])

    assert "Web" in str(await api.delete(f"/api/libraryvariablesets/{library['Id']}", 400))
    assert (await api.get(f"/api/variables/{library['VariableSetId']}"))["OwnerId"] == library["Id"]


async def test_a_clone_has_everything_but_releases(api_on_both: Api) -> None:
    source = await create_project(api_on_both)
    own = f"/api/projects/{source['Id']}"
    await api_on_both.put(f"{own}/deploymentprocesses", {"Steps": [script("One")]})
    variables = {"Variables": [{"Name": "Key", "Value": SECRET, "IsSensitive": True}]}
    await api_on_both.put(f"/api/variables/{source['VariableSetId']}", variables)
    await api_on_both.post("/api/channels", {"Name": "Beta", "ProjectId": source["Id"]})
    book = await api_on_both.post("/api/runbooks", {"Name": "Check", "ProjectId": source["Id"]})
    await api_on_both.put(f"/api/runbookProcesses/{book['RunbookProcessId']}", {"Steps": [script("Look")]})

    clone = await api_on_both.post(f"/api/projects?clone={source['Id']}", {"Name": "Copy"})

    copy = f"/api/projects/{clone['Id']}"
    assert clone["ClonedFromProjectId"] == source["Id"]
    assert [each["Name"] for each in (await api_on_both.get(f"{copy}/deploymentprocesses"))["Steps"]] == ["One"]
    assert (await api_on_both.get(f"/api/variables/{clone['VariableSetId']}"))["Variables"][0]["IsSensitive"] is True
    channels = (await api_on_both.get(f"{copy}/channels"))["Items"]
    assert sorted(each["Name"] for each in channels) == ["Beta", "Default"]
    (book,) = (await api_on_both.get(f"{copy}/runbooks"))["Items"]
    assert (await api_on_both.get(f"/api/runbookProcesses/{book['RunbookProcessId']}"))["Steps"][0]["Name"] == "Look"


async def test_the_template_of_a_release_names_packages_and_the_next_version(api: Api) -> None:
    project = await create_project(api)
    step = script("One")
    step["Actions"][0]["Packages"] = [{"Name": "", "PackageId": "Hello", "FeedId": "feeds-builtin"}]
    await api.put(f"/api/projects/{project['Id']}/deploymentprocesses", {"Steps": [step]})

    template = await api.get(f"/api/projects/{project['Id']}/deploymentprocesses/template")

    assert template["NextVersionIncrement"] == "0.0.1"
    assert [(each["ActionName"], each["PackageId"]) for each in template["Packages"]] == [("One", "Hello")]


MEMBERS = st.dictionaries(
    st.text(alphabet="abcXYZ", min_size=3, max_size=8).map(lambda name: f"X{name}"),
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.text(alphabet="aä€'\"\\ ", max_size=5),
        lambda inner: st.lists(inner, max_size=3),
    ),
    max_size=3,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(members=MEMBERS)
async def test_unknown_members_come_back_as_they_were_sent(api: Api, members: dict[str, Any]) -> None:
    group = (await api.get("/api/projectgroups/all"))[0]["Id"]
    lifecycle = (await api.get("/api/lifecycles/all"))[0]["Id"]
    body = {"Name": "Odd", "ProjectGroupId": group, "LifecycleId": lifecycle, **members}

    stored = await api.post("/api/projects", body)

    assert {name: stored[name] for name in members} == members
    await api.delete(f"/api/projects/{stored['Id']}")


async def test_a_preview_says_which_value_would_hold_and_why(api_on_both: Api) -> None:
    api = api_on_both
    group = (await api.get("/api/projectgroups/all"))[0]["Id"]
    lifecycle = (await api.get("/api/lifecycles/all"))[0]["Id"]
    library = await api.post("/api/libraryvariablesets", {"Name": "Shared"})
    shared = [{"Name": "color", "Value": "grey"}, {"Name": "Shape", "Value": "round"}]
    await api.put(f"/api/variables/{library['VariableSetId']}", {"Variables": shared})
    places = [(await api.post("/api/environments", {"Name": name}))["Id"] for name in ("Dev", "Prod")]
    body = {"Name": "Shown", "ProjectGroupId": group, "LifecycleId": lifecycle}
    project = await api.post("/api/projects", body | {"IncludedLibraryVariableSetIds": [library["Id"]]})
    own = [
        {"Name": "Color", "Value": "red"},
        {"Name": "Color", "Value": "green", "Scope": {"Environment": [places[0]]}},
        {"Name": "Color", "Value": "blue", "Scope": {"Environment": [places[1]]}},
        {"Name": "Secret", "Value": "hidden", "Type": "Sensitive", "IsSensitive": True},
    ]
    await api.put(f"/api/variables/{project['VariableSetId']}", {"Variables": own})

    preview = await api.get(f"/api/variables/preview?project=shown&environment={places[0]}")
    names = await api.get(f"/api/variables/names?project={project['Id']}")

    values = {each["Name"]: each["Value"] for each in preview["Variables"]}
    assert values == {"Color": "green", "Secret": None, "Shape": "round"}
    color = preview["Variables"][0]["Candidates"]
    assert [each["IsChosen"] for each in color] == [True, False, False, False]
    assert "Environment scope does not apply" in str(color)
    assert {each["VariableSetId"] for each in color} == {project["VariableSetId"], library["VariableSetId"]}
    assert names == ["Color", "Secret", "Shape"]
    await api.get("/api/variables/preview?project=nobody", 400)
