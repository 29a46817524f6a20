"""The generic resource layer, seen through the API: what all kinds have in common."""

import base64
from functools import cache

import pytest

from api_under_test import Api
from octavo.halibut import new_identity
from octavo.server.operations.kinds.all_kinds import ALL_KINDS

ENDPOINT = {"CommunicationStyle": "TentaclePassive", "Uri": "https://w1:10933/", "Thumbprint": "1D4F" * 10}
PROJECT: dict[str, object] = {"ProjectGroupId": "ProjectGroups-1", "LifecycleId": "Lifecycles-1"}


@cache
def _certificate() -> str:
    return base64.b64encode(new_identity("www.example.org").certificate_pem).decode()


def _example(path: str) -> dict[str, object]:
    examples: dict[str, dict[str, object]] = {
        "spaces": {"SpaceManagersTeamMembers": ["Users-1"]},
        "workers": {"Endpoint": ENDPOINT, "WorkerPoolIds": ["WorkerPools-1"]},
        "machines": {"Endpoint": ENDPOINT},
        "proxies": {"Host": "proxy", "Port": 3128},
        "projects": PROJECT,
        "accounts": {"AccountType": "Token"},
        "actiontemplates": {"ActionType": "Octopus.Script"},
        "certificates": {"CertificateData": {"HasValue": True, "NewValue": _certificate()}},
        "channels": {"ProjectId": "Projects-1"},
        "runbooks": {"ProjectId": "Projects-1"},
    }
    return {"Name": "An Example", **examples.get(path, {})}


CREATABLE = [kind for kind in ALL_KINDS if kind.path != "feeds"]


@pytest.mark.parametrize("kind", CREATABLE, ids=lambda kind: kind.path)
async def test_every_kind_is_created_read_changed_and_deleted_alike(api_on_both: Api, kind) -> None:  # type: ignore[no-untyped-def]
    """cli 21, cli 22: an item's links are the same wherever it is shown."""
    api = api_on_both
    collection = f"/api/{kind.path}"
    if kind.path in ("channels", "runbooks"):
        await api.post("/api/projects", {"Name": "Web", **PROJECT})

    made = await api.post(collection, _example(kind.path))
    read = await api.get(made["Links"]["Self"])
    by_slug = await api.get(f"{collection}/an-example")
    (listed,) = (await api.get(f"{collection}?ids={made['Id']}"))["Items"]
    everything = await api.get(f"{collection}/all")
    changed = await api.put(made["Links"]["Self"], {**made, "Name": "Changed", "TaskQueueStopped": True})
    await api.delete(made["Links"]["Self"])

    assert made["Id"].startswith(kind.id_prefix + "-")
    assert made == read == by_slug == listed
    assert made in everything
    assert (changed["Id"], changed["Name"], changed["Slug"]) == (made["Id"], "Changed", "an-example")
    assert changed["Links"] == made["Links"]
    await api.get(made["Links"]["Self"], 404)


async def test_the_three_forms_of_a_space_are_one_collection(api: Api) -> None:
    made = await api.post("/api/spaces/Spaces-1/environments", {"Name": "Dev"})

    for root in ("/api/Spaces-1", "/api/spaces/Spaces-1", "/api", "/api/default", "/api/spaces/default"):
        assert await api.get(f"{root}/environments/{made['Id']}") == made


async def test_what_another_space_has_is_not_found_here(api: Api) -> None:
    other = await api.post("/api/spaces", {"Name": "Other", "SpaceManagersTeams": ["teams-administrators"]})
    made = await api.post(f"/api/{other['Id']}/environments", {"Name": "Dev"})

    await api.get(f"/api/Spaces-1/environments/{made['Id']}", 404)
    assert made["SpaceId"] == other["Id"]


async def test_an_unknown_space_is_named(api: Api) -> None:
    error = await api.get("/api/Spaces-99/environments", 404)

    assert "Spaces-99" in error["ErrorMessage"]


async def test_a_space_in_the_body_must_be_the_space_of_the_address(api: Api) -> None:
    await api.post("/api/Spaces-1/environments", {"Name": "Dev", "SpaceId": ""})

    error = await api.post("/api/Spaces-1/environments", {"Name": "Test", "SpaceId": "Spaces-2"}, 400)

    assert "Spaces-2" in error["Errors"][0]


@pytest.mark.parametrize("query", ["ids={0},{1}", "ids={0}%2C{1}", "ids={0}&ids={1}", "Ids={0},{1},Environments-99"])
async def test_ids_come_in_three_spellings_and_unknown_ones_are_missing(api: Api, query: str) -> None:
    first, second, _ = [await api.post("/api/environments", {"Name": name}) for name in ("A", "B", "C")]

    found = await api.get("/api/environments?" + query.format(first["Id"], second["Id"]))

    assert [each["Name"] for each in found["Items"]] == ["A", "B"]


async def test_pages_lead_to_every_item_once(api: Api) -> None:
    """cli 22"""
    for number in range(7):
        await api.post("/api/tenants", {"Name": f"Tenant {number}"})
    names, path = [], "/api/tenants?take=3&partialName=TENANT"

    while path:
        found = await api.get(path)
        names += [each["Name"] for each in found["Items"]]
        path = found["Links"].get("Page.Next")

    assert names == [f"Tenant {number}" for number in range(7)]
    assert (found["TotalResults"], found["NumberOfPages"], found["LastPageNumber"]) == (7, 3, 2)


async def test_everything_can_be_asked_for_at_once(api: Api) -> None:
    found = await api.get("/api/spaces?partialName=Default&skip=0&take=2147483647")

    assert [each["Name"] for each in found["Items"]] == ["Default"]


async def test_named_things_come_by_name_and_sorted_ones_by_their_order(api: Api) -> None:
    for name in ("beta", "Alpha"):
        await api.post("/api/tenants", {"Name": name})
        await api.post("/api/environments", {"Name": name})

    tenants, environments = (await api.get("/api/tenants"))["Items"], (await api.get("/api/environments"))["Items"]

    assert [each["Name"] for each in tenants] == ["Alpha", "beta"]
    assert [each["Name"] for each in environments] == ["beta", "Alpha"]


async def test_sorting_changes_the_order(api: Api) -> None:
    ids = [(await api.post("/api/environments", {"Name": name}))["Id"] for name in ("A", "B", "C")]

    await api.put("/api/environments/sortorder", [ids[2], ids[0]])

    assert [each["Name"] for each in (await api.get("/api/environments"))["Items"]] == ["C", "A", "B"]
    error = await api.put("/api/environments/sortorder", ["Environments-99"], 400)
    assert "environments-99" in error["Errors"][0]


async def test_a_name_is_taken_whatever_its_case(api: Api) -> None:
    await api.post("/api/environments", {"Name": "Production"})

    error = await api.post("/api/environments", {"Name": "PRODUCTION"}, 400)

    assert "'Production'" in error["Errors"][0]
    assert (await api.get("/api/environments"))["TotalResults"] == 1


async def test_a_slug_is_made_free_by_a_number(api: Api) -> None:
    slugs = [(await api.post("/api/environments", {"Name": name}))["Slug"] for name in ("My Env", "my-env", "My.Env")]

    assert slugs == ["my-env", "my-env-2", "my-env-3"]


async def test_a_missing_name_is_asked_for(api: Api) -> None:
    error = await api.post("/api/environments", {"Description": "?"}, 400)

    assert error["Errors"] == ["Please provide a Name for the environment."]


async def test_a_name_has_its_limit(api: Api) -> None:
    error = await api.post("/api/environments", {"Name": "x" * 51}, 400)

    assert "51" in error["Errors"][0]


async def test_replacing_forgets_what_is_absent_but_keeps_the_slug_and_what_the_server_owns(api: Api) -> None:
    made = await api.post("/api/environments", {"Name": "Dev", "Description": "d", "EnvironmentTags": ["a/b"]})

    changed = await api.put(made["Links"]["Self"], {"Name": "Development"})

    assert (changed["Slug"], changed["Description"], changed["EnvironmentTags"]) == ("dev", None, [])
    assert changed["SortOrder"] == made["SortOrder"]


async def test_what_the_server_computes_is_ignored_on_input(api: Api) -> None:
    """cli 35"""
    body = {"Name": "P", "CanAddWorkers": False, "Id": "WorkerPools-77", "Links": {"Self": "x"}, "LastModifiedBy": "me"}

    made = await api.post("/api/workerpools", body)

    assert made["CanAddWorkers"] is True
    assert made["Id"] != "WorkerPools-77"
    assert made["LastModifiedBy"] == "admin"


async def test_put_and_delete_can_come_as_post(api: Api) -> None:
    """cli 21"""
    made = await api.post("/api/environments", {"Name": "Dev"})

    changed = await api.client.post(
        made["Links"]["Self"], json={**made, "Name": "Test"}, headers={"X-HTTP-Method-Override": "PUT"}
    )
    deleted = await api.client.post(made["Links"]["Self"], headers={"X-HTTP-Method-Override": "DELETE"})

    assert (changed.status_code, changed.json()["Name"], deleted.status_code) == (200, "Test", 200)
    await api.get(made["Links"]["Self"], 404)


async def test_a_secret_goes_in_and_never_comes_out(api: Api) -> None:
    secret = {"HasValue": True, "NewValue": "hunter2"}
    made = await api.post("/api/proxies", {"Name": "p", "Host": "proxy", "Port": 3128, "Password": secret})

    kept = await api.put(made["Links"]["Self"], made)
    cleared = await api.put(made["Links"]["Self"], {**made, "Password": {"HasValue": False, "NewValue": None}})

    assert made["Password"] == kept["Password"] == {"HasValue": True, "NewValue": None, "Hint": None}
    assert cleared["Password"]["HasValue"] is False
    assert "hunter2" not in str(await api.get("/api/events"))


async def test_every_change_leaves_an_event_with_before_and_after(api: Api) -> None:
    made = await api.post("/api/environments", {"Name": "Dev"})
    await api.put(made["Links"]["Self"], {**made, "Name": "Test"})
    await api.delete(made["Links"]["Self"])

    events = (await api.get(f"/api/events?regarding={made['Id']}"))["Items"]

    assert [each["Category"] for each in events] == ["Deleted", "Modified", "Created"]
    differences = events[1]["ChangeDetails"]["Differences"]
    assert (differences["Before"]["Name"], differences["After"]["Name"]) == ("Dev", "Test")
    assert (events[0]["Username"], events[0]["IdentityEstablishedWith"]) == ("admin", "API key")
    assert (await api.get(f"/api/events/{events[0]['Id']}"))["Message"] == "Environment Test was deleted"


async def test_a_refused_change_leaves_nothing(api: Api) -> None:
    before = (await api.get("/api/events"))["TotalResults"]

    await api.post("/api/workers", {"Name": "w", "Endpoint": ENDPOINT, "WorkerPoolIds": ["WorkerPools-99"]}, 400)

    assert (await api.get("/api/workers"))["TotalResults"] == 0
    assert (await api.get("/api/events"))["TotalResults"] == before
