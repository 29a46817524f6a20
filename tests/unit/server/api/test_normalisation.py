"""server/api/normalisation.py"""

import pytest

from octavo.server.api.normalisation import Address, address_of, decoded_segment, normal_query, overridden_method

COLLECTIONS = {"spaces", "workers", "tasks", "projects", "users"}


@pytest.mark.parametrize(
    ("raw", "path", "space"),
    [
        ("/api", "/api", None),
        ("/api/", "/api", None),
        ("/api/Spaces-1", "/api", "Spaces-1"),
        ("/API/spaces-01", "/api", "Spaces-1"),
        ("/api/Spaces-1/workers", "/api/workers", "Spaces-1"),
        ("/api/workers/", "/api/workers", None),
        ("/api/spaces/Spaces-2/tasks/ServerTasks-1/cancel", "/api/tasks/ServerTasks-1/cancel", "Spaces-2"),
        ("/api/spaces/Spaces-2", "/api/spaces/Spaces-2", None),
        ("/api/my-space/workers", "/api/workers", "my-space"),
        ("/api/spaces/my-space/workers", "/api/workers", "my-space"),
        ("/api/workers/my%20worker", "/api/workers/my worker", None),
        ("/metrics", "/metrics", None),
    ],
)
def test_every_form_of_a_space_leads_to_one_route(raw: str, path: str, space: str | None) -> None:
    """conventions 1: the roots answer with and without a trailing slash."""
    assert address_of(raw, COLLECTIONS) == Address(path, space)


def test_an_encoded_slash_stays_inside_its_segment() -> None:
    """conventions 9"""
    address = address_of("/api/Spaces-1/projects/Projects-1/refs%2fheads%2Fmain/runbooks/rb", COLLECTIONS)

    assert address.path.split("/")[4] == "refs%2Fheads%2Fmain"
    assert decoded_segment("refs%2Fheads%2Fmain") == "refs/heads/main"


def test_query_names_become_lower_case_and_empty_values_vanish() -> None:
    """conventions 8"""
    assert normal_query("IncludeMissingVariables=true&filter=&partialName=A%20b&x") == (
        "includemissingvariables=true&partialname=A%20b"
    )


def test_a_post_can_mean_another_method() -> None:
    assert overridden_method([(b"x-http-method-override", b"delete")]) == "DELETE"
    assert overridden_method([(b"x-http-method-override", b"CONNECT")]) == "POST"
    assert overridden_method([]) == "POST"
