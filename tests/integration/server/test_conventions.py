"""The ten rules that break clients when violated (API conventions, section 1), on the whole API."""

import uuid
from datetime import datetime
from typing import Any

import pytest

from api_under_test import Api

ENDPOINT = {"CommunicationStyle": "TentaclePassive", "Uri": "https://w1:10933/", "Thumbprint": "1D4F" * 10}


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/Spaces-1", "/api/spaces-1/", "/API"])
async def test_the_root_documents_answer_without_a_redirect(api: Api, path: str) -> None:
    """conventions 1"""
    response = await api.client.get(path)

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json; charset=utf-8"


async def test_a_browser_at_the_servers_address_learns_how_to_go_on(api: Api) -> None:
    async with api.anonymous() as client:
        response = await client.get("/")

    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert "/api/tasks" in response.text


async def test_the_root_documents_lead_everywhere(api: Api) -> None:
    """conventions 2: templates name every query parameter; the server's root has the default space's links too."""
    server, space = (await api.get("/api"))["Links"], (await api.get("/api/Spaces-1"))["Links"]

    assert server["Spaces"] == "/api/spaces{/id}{?skip,ids,take,partialName}"
    assert server["CurrentUser"] == "/api/users/me"
    assert "deploymentTargetTypes" in space["Machines"]
    assert "scopes" in space["TagSets"]
    assert "thumbprint" in space["Workers"]
    assert server["WorkerPools"] == space["WorkerPools"]


async def test_every_link_without_a_variable_can_be_followed(api: Api) -> None:
    """conventions 2"""
    links: dict[str, str] = (await api.get("/api"))["Links"]
    missing = set()
    for name, link in links.items():
        path = link.partition("{")[0]
        if path == link or link.startswith((path + "{/id}", path + "{?")):
            response = await api.client.get(path, params={"host": "127.0.0.1", "port": 1})
            if response.status_code == 404:
                missing.add(name)

    missing -= {"SignIn", "SignOut", "EnvironmentSortOrder", "WorkerPoolsSortOrder", "TagSetSortOrder"}  # not for GET
    assert missing <= {"Web", "PackagesBulk", "PackageUpload", "BuildInformationBulk"}


async def test_the_server_says_what_it_is_and_a_space_does_not(api: Api) -> None:
    """conventions 3, cli 20"""
    async with api.anonymous() as client:
        server = (await client.get("/api")).json()
    space = await api.get("/api/Spaces-1")

    assert uuid.UUID(server["InstallationId"])
    assert server["Version"].count(".") == 2
    assert "3.0.0" <= server["ApiVersion"] <= "3.0.99"
    assert not {"InstallationId", "Version", "ApiVersion"} & set(space)


async def test_deleting_answers_200_with_an_empty_body_of_known_length(api: Api) -> None:
    """conventions 4, conventions 5"""
    made = await api.post("/api/environments", {"Name": "Dev"})

    response = await api.client.delete(made["Links"]["Self"])

    assert (response.status_code, response.content, response.headers["content-length"]) == (200, b"", "0")


async def test_timestamps_have_an_offset(api: Api) -> None:
    """conventions 6"""
    made = await api.post("/api/environments", {"Name": "Dev"})
    event = (await api.get("/api/events"))["Items"][0]

    for text in (made["LastModifiedOn"], event["Occurred"], (await api.get("/api/users/me"))["Created"]):
        assert datetime.fromisoformat(text).tzinfo is not None


async def test_lists_and_maps_are_never_null(api: Api) -> None:
    """conventions 7: also when the client sent null."""
    lists: dict[str, Any] = dict.fromkeys(("EnvironmentIds", "Roles", "TenantIds", "TenantTags"))
    body = {"Name": "t1", "Endpoint": ENDPOINT, "TenantedDeploymentParticipation": None, **lists}

    target = await api.post("/api/machines", body)
    tenant = await api.post("/api/tenants", {"Name": "Acme", "ProjectEnvironments": None})

    assert all(target[name] == [] for name in lists)
    assert target["TenantedDeploymentParticipation"] == "Untenanted"
    assert target["SpaceId"] == "Spaces-1"
    assert tenant["ProjectEnvironments"] == {}


async def test_members_query_names_and_segments_match_in_any_case(api: Api) -> None:
    """conventions 8: and unknown members are kept, not refused."""
    body = {"name": "Dev", "SLUG": "", "useGuidedFailure": True, "Colour": "green"}

    made = await api.post("/api/spaces-1/ENVIRONMENTS", body)
    listed = await api.get("/api/Environments?PARTIALNAME=de&Unknown=1")

    assert (made["Name"], made["Slug"], made["UseGuidedFailure"], made["Colour"]) == ("Dev", "dev", True, "green")
    assert listed["Items"] == [made]


async def test_an_encoded_slash_does_not_split_a_segment(api: Api) -> None:
    """conventions 9: one segment more would be another route, and its answer another."""
    body = await api.get("/api/Spaces-1/workerpools/WorkerPools-1%2Fworkers", 404)

    assert "WorkerPools-1/workers" in body["ErrorMessage"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/nothing/at/all", None, 404),
        ("GET", "/nothing", None, 404),
        ("GET", "/api/Spaces-1/environments/Environments-99", None, 404),
        ("PATCH", "/api/environments", None, 405),
        ("POST", "/api/environments", {"Name": ""}, 400),
        ("POST", "/api/environments", [], 400),
        ("GET", "/api/environments?take=many", None, 400),
    ],
)
async def test_errors_are_json_and_only_a_404_has_no_list(
    api: Api, method: str, path: str, body: object, status: int
) -> None:
    """conventions 10"""
    error = await api.ask(method, path, body, status)

    assert error["ErrorMessage"]
    assert bool(error.get("Errors")) == (status != 404)


async def test_a_body_that_is_not_json_is_refused_with_the_reason(api: Api) -> None:
    response = await api.client.post("/api/environments", content=b'{"Name": ')

    assert response.status_code == 400
    assert "not JSON" in response.json()["Errors"][0]
