"""store/migrating.py on both databases: the migrations lead to the tables of schema.py, once, whoever comes first."""

import asyncio
from pathlib import Path
from typing import cast

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect

from octavo.base.errors import ConfigurationError
from octavo.server.store import Store
from octavo.server.store.ids import next_id
from octavo.server.store.migrating import known_revisions
from octavo.server.store.project_schema import metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/server.db"
    return cast("str", request.getfixturevalue("empty_postgresql_url"))


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
    return list(compare_metadata(context, metadata))


async def test_the_migrations_end_at_the_tables_of_schema_py(empty_url: str) -> None:
    async with await Store.open(empty_url) as store:
        await store.migrate()

        async with store.reading() as connection:
            assert await connection.run_sync(differences) == []
            tables = set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))
            assert tables == {*metadata.tables, "alembic_version"}


async def test_migrating_again_changes_nothing(empty_url: str) -> None:
    async with await Store.open(empty_url) as store:
        await store.migrate()
        async with store.writing() as connection:
            await next_id(connection, "Workers")

        await store.migrate()

        async with store.writing() as connection:
            assert await next_id(connection, "Workers") == "Workers-2"


async def test_nodes_that_start_at_once_migrate_once(empty_url: str) -> None:
    nodes = [await Store.open(empty_url) for _ in range(3)]

    await asyncio.gather(*(node.migrate() for node in nodes))

    async with nodes[2].reading() as connection:
        rows = (await connection.exec_driver_sql("SELECT version_num FROM alembic_version")).all()
    assert [row[0] for row in rows] == known_revisions()[-1:]
    for node in nodes:
        await node.close()


async def test_a_database_of_a_newer_octavo_is_refused(store: Store) -> None:
    async with store.writing() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(ConfigurationError, match=r"revision 9999.*a newer Octavo made it"):
        await store.migrate()
