"""Who may come in, how, and what those without rights are told."""

import re

import httpx
import pytest

from api_under_test import API_KEY, PASSWORD, Api


async def _a_plain_user(api: Api) -> httpx.AsyncClient:
    user = await api.post("/api/users", {"Username": "anna", "Password": "geheim geheim"})
    key = (await api.post(f"/api/users/{user['Id']}/apikeys", {"Purpose": "test"}))["ApiKey"]
    client = api.anonymous()
    client.headers["X-Octopus-ApiKey"] = key
    return client


async def test_without_credentials_only_the_root_answers(api: Api) -> None:
    """cli 30: users/me is 401 before signing in."""
    async with api.anonymous() as client:
        assert (await client.get("/api")).status_code == 200
        for path in ("/api/users/me", "/api/Spaces-1", "/api/workers", "/api/Spaces-99/workers"):
            response = await client.get(path)
            assert response.status_code == 401
            assert response.json()["ErrorMessage"]
            assert "www-authenticate" not in response.headers


@pytest.mark.parametrize("path", ["/api", "/api/users/me"])
async def test_an_unknown_key_is_refused_everywhere(api: Api, path: str) -> None:
    response = await api.client.get(path, headers={"X-Octopus-ApiKey": "API-WRONG"})

    assert response.status_code == 401
    assert "API key you provided was not valid" in response.json()["ErrorMessage"]


async def test_an_empty_key_header_means_anonymous(api: Api) -> None:
    assert (await api.client.get("/api", headers={"X-Octopus-ApiKey": ""})).status_code == 200


async def test_a_bearer_token_that_we_did_not_issue_is_refused(api: Api) -> None:
    async with api.anonymous() as client:
        response = await client.get("/api/users/me", headers={"Authorization": "Bearer eyJ"})

    assert response.status_code == 401
    assert "access token" in response.json()["ErrorMessage"]


async def test_a_key_is_shown_once_and_can_be_revoked(api: Api) -> None:
    me = await api.get("/api/users/me")
    made = await api.post(f"/api/users/{me['Id']}/apikeys", {"Purpose": "ci", "Expires": None})
    (listed,) = [each for each in (await api.get(f"/api/users/{me['Id']}/apikeys"))["Items"] if each["Purpose"] == "ci"]
    headers = {"X-Octopus-ApiKey": made["ApiKey"]}
    assert (await api.client.get("/api/users/me", headers=headers)).status_code == 200

    await api.delete(f"/api/users/{me['Id']}/apikeys/{made['Id']}")

    assert re.fullmatch(r"API-[A-Z2-7]{28}", made["ApiKey"])
    assert listed["ApiKey"] == {"HasValue": True, "NewValue": None, "Hint": made["ApiKey"][:8]}
    assert (await api.client.get("/api/users/me", headers=headers)).status_code == 401


async def test_an_expired_key_is_refused(api: Api) -> None:
    me = await api.get("/api/users/me")
    made = await api.post(f"/api/users/{me['Id']}/apikeys", {"Expires": "2020-01-01T00:00:00Z"})

    response = await api.client.get("/api/users/me", headers={"X-Octopus-ApiKey": made["ApiKey"]})

    assert (response.status_code, "expired" in response.json()["ErrorMessage"]) == (401, True)


async def test_a_password_gives_two_cookies_and_demands_the_anti_forgery_token(api: Api) -> None:
    """cli 30"""
    body = {"Username": "ADMIN", "Password": PASSWORD, "RememberMe": False, "State": {"UsingSecureConnection": True}}
    async with api.anonymous() as client:
        response = await client.post("/api/users/login", json=body)
        csrf = [value for name, value in client.cookies.items() if name.startswith("Octopus-Csrf-Token")]
        read = await client.get("/api/users/me")
        refused = await client.post("/api/environments", json={"Name": "Dev"})
        headers = {"X-Octopus-Csrf-Token": csrf[0]}
        accepted = await client.post("/api/environments", json={"Name": "Dev"}, headers=headers)
        ended = await client.post("/api/users/logout", headers=headers)
        afterwards = await client.get("/api/users/me")

    hidden, readable = response.headers.get_list("set-cookie")
    assert (response.status_code, len(csrf)) == (200, 1)
    assert hidden.startswith("OctopusIdentificationToken_")
    assert "httponly" in hidden.lower()
    assert "httponly" not in readable.lower()
    assert "secure" not in hidden.lower()
    assert read.json()["Username"] == "admin"
    assert (refused.status_code, accepted.status_code, ended.status_code) == (401, 201, 200)
    assert afterwards.status_code == 401


@pytest.mark.parametrize("name", ["admin", "nobody"])
async def test_a_wrong_password_and_an_unknown_user_look_alike(api: Api, name: str) -> None:
    async with api.anonymous() as client:
        response = await client.post("/api/users/login", json={"Username": name, "Password": "wrong"})

    assert (response.status_code, response.json()["ErrorMessage"]) == (401, "Invalid username or password.")


async def test_a_user_without_rights_is_told_which_one_is_missing(api: Api) -> None:
    async with await _a_plain_user(api) as client:
        listing = await client.get("/api/workers")
        creating = await client.post("/api/environments", json={"Name": "x"})
        spaces = await client.get("/api/users/me")
        own_spaces = await client.get(spaces.json()["Links"]["Spaces"])
        others = await client.get("/api/users/Users-1")

    assert (listing.status_code, creating.status_code, others.status_code) == (403, 403, 403)
    assert "WorkerView" in listing.json()["ErrorMessage"]
    assert "EnvironmentCreate" in creating.json()["ErrorMessage"]
    assert own_spaces.json() == []


async def test_a_user_who_is_switched_off_is_out_at_once(api: Api) -> None:
    async with await _a_plain_user(api) as client:
        user = (await client.get("/api/users/me")).json()
        await api.put(user["Links"]["Self"], {**user, "IsActive": False})

        assert (await client.get("/api/users/me")).status_code == 401


async def test_administrators_cannot_lock_themselves_out(api: Api) -> None:
    me = await api.get("/api/users/me")

    await api.put(me["Links"]["Self"], {**me, "IsAdministrator": False}, 400)
    await api.delete(me["Links"]["Self"], 400)


async def test_users_are_found_by_a_part_of_their_name_and_names_are_unique(api: Api) -> None:
    await api.post("/api/users", {"Username": "anna", "DisplayName": "Anna Blume"})

    found = await api.get("/api/users?filter=blume&take=9999")
    error = await api.post("/api/users", {"Username": "ANNA"}, 400)

    assert [each["Username"] for each in found["Items"]] == ["anna"]
    assert "'ANNA'" in error["Errors"][0]
    assert len(await api.get("/api/users/all")) == 2


async def test_no_answer_and_no_event_has_a_secret(api: Api) -> None:
    await api.post("/api/users", {"Username": "anna", "Password": "geheim geheim"})

    everything = str(await api.get("/api/users/all")) + str(await api.get("/api/events?take=1000"))

    assert "geheim" not in everything
    assert API_KEY not in everything
    assert "argon2" not in everything
