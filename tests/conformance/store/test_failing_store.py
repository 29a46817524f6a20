"""store/failures.py: databases that fail for real say StoreUnavailable, and work again afterwards."""

import asyncio
import sqlite3

import pytest

from octavo.base.errors import StoreUnavailable
from octavo.server.store import Store
from octavo.server.store.settings import find_setting, set_setting
from services_under_test.postgresql import PostgresqlServer


async def test_a_full_disk_is_unavailable_and_harms_only_what_did_not_fit(sqlite_store: Store) -> None:
    async with sqlite_store.writing() as connection:
        pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
        await connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 8}")

    async def write(number: int, size: int) -> None:
        async with sqlite_store.writing() as connection:
            await set_setting(connection, f"key{number}", "x" * size)

    sizes = [100, 100, 1_000_000, 100, 100]
    outcomes = await asyncio.gather(*(write(*each) for each in enumerate(sizes)), return_exceptions=True)

    assert isinstance(outcomes[2], StoreUnavailable)
    assert "full" in str(outcomes[2])
    async with sqlite_store.reading() as connection:
        for number, outcome in enumerate(outcomes):
            assert (await find_setting(connection, f"key{number}") is not None) == (outcome is None)
    await write(9, 100)


async def test_a_lock_that_another_process_keeps_is_unavailable(sqlite_store: Store, sqlite_url: str) -> None:
    async with sqlite_store.writing() as connection:
        await connection.exec_driver_sql("PRAGMA busy_timeout=50")
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreUnavailable, match="locked"):
        async with sqlite_store.writing() as connection:
            await set_setting(connection, "key", 1)

    other.execute("ROLLBACK")
    other.close()
    async with sqlite_store.writing() as connection:
        await set_setting(connection, "key", 2)


async def test_a_connection_that_postgresql_ends_is_unavailable_and_the_next_works(
    postgresql: PostgresqlServer, postgresql_url: str
) -> None:
    async with await Store.open(postgresql_url) as store:
        with pytest.raises(StoreUnavailable):
            async with store.writing() as connection:
                await set_setting(connection, "key", 1)
                own = (await connection.exec_driver_sql("SELECT pg_backend_pid()")).scalar_one()
                postgresql.execute(f"SELECT pg_terminate_backend({own})")
                await set_setting(connection, "key", 2)

        async with store.writing() as connection:
            await set_setting(connection, "key", 3)
        async with store.reading() as connection:
            assert await find_setting(connection, "key") == 3


async def test_writers_that_block_each_other_in_postgresql_are_told_to_try_again(postgresql_url: str) -> None:
    async with await Store.open(postgresql_url) as store:
        async with store.writing() as connection:
            await set_setting(connection, "a", 0)
            await set_setting(connection, "b", 0)
        both_hold_one = asyncio.Barrier(2)

        async def write(first: str, second: str) -> None:
            async with store.writing() as connection:
                await connection.exec_driver_sql("SET LOCAL deadlock_timeout = '50ms'")
                await set_setting(connection, first, 1)
                await both_hold_one.wait()
                await set_setting(connection, second, 1)

        outcomes = await asyncio.gather(write("a", "b"), write("b", "a"), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes if outcome is not None] == [StoreUnavailable]
