"""From an older database to this program's tables, inside the caller's transaction.

Alembic is imported only when there is something to do: it costs a tenth of a second that every start would pay.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import ConfigurationError

MIGRATIONS = Path(__file__).parent / "migrations"


def known_revisions() -> list[str]:
    """The revisions of this program, oldest first: `0001` of `versions/0001_initial.py`."""
    return sorted(file.name.partition("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


async def is_current(connection: AsyncConnection) -> bool:
    """Whether the database has this program's tables.

    Raises:
        ConfigurationError: it has a newer program's.
    """
    return await connection.run_sync(_is_current)


async def upgrade(connection: AsyncConnection) -> None:
    """Run the migrations that are missing."""
    await connection.run_sync(_upgrade)


def _is_current(connection: Connection) -> bool:
    if not inspect(connection).has_table("alembic_version"):
        return False
    revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    known = known_revisions()
    if revision is not None and revision not in known:
        raise ConfigurationError(
            f"The database is at revision {revision}, this program knows up to {known[-1]}: a newer Octavo made it. "
            "Run that version, or restore the backup from before the upgrade."
        )
    return bool(revision == known[-1])


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
