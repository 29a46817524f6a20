"""What people may see and do: roles of teams, in a space, limited or not. 404 for what one may not see, else 403."""

from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from api_under_test import Api


@dataclass
class Person:
    """Somebody who is no administrator."""

    id: str
    team_id: str
    api: Api


async def a_person(api: Api, name: str) -> Person:
    user = await api.post("/api/users", {"Username": name, "DisplayName": name, "Password": "long enough 1"})
    team = await api.post("/api/teams", {"Name": f"Team of {name}", "MemberUserIds": [user["Id"]]})
    key = (await api.post(f"/api/users/{user['Id']}/apikeys", {"Purpose": "test"}))["ApiKey"]
    client = httpx.AsyncClient(
        transport=api.client._transport, base_url=api.client.base_url, headers={"X-Octopus-ApiKey": key}
    )
    return Person(user["Id"], team["Id"], replace(api, client=client))


async def grant(api: Api, person: Person, role: str, space: str | None = "Spaces-1", **limits: list[str]) -> Any:
    body = {"TeamId": person.team_id, "UserRoleId": f"userroles-{role}", "SpaceId": space, **limits}
    return await api.post("/api/scopeduserroles", body)


async def a_project(api: Api, name: str, group: str | None = None) -> Any:
    group = group or (await api.get("/api/projectgroups/all"))[0]["Id"]
    lifecycle = (await api.get("/api/lifecycles/all"))[0]["Id"]
    project = await api.post("/api/projects", {"Name": name, "ProjectGroupId": group, "LifecycleId": lifecycle})
    properties = {"Octopus.Action.RunOnServer": "true", "Octopus.Action.Script.ScriptBody": "echo"}
    action = {"Name": "One", "ActionType": "Octopus.Script", "Properties": properties}
    body = {"Steps": [{"Name": "One", "Actions": [action]}]}
    await api.put(f"/api/projects/{project['Id']}/deploymentprocesses", body)
    return project


async def release(api: Api, project: str, status: int = 201) -> Any:
    body = {"ProjectName": project, "ReleaseVersion": "1.0.0"}
    return await api.post("/api/Spaces-1/releases/create/v1", body, status)


async def deploy(api: Api, project: str, environment: str, status: int = 201) -> Any:
    body = {"ProjectName": project, "ReleaseVersion": "1.0.0", "EnvironmentNames": [environment]}
    return await api.post("/api/Spaces-1/deployments/create/untenanted/v1", body, status)


def names(items: list[dict[str, Any]]) -> list[str]:
    return [str(item["Name"]) for item in items]


async def test_who_has_no_role_sees_themselves_and_nothing_else(api_on_both: Api) -> None:
    ann = await a_person(api_on_both, "ann")

    me = await ann.api.get("/api/users/me")
    refusal = await ann.api.get("/api/environments", 403)

    assert (me["Username"], me["IsAdministrator"]) == ("ann", False)
    assert "EnvironmentView" in refusal["ErrorMessage"]
    assert await ann.api.get("/api/spaces/all", 403)
    await ann.api.get("/api/Spaces-1", 404)
    await ann.api.get("/api/Spaces-1/environments", 404)
    await ann.api.get("/api/users", 403)
    await ann.api.get(f"/api/users/{(await api_on_both.get('/api/users/me'))['Id']}", 403)


async def test_a_role_in_one_space_is_none_in_another(api: Api) -> None:
    other = await api.post("/api/spaces", {"Name": "Other", "SpaceManagersTeams": ["teams-administrators"]})
    ann = await a_person(api, "ann")
    await grant(api, ann, "environmentmanager", other["Id"])

    made = await ann.api.post(f"/api/{other['Id']}/environments", {"Name": "Dev"})

    assert names(await ann.api.get("/api/spaces/all")) == ["Other"]
    assert made["SpaceId"] == other["Id"]
    await ann.api.get("/api/Spaces-1/environments", 404)
    await ann.api.post("/api/environments", {"Name": "Dev"}, 403)


async def test_managers_of_a_space_may_do_everything_in_it(api_on_both: Api) -> None:
    ann = await a_person(api_on_both, "ann")
    other = await api_on_both.post("/api/spaces", {"Name": "Other", "SpaceManagersTeamMembers": [ann.id]})

    await ann.api.post(f"/api/{other['Id']}/environments", {"Name": "Dev"})
    await ann.api.put(f"/api/spaces/{other['Id']}", other | {"Description": "ours"})

    default = await api_on_both.get("/api/spaces/Spaces-1")
    await ann.api.put("/api/spaces/Spaces-1", default, 404)
    await ann.api.post("/api/spaces", {"Name": "More", "SpaceManagersTeamMembers": [ann.id]}, 403)
    without = other | {"SpaceManagersTeamMembers": [], "SpaceManagersTeams": ["teams-administrators"]}
    await api_on_both.put(f"/api/spaces/{other['Id']}", without)
    await ann.api.get(f"/api/{other['Id']}/environments", 404)


async def test_what_one_may_see_but_not_change_is_refused_by_name(api: Api) -> None:
    project = await a_project(api, "Web")
    ann = await a_person(api, "ann")
    await grant(api, ann, "projectviewer")

    refusal = await ann.api.put(f"/api/projects/{project['Id']}", project, 403)
    process = await ann.api.get(f"/api/projects/{project['Id']}/deploymentprocesses")
    locked = await ann.api.put(f"/api/projects/{project['Id']}/deploymentprocesses", process, 403)
    release_refused = await release(ann.api, "Web", 403)

    assert "ProjectEdit" in refusal["ErrorMessage"]
    assert "ProcessEdit" in locked["ErrorMessage"]
    assert "ReleaseCreate" in release_refused["ErrorMessage"]
    await ann.api.delete(f"/api/projects/{project['Id']}", 403)
    variables = await ann.api.get(f"/api/variables/{project['VariableSetId']}")
    await ann.api.put(f"/api/variables/{project['VariableSetId']}", variables, 403)


async def test_limits_to_projects_hide_the_others(api_on_both: Api) -> None:
    api = api_on_both
    web, other = await a_project(api, "Web"), await a_project(api, "Other")
    await api.post("/api/environments", {"Name": "Dev"})
    for name in ("Web", "Other"):
        await release(api, name)
        await deploy(api, name, "Dev")
    ann = await a_person(api, "ann")
    await grant(api, ann, "projectdeployer", ProjectIds=[web["Id"]])

    listed = await ann.api.get("/api/projects")
    releases = (await ann.api.get("/api/releases"))["Items"]
    tasks = (await ann.api.get("/api/Spaces-1/tasks"))["Items"]
    dashboard = await ann.api.get("/api/dashboard")

    assert (names(listed["Items"]), listed["TotalResults"]) == (["Web"], 1)
    assert [each["ProjectId"] for each in releases] == [web["Id"]]
    assert {each["ProjectId"] for each in tasks} == {web["Id"]}
    assert [each["ProjectId"] for each in dashboard["Items"]] == [web["Id"]]
    assert names(dashboard["Projects"]) == ["Web"]
    theirs = (await api.get(f"/api/projects/{other['Id']}/releases"))["Items"][0]
    task = (await api.get(f"/api/tasks?project={other['Id']}"))["Items"][0]
    for hidden in (
        f"projects/{other['Id']}",
        f"projects/{other['Id']}/deploymentprocesses",
        f"projects/{other['Id']}/releases/1.0.0",
        f"projects/{other['Id']}/progression",
        f"releases/{theirs['Id']}",
        f"releases/{theirs['Id']}/progression",
        f"variables/{other['VariableSetId']}",
        f"deployments/{task['Arguments']['DeploymentId']}",
        f"tasks/{task['Id']}",
        f"tasks/{task['Id']}/raw",
        f"tasks/{task['Id']}/details",
    ):
        await ann.api.get(f"/api/Spaces-1/{hidden}", 404)
    await ann.api.post(f"/api/tasks/{task['Id']}/cancel", {}, 404)
    await deploy(ann.api, "Other", "Dev", 404)
    await deploy(ann.api, "Web", "Dev")
    await ann.api.get("/api/events", 403)  # an event may be about anything


async def test_limits_to_environments_hold_for_deployments_and_machines(api_on_both: Api) -> None:
    api = api_on_both
    places = {name: (await api.post("/api/environments", {"Name": name}))["Id"] for name in ("Dev", "Prod")}
    await a_project(api, "Web")
    await release(api, "Web")
    await deploy(api, "Web", "Prod")
    for name, place in places.items():
        endpoint = {"CommunicationStyle": "TentaclePassive", "Uri": f"https://{name}:10933/", "Thumbprint": "A" * 40}
        body = {"Name": name, "EnvironmentIds": [place], "Roles": ["web"], "Endpoint": endpoint}
        await api.post("/api/machines", body | {"SkipInitialHealthCheck": True})
    ann = await a_person(api, "ann")
    for role in ("projectdeployer", "environmentmanager"):
        await grant(api, ann, role, EnvironmentIds=[places["Dev"]])

    machine = (await ann.api.get("/api/machines"))["Items"][0]
    await deploy(ann.api, "Web", "Prod", 404)
    moved = await ann.api.put(f"/api/machines/{machine['Id']}", machine | {"EnvironmentIds": [places["Prod"]]}, 403)

    assert names(await ann.api.get("/api/environments/all")) == ["Dev"]
    assert names(await ann.api.get("/api/machines/all")) == ["Dev"]
    assert "MachineEdit" in moved["ErrorMessage"]
    assert (await ann.api.get("/api/tasks?name=Deploy"))["TotalResults"] == 0
    await deploy(ann.api, "Web", "Dev")
    assert (await ann.api.get("/api/tasks?name=Deploy"))["TotalResults"] == 1
    await grant(api, ann, "projectviewer")
    refusal = await deploy(ann.api, "Web", "Prod", 403)
    assert "DeploymentCreate" in refusal["ErrorMessage"]
    await ann.api.post("/api/tasks", {"Name": "AdHocScript", "Arguments": {"ScriptBody": "id"}}, 403)


async def test_limits_to_a_project_group_hold_for_its_projects_old_and_new(api: Api) -> None:
    group = await api.post("/api/projectgroups", {"Name": "Ours"})
    other = await a_project(api, "Other")
    await a_project(api, "Old", group["Id"])
    ann = await a_person(api, "ann")
    await grant(api, ann, "projectinitiator", ProjectGroupIds=[group["Id"]])

    lifecycle = other["LifecycleId"]
    body = {"Name": "New", "ProjectGroupId": group["Id"], "LifecycleId": lifecycle}
    made = await ann.api.post("/api/projects", body)

    assert names(await ann.api.get("/api/projects/all")) == ["New", "Old"]
    assert names(await ann.api.get("/api/projectgroups/all")) == ["Ours"]
    await ann.api.put(f"/api/projects/{made['Id']}", made | {"Description": "mine"})
    elsewhere = {**body, "Name": "Elsewhere", "ProjectGroupId": other["ProjectGroupId"]}
    await ann.api.post("/api/projects", elsewhere, 403)
    assert "Elsewhere" not in names(await api.get("/api/projects/all"))


async def test_limits_to_tenants(api: Api) -> None:
    tenants = [await api.post("/api/tenants", {"Name": name}) for name in ("Acme", "Other")]
    ann = await a_person(api, "ann")
    await grant(api, ann, "tenantmanager", TenantIds=[tenants[0]["Id"]])

    assert names(await ann.api.get("/api/tenants/all")) == ["Acme"]
    await ann.api.get(f"/api/tenants/{tenants[1]['Id']}/variables", 404)
    await ann.api.put(f"/api/tenants/{tenants[0]['Id']}", tenants[0] | {"Description": "x"})
    await ann.api.post("/api/tenants", {"Name": "New"}, 403)


async def test_nobody_climbs_by_managing_users(api_on_both: Api) -> None:
    api = api_on_both
    ann, me = await a_person(api, "ann"), await api.get("/api/users/me")
    await grant(api, ann, "systemmanager", None)
    team = await api.get("/api/teams/teams-administrators")

    await ann.api.post("/api/users", {"Username": "bob", "Password": "long enough 1"})
    for refused in (
        ann.api.put("/api/teams/teams-administrators", team | {"MemberUserIds": [ann.id, me["Id"]]}, 403),
        ann.api.post("/api/users", {"Username": "eve", "Password": "long enough 1", "IsAdministrator": True}, 403),
        ann.api.put(f"/api/users/{me['Id']}", me | {"Password": "stolen and long"}, 403),
        ann.api.post(f"/api/users/{me['Id']}/apikeys", {"Purpose": "stolen"}, 403),
        ann.api.delete(f"/api/users/{me['Id']}", 403),
        ann.api.post(
            "/api/scopeduserroles", {"TeamId": ann.team_id, "UserRoleId": "userroles-systemadministrator"}, 403
        ),
        ann.api.post("/api/userroles", {"Name": "x", "GrantedSystemPermissions": ["AdministerSystem"]}, 403),
        ann.api.put("/api/smtpconfiguration", {}, 403),
    ):
        await refused
    assert "eve" not in [each["Username"] for each in await api.get("/api/users/all")]


async def test_somebody_may_change_themselves_but_not_their_rights(api: Api) -> None:
    ann = await a_person(api, "ann")
    me = await ann.api.get("/api/users/me")

    changed = await ann.api.put(f"/api/users/{ann.id}", me | {"DisplayName": "Ann", "Password": "longer than 8"})

    assert changed["DisplayName"] == "Ann"
    await ann.api.put(f"/api/users/{ann.id}", me | {"IsAdministrator": True}, 403)
    await ann.api.put(f"/api/users/{ann.id}", me | {"Username": "admin2"}, 403)


async def test_the_last_administrator_stays(api: Api) -> None:
    team = await api.get("/api/teams/teams-administrators")

    refusal = await api.put(f"/api/teams/{team['Id']}", team | {"MemberUserIds": []}, 400)

    assert "at least one administrator" in str(refusal)


async def test_being_put_into_the_administrators_team_and_out_of_it_holds_at_once(api_on_both: Api) -> None:
    api = api_on_both
    ann = await a_person(api, "ann")
    team = await api.get("/api/teams/teams-administrators")

    await api.put(f"/api/teams/{team['Id']}", team | {"MemberUserIds": [*team["MemberUserIds"], ann.id]})
    assert (await ann.api.get("/api/users/me"))["IsAdministrator"] is True
    await ann.api.get("/api/environments")
    await api.put(f"/api/teams/{team['Id']}", team)

    await ann.api.get("/api/environments", 403)


async def test_everyone_has_what_the_team_of_everyone_has(api: Api) -> None:
    ann = await a_person(api, "ann")
    body = {"TeamId": "teams-everyone", "UserRoleId": "userroles-environmentviewer", "SpaceId": "Spaces-1"}

    made = await api.post("/api/scopeduserroles", body)
    await ann.api.get("/api/environments")
    await api.delete(f"/api/scopeduserroles/{made['Id']}")

    await ann.api.get("/api/environments", 403)


async def test_roles_of_teams_are_listed_changed_and_shown_as_permissions(api_on_both: Api) -> None:
    api = api_on_both
    project = await a_project(api, "Web")
    ann = await a_person(api, "ann")
    made = await grant(api, ann, "projectviewer", ProjectIds=[project["Id"]])

    listed = (await api.get(f"/api/teams/{ann.team_id}/scopeduserroles"))["Items"]
    permissions = await ann.api.get(f"/api/users/{ann.id}/permissions")
    teams = await ann.api.get(f"/api/users/{ann.id}/teams")
    changed = await api.put(f"/api/scopeduserroles/{made['Id']}", made | {"ProjectIds": []})

    assert listed == [made]
    assert names(teams) == ["Everyone", "Team of ann"]
    (restriction,) = permissions["SpacePermissions"]["ReleaseView"]
    assert restriction["RestrictedToProjectIds"] == [project["Id"]]
    assert "DeploymentCreate" not in permissions["SpacePermissions"]
    assert permissions["SystemPermissions"] == []
    assert changed["ProjectIds"] == []
    assert (await api.get(f"/api/scopeduserroles/{made['Id']}")) == changed
    assert (await api.get("/api/permissions/all"))["ProjectView"]["CanApplyAtSpaceLevel"] is True


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"TeamId": "Teams-99"}, "Teams-99"),
        ({"UserRoleId": "userroles-no"}, "userroles-no"),
        ({"SpaceId": "Spaces-99"}, "Spaces-99"),
        ({"SpaceId": None}, "grants nothing without a space"),
    ],
)
async def test_a_role_that_cannot_be_given_is_refused(api: Api, change: dict[str, Any], reason: str) -> None:
    ann = await a_person(api, "ann")
    body = {"TeamId": ann.team_id, "UserRoleId": "userroles-projectviewer", "SpaceId": "Spaces-1", **change}

    assert reason in str(await api.post("/api/scopeduserroles", body, 400))


async def test_roles_of_ones_own_grant_what_they_name(api: Api) -> None:
    permissions = ["lifecycleview", "SomethingOfAnotherServer"]
    role = await api.post("/api/userroles", {"Name": "Watcher", "GrantedSpacePermissions": permissions})
    ann = await a_person(api, "ann")
    await api.post("/api/scopeduserroles", {"TeamId": ann.team_id, "UserRoleId": role["Id"], "SpaceId": "Spaces-1"})

    assert role["GrantedSpacePermissions"] == ["LifecycleView", "SomethingOfAnotherServer"]
    await ann.api.get("/api/lifecycles/all")
    await ann.api.get("/api/projects", 403)
    built_in = await api.get("/api/userroles/userroles-projectviewer")
    assert built_in["CanBeDeleted"] is False
    await api.put(f"/api/userroles/{built_in['Id']}", built_in, 400)
    await api.delete(f"/api/userroles/{built_in['Id']}", 400)


async def test_a_deleted_user_leaves_their_teams(api: Api) -> None:
    ann = await a_person(api, "ann")

    await api.delete(f"/api/users/{ann.id}")

    assert (await api.get(f"/api/teams/{ann.team_id}"))["MemberUserIds"] == []
    await ann.api.get("/api/users/me", 401)


async def test_a_clone_takes_nothing_that_one_may_not_see_and_stays_where_one_may_create(api: Api) -> None:
    group = await api.post("/api/projectgroups", {"Name": "Ours"})
    source = await a_project(api, "Source", group["Id"])
    ann = await a_person(api, "ann")
    await grant(api, ann, "projectinitiator", ProjectGroupIds=[group["Id"]])

    await ann.api.post(f"/api/projects?clone={source['Id']}", {"Name": "Copy"})
    other = (await api.get("/api/projectgroups?partialName=Default"))["Items"][0]["Id"]
    await ann.api.post(f"/api/projects?clone={source['Id']}", {"Name": "Away", "ProjectGroupId": other}, 403)
    hidden = await a_project(api, "Hidden", other)
    await ann.api.post(f"/api/projects?clone={hidden['Id']}", {"Name": "Stolen"}, 404)

    assert names(await api.get("/api/projects/all")) == ["Copy", "Hidden", "Source"]


async def test_variables_name_only_places_that_one_may_see(api: Api) -> None:
    places = {name: (await api.post("/api/environments", {"Name": name}))["Id"] for name in ("Dev", "Prod")}
    project = await a_project(api, "Web")
    ann = await a_person(api, "ann")
    await grant(api, ann, "projectcontributor", EnvironmentIds=[places["Dev"]])

    variables = await ann.api.get(f"/api/variables/{project['VariableSetId']}")

    assert names(variables["ScopeValues"]["Environments"]) == ["Dev"]
