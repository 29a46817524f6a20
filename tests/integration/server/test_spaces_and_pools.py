"""Spaces with what every one has, pools with their default, and the built-in worker's switch."""

from api_under_test import Api

ENDPOINT = {"CommunicationStyle": "TentaclePassive", "Uri": "https://w1:10933/", "Thumbprint": "1D4F" * 10}


async def test_a_new_space_has_all_that_clients_expect(api_on_both: Api) -> None:
    api = api_on_both

    space = await api.post("/api/spaces", {"Name": "Team A", "SpaceManagersTeamMembers": ["Users-1"]})

    firsts = {}
    for path in ("workerpools", "machinepolicies", "lifecycles", "projectgroups", "feeds"):
        (firsts[path],) = (await api.get(f"/api/{space['Id']}/{path}"))["Items"]
    assert (firsts["workerpools"]["Name"], firsts["workerpools"]["IsDefault"]) == ("Default Worker Pool", True)
    assert (firsts["machinepolicies"]["Name"], firsts["machinepolicies"]["IsDefault"]) == (
        "Default Machine Policy",
        True,
    )
    assert firsts["feeds"]["FeedType"] == "BuiltIn"
    assert (space["IsDefault"], space["Links"]["SpaceHome"]) == (False, f"/api/{space['Id']}")


async def test_a_space_is_deleted_with_everything_in_it_once_its_queue_is_stopped(api_on_both: Api) -> None:
    api = api_on_both
    space = await api.post("/api/spaces", {"Name": "Team A", "SpaceManagersTeamMembers": ["Users-1"]})
    (pool,) = (await api.get(f"/api/{space['Id']}/workerpools"))["Items"]
    worker = await api.post(
        f"/api/{space['Id']}/workers", {"Name": "w", "Endpoint": ENDPOINT, "WorkerPoolIds": [pool["Id"]]}
    )

    error = await api.delete(space["Links"]["Self"], 400)
    await api.put(space["Links"]["Self"], {**space, "TaskQueueStopped": True})
    await api.delete(space["Links"]["Self"])

    assert "TaskQueueStopped" in error["Errors"][0]
    await api.get(worker["Links"]["Self"], 404)
    assert [each["Name"] for each in await api.get("/api/spaces/all")] == ["Default"]


async def test_the_default_space_stays_the_default(api: Api) -> None:
    space = await api.get("/api/spaces/Spaces-1")

    changed = await api.put("/api/spaces/Spaces-1", {**space, "IsDefault": False, "Name": "Main"})
    await api.delete("/api/spaces/Spaces-1", 400)

    assert (changed["IsDefault"], changed["Name"]) == (True, "Main")


async def test_a_space_needs_a_manager(api: Api) -> None:
    error = await api.post("/api/spaces", {"Name": "Team A"}, 400)

    assert "manages the space" in error["Errors"][0]
    assert (await api.get("/api/spaces"))["TotalResults"] == 1


async def test_one_pool_is_the_default_and_cannot_go(api_on_both: Api) -> None:
    api = api_on_both
    made = await api.post("/api/workerpools", {"Name": "New", "IsDefault": True})

    first = await api.get("/api/workerpools/WorkerPools-1")
    kept = await api.put(made["Links"]["Self"], {**made, "IsDefault": False})
    error = await api.delete(made["Links"]["Self"], 400)

    assert (first["IsDefault"], kept["IsDefault"]) == (False, True)
    assert "default worker pool" in error["Errors"][0]
    await api.delete(first["Links"]["Self"])


async def test_a_pool_with_workers_cannot_go(api: Api) -> None:
    pool = await api.post("/api/workerpools", {"Name": "Linux"})
    await api.post("/api/workers", {"Name": "w", "Endpoint": ENDPOINT, "WorkerPoolIds": [pool["Id"]]})

    error = await api.delete(pool["Links"]["Self"], 400)

    assert "1 workers" in error["Errors"][0]


async def test_a_pool_lists_its_own_workers(api: Api) -> None:
    linux = await api.post("/api/workerpools", {"Name": "Linux"})
    worker = await api.post("/api/workers", {"Name": "w", "Endpoint": ENDPOINT, "WorkerPoolIds": [linux["Id"]]})

    inside = await api.get(linux["Links"]["Workers"].partition("{")[0])
    outside = await api.get("/api/workerpools/WorkerPools-1/workers")
    summary = await api.get("/api/workerpools/summary")

    assert ([each["Id"] for each in inside["Items"]], outside["Items"]) == ([worker["Id"]], [])
    counts = {each["WorkerPool"]["Name"]: each["TotalMachines"] for each in summary["WorkerPoolSummaries"]}
    assert counts == {"Default Worker Pool": 0, "Linux": 1}


async def test_the_switch_follows_the_default_pool(api_on_both: Api) -> None:
    """DESIGN 1.3: off while a worker is there, whatever its health; on again after the last one."""
    api = api_on_both
    other = await api.post("/api/workerpools", {"Name": "Linux"})
    states = [await api.get("/api/builtinworker")]

    elsewhere = {"Name": "e", "Endpoint": ENDPOINT, "WorkerPoolIds": [other["Id"]]}
    await api.post("/api/workers", elsewhere)
    states.append(await api.get("/api/builtinworker"))
    worker = await api.post(
        "/api/workers", {"Name": "w", "IsDisabled": True, "Endpoint": ENDPOINT, "WorkerPoolIds": ["WorkerPools-1"]}
    )
    states.append(await api.get("/api/builtinworker"))
    await api.delete(worker["Links"]["Self"])
    states.append(await api.get("/api/builtinworker"))

    assert [each["State"] for each in states] == ["On", "On", "Off", "On"]
    assert "1 worker" in states[2]["Reason"]


async def test_an_administrator_switches_the_built_in_worker_off_for_good(api: Api) -> None:
    changed = await api.put("/api/builtinworker", {"IsAllowed": False, "Account": "octavo-jobs"})
    kept = await api.put("/api/builtinworker", {"isAllowed": False})

    assert (changed["State"], changed["IsAllowed"], changed["Account"]) == ("Off", False, "octavo-jobs")
    assert "administrator" in changed["Reason"]
    assert kept["Account"] == "octavo-jobs"
    await api.put("/api/builtinworker", {"Account": "; rm -rf /"}, 400)


async def test_small_questions_about_the_server_have_answers(api: Api) -> None:
    assert "GetAllSpacesRequest" in (await api.get("/api/capabilities"))["Capabilities"]
    assert await api.get("/api/configuration/feature-toggles?Name=X") == {"FeatureToggles": []}
    assert (await api.get("/api/serverstatus"))["IsInMaintenanceMode"] is False
    assert (await api.get("/api/serverstatus/health"))["IsOperatingNormally"] is True
    assert await api.get("/api/workerpools/supportedtypes") == ["StaticWorkerPool"]
    assert (await api.get("/api/workerpools/dynamicworkertypes"))["WorkerTypes"] == []
    assert (await api.get("/api/machinepolicies/template"))["ConnectionConnectTimeout"] == "00:01:00"
    assert (await api.get("/api/environments/summary"))["TotalMachines"] == 0


async def test_a_lifecycle_answers_all_members_of_its_retention(api: Api) -> None:
    body = {"Name": "L", "ReleaseRetentionPolicy": {"QuantityToKeep": 3, "Unit": "Days", "ShouldKeepForever": False}}

    made = await api.post("/api/lifecycles", body)

    forever = {"Strategy": "Default", "Unit": "Items", "QuantityToKeep": 0, "ShouldKeepForever": True}
    assert made["TentacleRetentionPolicy"] == forever
    assert made["ReleaseRetentionPolicy"] == {
        "Strategy": "Count",
        "Unit": "Days",
        "QuantityToKeep": 3,
        "ShouldKeepForever": False,
    }
    assert await api.get(made["Links"]["Projects"]) == []
