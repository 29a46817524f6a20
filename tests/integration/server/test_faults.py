"""What the API answers when something it stands on fails."""

from api_under_test import Api
from octavo.base.errors import ConfigurationError
from octavo.server.domain.vault import Vault
from octavo.server.operations.context import Parts
from octavo.server.operations.first_start import Wanted, prepare_installation


async def test_a_full_database_gives_503_and_leaves_nothing_half_written(api: Api) -> None:
    """SQLite itself refuses to grow: the code path of a full disk."""
    async with api.parts.store.writing() as connection:
        pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
        await connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    events = (await api.get("/api/events"))["TotalResults"]

    failed = None
    for number in range(200):
        response = await api.client.post("/api/environments", json={"Name": f"E{number}", "Description": "x" * 4000})
        if response.status_code != 201:
            failed = response
            break

    assert failed is not None
    assert failed.status_code == 503
    assert "full" in failed.json()["ErrorMessage"]
    assert (await api.get("/api/environments"))["TotalResults"] == number
    assert (await api.get("/api/events"))["TotalResults"] == events + number


async def test_another_servers_master_key_is_told_before_anything_is_served(api: Api) -> None:
    wrong = Parts(
        api.parts.store,
        api.parts.bus,
        api.parts.blobs,
        api.parts.clock,
        Vault({"k2": bytes(32)}, "k2"),
        api.parts.feeds,
    )

    told = ""
    try:
        await prepare_installation(wrong, api.services.passwords, Wanted("admin"))
    except ConfigurationError as error:
        told = str(error)

    assert "master.key" in told


async def test_a_bug_is_told_without_its_stack(api: Api) -> None:
    api.services.authenticator._parts = None  # type: ignore[assignment]  # as if app.py had forgotten it

    response = await api.client.get("/api/users/me")

    assert response.status_code == 500
    assert response.json()["FullException"] is None
    assert "log" in response.json()["ErrorMessage"]
