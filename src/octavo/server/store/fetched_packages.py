"""Statements about packages of external feeds that this server has fetched, so that workers need not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.server.store.schema import fetched_packages


@dataclass(frozen=True, slots=True)
class FetchedPackage:
    """A package of a feed as it was when it was fetched. `version` is the feed's own text."""

    space_id: str
    feed_id: str
    package_id: str
    version: str
    extension: str
    size_bytes: int
    sha1: str
    sha256: str
    blob_name: str
    used_at: datetime

    @property
    def file_name(self) -> str:
        """The name as people know it."""
        return f"{self.package_id}.{self.version}{self.extension}"


async def insert_fetched(connection: AsyncConnection, package: FetchedPackage) -> bool:
    """Note a package; false when another node was faster."""
    values = {column: getattr(package, column) for column in _COLUMNS}
    try:
        async with connection.begin_nested():
            await connection.execute(
                insert(fetched_packages).values(package_key=package.package_id.casefold(), **values)
            )
    except IntegrityError:
        return False
    return True


async def find_fetched(
    connection: AsyncConnection, feed_id: str, package_id: str, version: str
) -> FetchedPackage | None:
    """The package, if it was fetched."""
    condition = and_(_of(feed_id, package_id), fetched_packages.c.version == version)
    return _as_package((await connection.execute(select(*_SELECTED).where(condition))).first())


async def find_fetched_content(connection: AsyncConnection, sha256: str) -> FetchedPackage | None:
    """Any package with these bytes."""
    statement = select(*_SELECTED).where(fetched_packages.c.sha256 == sha256).limit(1)
    return _as_package((await connection.execute(statement)).first())


async def list_fetched(connection: AsyncConnection, feed_id: str, package_id: str) -> Sequence[FetchedPackage]:
    """Every version of a package that was fetched, the last used first."""
    statement = select(*_SELECTED).where(_of(feed_id, package_id)).order_by(fetched_packages.c.used_at.desc())
    return [found for row in await connection.execute(statement) if (found := _as_package(row)) is not None]


async def note_use(connection: AsyncConnection, package: FetchedPackage, now: datetime) -> None:
    """Note that a package is used now."""
    condition = and_(_of(package.feed_id, package.package_id), fetched_packages.c.version == package.version)
    await connection.execute(update(fetched_packages).where(condition).values(used_at=now))


async def forget_unused(connection: AsyncConnection, before: datetime) -> Sequence[FetchedPackage]:
    """Forget what nobody used since; the bytes are the caller's matter."""
    old = fetched_packages.c.used_at < before
    rows = (await connection.execute(select(*_SELECTED).where(old))).all()
    await connection.execute(delete(fetched_packages).where(old))
    return [found for row in rows if (found := _as_package(row)) is not None]


async def forget_feed(connection: AsyncConnection, feed_id: str) -> Sequence[FetchedPackage]:
    """Forget all of a feed; the bytes are the caller's matter."""
    mine = fetched_packages.c.feed_id == feed_id
    rows = (await connection.execute(select(*_SELECTED).where(mine))).all()
    await connection.execute(delete(fetched_packages).where(mine))
    return [found for row in rows if (found := _as_package(row)) is not None]


_COLUMNS = tuple(FetchedPackage.__dataclass_fields__)
_SELECTED = tuple(fetched_packages.c[column] for column in _COLUMNS)


def _of(feed_id: str, package_id: str) -> Any:
    return and_(fetched_packages.c.feed_id == feed_id, fetched_packages.c.package_key == package_id.casefold())


def _as_package(row: Row[Any] | None) -> FetchedPackage | None:
    return FetchedPackage(**row._asdict()) if row is not None else None
