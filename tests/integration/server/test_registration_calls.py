"""The calls that `tentacle register-worker`, `register-with` and `deregister-*` make, in order, and their answers.

Bodies are as the .NET client sends them (tentacle-cli §6.3).
"""

from typing import Any

import pytest

from api_under_test import Api

THUMBPRINT, OTHER_THUMBPRINT = "1D4F" * 10, "ABCD" * 10

HEALTH = {"Healthy", "Unavailable", "Unknown", "HasWarnings", "Unhealthy"}
STATUS = {"Online", "Offline", "Unknown", "NeedsUpgrade", "CalamariNeedsUpgrade", "Disabled"}


def a_registration(name: str = "w1", **changes: Any) -> dict[str, Any]:
    """The body of step 18."""
    endpoint = {
        "CommunicationStyle": "TentaclePassive",
        "ProxyId": None,
        "Thumbprint": changes.pop("thumbprint", THUMBPRINT),
        "Uri": "https://w1.example.com:10933/",
        "TentacleVersionDetails": None,
        "CertificateSignatureAlgorithm": None,
        "Id": None,
        "LastModifiedOn": None,
        "LastModifiedBy": None,
        "Links": {},
    }
    body: dict[str, Any] = {
        "Name": name,
        "SpaceId": "Spaces-1",
        "Thumbprint": None,
        "Uri": None,
        "IsDisabled": False,
        "MachinePolicyId": None,
        "Status": "Online",
        "HealthStatus": "Healthy",
        "HasLatestCalamari": False,
        "StatusSummary": None,
        "IsInProcess": False,
        "Endpoint": endpoint,
        "OperatingSystem": None,
        "OperatingSystemVersion": None,
        "ShellName": None,
        "ShellVersion": None,
        "Architecture": None,
        "Slug": None,
        "SkipInitialHealthCheck": False,
        "WorkerPoolIds": ["WorkerPools-1"],
        "Links": {},
    }
    return body | changes


async def test_registering_a_worker_call_by_call(api_on_both: Api) -> None:
    """cli 23: steps 1 to 19."""
    api = api_on_both
    root = await api.get("/api")
    me = await api.get(root["Links"]["CurrentUser"])
    (space,) = [each for each in await api.get(me["Links"]["Spaces"]) if each["IsDefault"]]
    certificate = await api.get("/api/configuration/certificates/certificate-global")
    links = (await api.get(space["Links"]["SpaceHome"]))["Links"]
    collection = links["Workers"].partition("{")[0]
    assert (await api.get(f"{collection}?name=w1"))["Items"] == []
    pools = await api.get(links["WorkerPools"].partition("{")[0])
    (pool,) = [each for each in pools["Items"] if each["Name"] == "Default Worker Pool"]

    made = await api.post(collection, a_registration(WorkerPoolIds=[pool["Id"]]))
    read = await api.get(made["Links"]["Self"])

    assert made == read
    assert certificate["Thumbprint"] == api.services.identity.thumbprint
    assert (made["SpaceId"], made["WorkerPoolIds"]) == ("Spaces-1", [pool["Id"]])
    assert made["MachinePolicyId"] == "MachinePolicies-1"


async def test_what_the_client_says_about_health_changes_nothing(api: Api) -> None:
    """cli 35, cli 33"""
    made = await api.post("/api/workers", a_registration())

    assert (made["HealthStatus"], made["Status"], made["OperatingSystem"]) == ("Unknown", "Unknown", "Unknown")
    assert made["HealthStatus"] in HEALTH
    assert made["Status"] in STATUS
    assert (made["Slug"], made["Thumbprint"], made["Uri"]) == ("w1", THUMBPRINT, "https://w1.example.com:10933/")


async def test_a_registration_of_an_older_client_lacks_members(api: Api) -> None:
    """cli 35"""
    body = a_registration()
    for member in ("OperatingSystemVersion", "SkipInitialHealthCheck", "Slug", "Status"):
        del body[member]

    assert (await api.post("/api/workers", body | {"FromTheFuture": {"a": 1}}))["FromTheFuture"] == {"a": 1}


async def test_a_polling_registration_is_stored_with_its_subscription(api: Api) -> None:
    endpoint = {"CommunicationStyle": "TentacleActive", "Thumbprint": THUMBPRINT.lower(), "Uri": "poll://KQ12abc/"}

    made = await api.post("/api/workers", a_registration(Endpoint=endpoint))

    assert (made["Endpoint"]["Uri"], made["Endpoint"]["Thumbprint"]) == ("poll://kq12abc/", THUMBPRINT)


async def test_registering_again_with_force_keeps_the_id_and_replaces_pools_and_endpoint(api: Api) -> None:
    """cli 24, cli 37: the read resource comes back, with a new endpoint and other pools."""
    made = await api.post("/api/workers", a_registration())
    other = await api.post("/api/workerpools", {"Name": "Linux"})
    fresh = a_registration(thumbprint=OTHER_THUMBPRINT)["Endpoint"]

    response = await api.client.post(
        made["Links"]["Self"],
        json={**made, "Endpoint": fresh, "WorkerPoolIds": [other["Id"]]},
        headers={"X-HTTP-Method-Override": "PUT"},
    )

    changed = response.json()
    assert (response.status_code, changed["Id"], changed["WorkerPoolIds"]) == (200, made["Id"], [other["Id"]])
    assert (changed["Thumbprint"], changed["MachinePolicyId"]) == (OTHER_THUMBPRINT, made["MachinePolicyId"])
    assert (await api.get(f"/api/workers/all?thumbprint={THUMBPRINT}")) == []


async def test_deregistering_finds_exactly_its_own_thumbprint(api: Api) -> None:
    """cli 29: in any case, and nobody else's worker."""
    mine = await api.post("/api/workers", a_registration("mine"))
    await api.post("/api/workers", a_registration("other", thumbprint=OTHER_THUMBPRINT))

    matches = await api.get(f"/api/Spaces-1/workers/all?thumbprint={THUMBPRINT.lower()}")
    answer = await api.client.post(mine["Links"]["Self"], headers={"X-HTTP-Method-Override": "DELETE"})

    assert [each["Id"] for each in matches] == [mine["Id"]]
    assert answer.status_code == 200
    assert [each["Name"] for each in await api.get("/api/workers/all")] == ["other"]


async def test_registering_a_target_call_by_call(api: Api) -> None:
    """cli 31: environments in the new shape and the old, tenants, tags."""
    environment = await api.post("/api/environments", {"Name": "Test"})
    tenant = await api.post("/api/tenants", {"Name": "Acme"})
    tags = await api.post("/api/tagsets", {"Name": "Ring", "Tags": [{"Name": "Early", "Color": "#ff0000"}]})
    v2 = await api.get("/api/Spaces-1/environments/v2?skip=0&take=2147483647")
    body = a_registration("t1")
    del body["WorkerPoolIds"]
    body |= {
        "EnvironmentIds": [environment["Id"]],
        "Roles": ["web"],
        "TenantIds": [tenant["Id"]],
        "TenantTags": ["Ring/Early"],
        "TenantedDeploymentParticipation": "TenantedOrUntenanted",
    }

    made = await api.post("/api/machines", body)

    assert [(each["Type"], each["Id"], each["Links"] is not None) for each in v2["Items"]] == [
        ("Static", environment["Id"], True)
    ]
    assert tags["Tags"][0]["CanonicalTagName"] == "Ring/Early"
    assert {name: made[name] for name in ("EnvironmentIds", "Roles", "TenantIds", "TenantTags")} == {
        name: body[name] for name in ("EnvironmentIds", "Roles", "TenantIds", "TenantTags")
    }
    for query in (
        "roles=web",
        f"environmentids={environment['Id']}",
        f"tenantIds={tenant['Id']}",
        "commStyles=TentaclePassive",
    ):
        assert [each["Id"] for each in (await api.get(f"/api/machines?{query}"))["Items"]] == [made["Id"]], query
    assert (await api.get("/api/machines?roles=db"))["Items"] == []
    assert await api.get("/api/machineroles/all") == ["web"]


async def test_the_environments_of_other_types_are_none(api: Api) -> None:
    await api.post("/api/environments", {"Name": "Test"})

    assert (await api.get("/api/environments/v2?type=Ephemeral&type=Parent"))["Items"] == []
    assert len((await api.get("/api/environments/v2?type=Static"))["Items"]) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"WorkerPoolIds": []}, "at least one worker pool"),
        ({"WorkerPoolIds": ["WorkerPools-77"]}, "WorkerPools-77"),
        ({"MachinePolicyId": "MachinePolicies-77"}, "MachinePolicies-77"),
        ({"Name": " "}, "name for the worker"),
        ({"Endpoint": None}, "Endpoint"),
        ({"thumbprint": "not one"}, "40 hexadecimal digits"),
        ({"Endpoint": {"CommunicationStyle": "TentaclePassive", "Uri": "w1", "Thumbprint": THUMBPRINT}}, "https://"),
        ({"Endpoint": {"CommunicationStyle": "TentacleActive", "Uri": "", "Thumbprint": THUMBPRINT}}, "poll://"),
        ({"Endpoint": {"CommunicationStyle": "Carrier pigeon"}}, "CommunicationStyle"),
    ],
)
async def test_a_registration_that_cannot_be_is_refused_with_one_clear_reason(
    api: Api, changes: dict[str, Any], reason: str
) -> None:
    """cli 36"""
    error = await api.post("/api/workers", a_registration(**changes), 400)

    assert error["ErrorMessage"]
    assert reason in " ".join(error["Errors"])
    assert (await api.get("/api/workers"))["TotalResults"] == 0


async def test_a_name_that_is_taken_is_refused(api: Api) -> None:
    """cli 36"""
    await api.post("/api/workers", a_registration("W1"))

    error = await api.post("/api/workers", a_registration("w1"), 400)

    assert "'W1'" in error["Errors"][0]


async def test_a_subscription_belongs_to_its_first_certificate(api: Api) -> None:
    endpoint = {"CommunicationStyle": "TentacleActive", "Thumbprint": THUMBPRINT, "Uri": "poll://abc/"}
    await api.post("/api/workers", a_registration("first", Endpoint=endpoint))
    stolen = {**endpoint, "Thumbprint": OTHER_THUMBPRINT}

    error = await api.post("/api/workers", a_registration("thief", Endpoint=stolen), 400)

    assert "poll://abc/" in error["Errors"][0]


async def test_one_agent_can_be_target_and_worker(api: Api) -> None:
    endpoint = {"CommunicationStyle": "TentacleActive", "Thumbprint": THUMBPRINT, "Uri": "poll://abc/"}
    await api.post("/api/workers", a_registration(Endpoint=endpoint))

    await api.post("/api/machines", a_registration(Endpoint=endpoint))


async def test_a_new_agent_is_checked_at_once_unless_it_is_disabled(api: Api) -> None:
    made = await api.post("/api/workers", a_registration())
    await api.post("/api/workers", a_registration("idle", IsDisabled=True))

    async with api.parts.store.reading() as connection:
        rows = (await connection.exec_driver_sql("SELECT name, arguments FROM server_tasks")).mappings().all()

    assert len(rows) == 1
    assert rows[0]["name"] == "Health"
    assert made["Id"] in rows[0]["arguments"]


async def test_whoever_may_sign_in_may_read_the_certificate(api: Api) -> None:
    """cli 26"""
    user = await api.post("/api/users", {"Username": "anna", "Password": "geheim geheim"})
    key = (await api.post(f"/api/users/{user['Id']}/apikeys", {"Purpose": "test"}))["ApiKey"]

    response = await api.client.get(
        "/api/configuration/certificates/certificate-global", headers={"X-Octopus-ApiKey": key}
    )

    assert response.json()["Thumbprint"].isupper()
    assert len(response.json()["Thumbprint"]) == 40
