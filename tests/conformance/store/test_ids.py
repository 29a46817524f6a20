"""store/ids.py on both databases."""

import asyncio

import pytest

from octavo.server.store import Store
from octavo.server.store.ids import last_number, next_id


async def test_ids_count_per_prefix(store: Store) -> None:
    async with store.writing() as connection:
        ids = [await next_id(connection, prefix) for prefix in ("Workers", "Workers", "Machines", "Workers")]

    assert ids == ["Workers-1", "Workers-2", "Machines-1", "Workers-3"]


async def test_writers_at_once_never_get_the_same_id(store: Store) -> None:
    async def take() -> str:
        async with store.writing() as connection:
            return await next_id(connection, "ServerTasks")

    ids = await asyncio.gather(*(take() for _ in range(40)))

    assert sorted(ids) == sorted(f"ServerTasks-{number}" for number in range(1, 41))


async def test_an_undone_transaction_gives_its_id_back(store: Store) -> None:
    with pytest.raises(LookupError):
        async with store.writing() as connection:
            await next_id(connection, "Workers")
            raise LookupError

    async with store.reading() as connection:
        assert await last_number(connection, "Workers") == 0
