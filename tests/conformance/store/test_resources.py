"""store/resources.py on both databases."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from octavo.base.errors import Conflict, NotFound
from octavo.server.store import Store
from octavo.server.store.resources import (
    Document,
    Query,
    delete_document,
    find_by_name,
    find_by_slug,
    find_document,
    find_free_slug,
    get_document,
    insert_document,
    list_documents,
    list_links,
    next_sort_order,
    set_links,
    update_document,
)
from octavo.server.store.schema import environments, worker_pool_members, worker_pools, workers

MOMENT = datetime(2026, 11, 23, 21, 50, 0, 123456, tzinfo=UTC)


def a_pool(number: int = 1, name: str = "Default Worker Pool", **changes: object) -> Document:
    pool = Document(
        id=f"WorkerPools-{number}",
        name=name,
        slug=name.lower().replace(" ", "-"),
        doc={"Description": None, "Unknown": {"kept": [1, 2.5, "ü", True]}},
        last_modified_on=MOMENT,
        last_modified_by="admin",
        space_id="Spaces-1",
    )
    return replace(pool, **changes)  # type: ignore[arg-type]


async def insert(store: Store, *pools: Document) -> None:
    async with store.writing() as connection:
        for pool in pools:
            await insert_document(connection, worker_pools, pool)


async def test_a_document_comes_back_as_it_was_stored(store: Store) -> None:
    pool = a_pool(columns={"is_default": True}, sort_order=3)
    await insert(store, pool)

    async with store.reading() as connection:
        assert await get_document(connection, worker_pools, "WorkerPools-1") == pool


async def test_columns_that_are_not_given_get_their_defaults(store: Store) -> None:
    async with store.writing() as connection:
        stored = await insert_document(connection, worker_pools, a_pool())

    assert stored.columns == {"is_default": False}


async def test_a_document_is_found_by_id_slug_and_name_whatever_the_case(store: Store) -> None:
    await insert(store, a_pool(name="Straße Süd", slug="strasse"))

    async with store.reading() as connection:
        assert await find_document(connection, worker_pools, "workerpools-1")
        assert await find_by_slug(connection, worker_pools, "STRASSE", "Spaces-1")
        assert await find_by_name(connection, worker_pools, " STRASSE SÜD ", "Spaces-1")


async def test_a_document_of_another_space_is_not_found(store: Store) -> None:
    await insert(store, a_pool())

    async with store.reading() as connection:
        assert await find_document(connection, worker_pools, "WorkerPools-1", "Spaces-2") is None
        assert await find_by_slug(connection, worker_pools, "default-worker-pool", "Spaces-2") is None
        with pytest.raises(NotFound, match="no worker pool WorkerPools-1"):
            await get_document(connection, worker_pools, "WorkerPools-1", "Spaces-2")


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (a_pool(2, "DEFAULT worker pool", slug="other"), "already a worker pool named 'Default Worker Pool'"),
        (a_pool(2, "Other", slug="default-worker-pool"), "The slug 'default-worker-pool' belongs to"),
        (a_pool(1, "Other"), "already a worker pool with the id WorkerPools-1"),
    ],
)
async def test_what_is_taken_is_a_conflict_and_the_transaction_goes_on(
    store: Store, second: Document, reason: str
) -> None:
    await insert(store, a_pool())

    async with store.writing() as connection:
        with pytest.raises(Conflict, match=reason):
            await insert_document(connection, worker_pools, second)
        await insert_document(connection, worker_pools, a_pool(3, "Third"))

    async with store.reading() as connection:
        assert (await list_documents(connection, worker_pools, Query())).total == 2


async def test_the_same_name_may_live_in_two_spaces(store: Store) -> None:
    await insert(store, a_pool(), a_pool(2, space_id="Spaces-2"))

    async with store.reading() as connection:
        assert (await list_documents(connection, worker_pools, Query(space_id="Spaces-2"))).total == 1


async def test_an_update_replaces_and_counts_the_version(store: Store) -> None:
    await insert(store, a_pool(columns={"is_default": True}))

    async with store.writing() as connection:
        current = await get_document(connection, worker_pools, "WorkerPools-1")
        changed = replace(current, name="Renamed", doc={"New": 1}, columns={})
        await update_document(connection, worker_pools, changed)

    async with store.reading() as connection:
        stored = await get_document(connection, worker_pools, "WorkerPools-1")
    assert (stored.name, stored.doc, stored.version) == ("Renamed", {"New": 1}, 2)
    assert stored.columns == {"is_default": True}


async def test_an_update_of_a_stale_version_is_a_conflict(store: Store) -> None:
    await insert(store, a_pool())

    async with store.writing() as connection:
        stale = await get_document(connection, worker_pools, "WorkerPools-1")
        await update_document(connection, worker_pools, replace(stale, last_modified_by="eve"))
        with pytest.raises(Conflict, match=r"changed by eve meanwhile \(version 2, yours 1\)"):
            await update_document(connection, worker_pools, stale)


async def test_an_update_to_a_taken_name_is_a_conflict(store: Store) -> None:
    await insert(store, a_pool(), a_pool(2, "Other"))

    async with store.writing() as connection:
        with pytest.raises(Conflict, match="already a worker pool named 'Other'"):
            await update_document(connection, worker_pools, a_pool(1, "other", slug="mine"))


async def test_an_update_of_what_is_gone_is_not_found(store: Store) -> None:
    async with store.writing() as connection:
        with pytest.raises(NotFound):
            await update_document(connection, worker_pools, a_pool())


async def test_a_list_is_ordered_filtered_and_paged_with_its_total(store: Store) -> None:
    names = ["beta", "Alpha", "gamma_1", "gamma%2", "Delta"]
    await insert(store, *(a_pool(number, name) for number, name in enumerate(names, 1)))

    async def found(**conditions: object) -> list[str]:
        async with store.reading() as connection:
            page = await list_documents(connection, worker_pools, Query(**conditions))  # type: ignore[arg-type]
        return [*(document.name for document in page.documents), str(page.total)]

    assert await found() == ["Alpha", "beta", "Delta", "gamma%2", "gamma_1", "5"]
    assert await found(skip=1, take=2) == ["beta", "Delta", "5"]
    assert await found(skip=10, take=2) == ["5"]
    assert await found(take=0) == ["5"]
    assert await found(take=2_147_483_647) == ["Alpha", "beta", "Delta", "gamma%2", "gamma_1", "5"]
    assert await found(partial_name="GAMMA_") == ["gamma_1", "1"]
    assert await found(partial_name="a%") == ["gamma%2", "1"]
    assert await found(ids=["workerpools-2", "WorkerPools-99"]) == ["Alpha", "1"]
    assert await found(ids=[]) == ["0"]
    assert await found(space_id="Spaces-2") == ["0"]
    assert await found(conditions=[worker_pools.c.is_default.is_(True)]) == ["0"]
    assert await found(order_by=[worker_pools.c.id.desc()], take=1) == ["Delta", "5"]


async def test_sort_order_goes_before_the_name(store: Store) -> None:
    async with store.writing() as connection:
        assert await next_sort_order(connection, worker_pools, "Spaces-1") == 0
        await insert_document(connection, worker_pools, a_pool(1, "A", sort_order=5))
        await insert_document(connection, worker_pools, a_pool(2, "B", sort_order=0))
        page = await list_documents(connection, worker_pools, Query())

        assert [document.name for document in page.documents] == ["B", "A"]
        assert await next_sort_order(connection, worker_pools, "Spaces-1") == 6


async def test_a_free_slug_is_numbered_past_the_taken_ones(store: Store) -> None:
    await insert(store, a_pool(1, "A", slug="web"), a_pool(2, "B", slug="web-2"), a_pool(3, "C", slug="web-server"))

    async with store.reading() as connection:
        assert await find_free_slug(connection, worker_pools, "Spaces-1", "web") == "web-3"
        assert await find_free_slug(connection, worker_pools, "Spaces-1", "web", except_id="WorkerPools-1") == "web"
        assert await find_free_slug(connection, worker_pools, "Spaces-2", "web") == "web"
        assert await find_free_slug(connection, environments, "Spaces-1", "web") == "web"


async def test_links_are_replaced_listed_and_go_with_their_documents(store: Store) -> None:
    worker = replace(a_pool(), id="Workers-1", columns={"communication_style": "TentaclePassive"})
    await insert(store, a_pool(1, "A"), a_pool(2, "B"))
    async with store.writing() as connection:
        await insert_document(connection, workers, worker)

        await set_links(connection, worker_pool_members, "Workers-1", ["WorkerPools-2", "WorkerPools-1"])
        await set_links(connection, worker_pool_members, "Workers-1", ["WorkerPools-2", "WorkerPools-2"])
        linked = await list_links(connection, worker_pool_members, ["Workers-1", "Workers-2"])
        assert await delete_document(connection, worker_pools, "WorkerPools-2")
        after = await list_links(connection, worker_pool_members, ["Workers-1"])

    assert linked == {"Workers-1": ["WorkerPools-2"], "Workers-2": []}
    assert after == {"Workers-1": []}


async def test_deleting_again_finds_nothing(store: Store) -> None:
    await insert(store, a_pool())

    async with store.writing() as connection:
        assert await delete_document(connection, worker_pools, "WorkerPools-1")
        assert not await delete_document(connection, worker_pools, "WorkerPools-1")
