"""store/store.py on both databases: what a transaction promises."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import ConfigurationError, Invalid
from octavo.server.store import Store
from octavo.server.store.settings import find_setting, set_setting, set_setting_once

SECONDS = 20.0  # bounds a wait that should take milliseconds


async def stored(store: Store, key: str) -> object:
    async with store.reading() as connection:
        return await find_setting(connection, key)


async def test_what_a_block_wrote_is_there_after_reopening(store_url: str) -> None:
    async with await Store.open(store_url) as before, before.writing() as connection:
        await set_setting(connection, "key", {"a": [1, "ü", None]})

    async with await Store.open(store_url) as after:
        assert await stored(after, "key") == {"a": [1, "ü", None]}


async def test_a_block_that_raises_leaves_nothing(store: Store) -> None:
    with pytest.raises(LookupError):
        async with store.writing() as connection:
            await set_setting(connection, "key", 1)
            raise LookupError

    assert await stored(store, "key") is None


async def test_a_reader_sees_a_snapshot_and_neither_waits_for_the_other(store: Store) -> None:
    async with store.writing() as connection:
        await set_setting(connection, "key", "old")

    async with asyncio.timeout(SECONDS), store.reading() as reader:
        assert await find_setting(reader, "key") == "old"
        async with store.writing() as connection:
            await set_setting(connection, "key", "new")

        assert await find_setting(reader, "key") == "old"
    assert await stored(store, "key") == "new"


async def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(Exception, match=r"read-?only"):
        async with store.reading() as connection:
            await set_setting(connection, "key", 1)


async def test_a_cancelled_block_leaves_nothing_and_the_store_goes_on(store: Store) -> None:
    is_inside = asyncio.Event()

    async def hang() -> None:
        async with store.writing() as connection:
            await set_setting(connection, "key", 1)
            is_inside.set()
            await asyncio.Event().wait()

    hanging = asyncio.create_task(hang())
    async with asyncio.timeout(SECONDS):
        await is_inside.wait()
    hanging.cancel()
    await asyncio.wait([hanging])

    async with store.writing() as connection:
        await set_setting(connection, "other", 2)
    assert await stored(store, "key") is None
    assert await stored(store, "other") == 2


async def test_cancelling_at_any_moment_never_breaks_the_others(store: Store) -> None:
    """Each block adds its key to two rows: both or none may be there, and what returned must be there."""
    returned: set[int] = set()

    async def write(number: int) -> None:
        async with store.writing() as connection:
            await set_setting(connection, f"a{number}", number)
            await set_setting(connection, f"b{number}", number)
        returned.add(number)

    writers = [asyncio.create_task(write(number)) for number in range(60)]
    for turn, writer in enumerate(writers[::3]):
        for _ in range(turn * 3):
            await asyncio.sleep(0)
        writer.cancel()
    async with asyncio.timeout(SECONDS):
        await asyncio.wait(writers)

    assert {number for number in range(60) if number % 3} <= returned
    for number in range(60):
        one, other = await stored(store, f"a{number}"), await stored(store, f"b{number}")
        assert one == other
        assert one == number or number not in returned


async def test_of_blocks_at_once_the_failing_ones_leave_nothing(store: Store) -> None:
    async def write(number: int) -> None:
        async with store.writing() as connection:
            await set_setting(connection, f"key{number}", number)
            if number % 3 == 0:
                raise LookupError

    outcomes = await asyncio.gather(*(write(number) for number in range(30)), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes[:4]] == [LookupError, type(None), type(None), LookupError]
    kept = [number for number in range(30) if await stored(store, f"key{number}") is not None]
    assert kept == [number for number in range(30) if number % 3]


async def test_a_broken_rule_is_an_integrity_error_and_spares_the_next(store: Store) -> None:
    async def break_foreign_key(connection: AsyncConnection) -> None:
        await connection.exec_driver_sql("INSERT INTO worker_pool_members VALUES ('Workers-1', 'WorkerPools-1')")

    with pytest.raises(IntegrityError):
        async with store.writing() as connection:
            await break_foreign_key(connection)

    async with store.writing() as connection:
        await set_setting(connection, "key", 1)
    assert await stored(store, "key") == 1


async def test_a_wrong_statement_is_a_fault_of_ours(store: Store) -> None:
    with pytest.raises(DBAPIError):
        async with store.writing() as connection:
            await connection.exec_driver_sql("SELECT nonsense")


async def test_the_first_of_racing_writers_sets_a_value_once(store: Store) -> None:
    async def claim(value: int) -> object:
        async with store.writing() as connection:
            return await set_setting_once(connection, "installation", value)

    values = await asyncio.gather(*(claim(number) for number in range(10)))

    assert len(set(values)) == 1


async def test_a_nul_is_refused_with_the_reason(store: Store) -> None:
    with pytest.raises(Invalid, match="NUL"):
        async with store.writing() as connection:
            await set_setting(connection, "key", {"script": ["echo \0"]})

    async with store.writing() as connection:
        await set_setting(connection, "key", r"only looks like one: \u0000")
    assert await stored(store, "key") == r"only looks like one: \u0000"


async def test_more_readers_than_connections_wait_their_turn(store: Store) -> None:
    everybody_was_in = 0

    async def read() -> None:
        nonlocal everybody_was_in
        async with store.reading() as connection:
            await find_setting(connection, "key")
            everybody_was_in += 1

    async with asyncio.timeout(SECONDS):
        await asyncio.gather(*(read() for _ in range(80)))

    assert everybody_was_in == 80


@pytest.mark.parametrize("url", ["mysql://host/database", "nonsense", "sqlite:///relative.db"])
async def test_a_url_we_do_not_know_is_explained(url: str) -> None:
    with pytest.raises(ConfigurationError, match="sqlite:////absolute/path"):
        await Store.open(url)


async def test_a_database_in_a_missing_folder_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Does its folder exist"):
        await Store.open(f"sqlite:///{tmp_path}/missing/server.db")


async def test_a_file_that_is_no_database_is_explained(tmp_path: Path) -> None:
    (tmp_path / "server.db").write_bytes(b"not a database, certainly" * 100)

    with pytest.raises(ConfigurationError, match="not a database"):
        await Store.open(f"sqlite:///{tmp_path}/server.db")


async def test_a_postgresql_that_is_away_is_explained_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Is the server running") as refused:
        await Store.open(f"postgresql://octavo:geheim@/octavo?host={tmp_path}")

    assert "geheim" not in str(refused.value)
