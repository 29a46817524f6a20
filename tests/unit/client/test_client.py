"""A session with a server, against a small server that keeps the rules."""

from collections.abc import Iterator

import pytest

from fakes.registration_server import (
    API_KEY,
    PASSWORD,
    TOKEN,
    USER_NAME,
    RegistrationServer,
    running_registration_server,
)
from octavo.base.sensitive import Sensitive
from octavo.client import (
    AccessDenied,
    Anonymous,
    ApiKey,
    BearerToken,
    Client,
    Credentials,
    RequestRefused,
    ResourceMissing,
    ServerUnreachable,
    SpaceMissing,
    UnreadableAnswer,
    UserNameAndPassword,
)
from octavo.client.client import base_address

KEY = ApiKey(Sensitive(API_KEY))


@pytest.fixture
def server() -> Iterator[RegistrationServer]:
    with running_registration_server() as state:
        yield state


def client_of(server: RegistrationServer, credentials: Credentials = KEY, pauses: list[float] | None = None) -> Client:
    pauses = [] if pauses is None else pauses
    return Client(server.url, credentials, use_system_proxy=False, patience_seconds=30, pause=pauses.append)


@pytest.mark.parametrize(
    "credentials",
    [KEY, BearerToken(Sensitive(TOKEN)), UserNameAndPassword(USER_NAME, Sensitive(PASSWORD))],
    ids=["key", "token", "password"],
)
def test_every_kind_of_credentials_may_read_and_write(server: RegistrationServer, credentials: Credentials) -> None:
    """cli 23, cli 30: also the CSRF token of a log-in."""
    with client_of(server, credentials) as client:
        space = client.space()
        created = client.create(
            space.link("Workers"),
            {
                "Name": "w",
                "Endpoint": {"CommunicationStyle": "TentaclePassive", "Thumbprint": "A", "Uri": "https://x/"},
            },
        )

    assert (space.name, created.id) == ("Default", "Workers-1")


def test_a_wrong_password_is_the_servers_to_explain(server: RegistrationServer) -> None:
    wrong = UserNameAndPassword(USER_NAME, Sensitive("falsch"))

    with client_of(server, wrong) as client, pytest.raises(RequestRefused) as caught:
        client.root()

    assert str(caught.value) == "Invalid username or password.\n - Please try again."


@pytest.mark.parametrize("credentials", [Anonymous(), ApiKey(Sensitive("API-WRONG"))])
def test_unknown_credentials_are_denied(server: RegistrationServer, credentials: Credentials) -> None:
    with client_of(server, credentials) as client, pytest.raises(AccessDenied, match="Check the API key"):
        client.space()


def test_a_space_is_chosen_by_name_in_any_case(server: RegistrationServer) -> None:
    with client_of(server) as client:
        assert client.space(" DEFAULT ").id == "Spaces-1"
        with pytest.raises(SpaceMissing, match='A space with name "Nowhere" could not be found'):
            client.space("Nowhere")


def test_lists_are_read_page_by_page(server: RegistrationServer) -> None:
    """cli 22"""
    with client_of(server) as client:
        pools = client.list(client.space().link("WorkerPools"))

        assert [pool.name for pool in pools] == ["Default Worker Pool", "Builders", "Painters"]


def test_changes_are_sent_as_overridden_posts(server: RegistrationServer) -> None:
    """cli 21"""
    server.register("workers", Name="w", Endpoint={"Thumbprint": "A"})
    with client_of(server) as client:
        worker = client.get("/api/Spaces-1/workers/Workers-1")
        client.update(worker)
        client.delete(worker)

    assert server.posts() == ["PUT /api/Spaces-1/workers/Workers-1", "DELETE /api/Spaces-1/workers/Workers-1"]
    assert server.workers == []


def test_what_is_missing_is_said(server: RegistrationServer) -> None:
    with client_of(server) as client, pytest.raises(ResourceMissing, match="Resource is not found"):
        client.get("/api/Spaces-1/workers/Workers-77")


def test_a_starting_server_is_waited_for(server: RegistrationServer) -> None:
    pauses: list[float] = []
    server.starting_answers = 2

    with client_of(server, pauses=pauses) as client:
        assert client.root().text("Version")

    assert len(pauses) == 2


def test_a_server_that_is_not_there_is_named() -> None:
    with running_registration_server() as server:
        url = server.url

    client = Client(url, KEY, use_system_proxy=False, patience_seconds=0)
    with client, pytest.raises(ServerUnreachable, match=f"{url} does not answer"):
        client.root()


def test_another_api_version_is_refused(server: RegistrationServer) -> None:
    server.api_version = "4.0.0"

    with client_of(server) as client, pytest.raises(UnreadableAnswer, match=r"version 4\.0\.0 of the API"):
        client.root()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://example.com/", "https://example.com"),
        ("https://example.com/api", "https://example.com"),
        ("http://api.example.com/virtual/api/", "http://api.example.com/virtual"),
        (" http://h:8080 ", "http://h:8080"),
    ],
)
def test_the_base_address_is_without_api(given: str, expected: str) -> None:
    assert base_address(given) == expected


def test_secrets_are_in_no_repr() -> None:
    assert "geheim" not in repr(UserNameAndPassword("anna", Sensitive("geheim")))
