"""Statements about the packages of built-in feeds. A package is unique by id (any case) and version (its order)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Conflict
from octavo.server.store.schema import packages


@dataclass(frozen=True, slots=True)
class StoredPackage:
    """A package of a space's built-in feed. `id` is `packages-<PackageId>.<Version>`, unique in its space."""

    id: str
    space_id: str
    package_id: str
    version: str
    version_key: str
    extension: str
    size_bytes: int
    sha1: str
    sha256: str
    blob_name: str
    published_at: datetime
    published_by: str = ""
    title: str | None = None
    description: str | None = None
    release_notes: str | None = None

    @property
    def file_name(self) -> str:
        """The name as people know it."""
        return f"{self.package_id}.{self.version}{self.extension}"


def version_exists(package: StoredPackage) -> Conflict:
    """The error for a version that is in the feed already; clients look for its first words (conventions §9)."""
    return Conflict(
        f"A package with the same name and version already exists: {package.package_id} {package.version}. "
        f"Push another version, or use the overwrite mode OverwriteExisting or IgnoreIfExists."
    )


@dataclass(frozen=True, slots=True)
class PackageQuery:
    """Which packages of a space to list. Empty: no such condition.

    `package_ids`: exactly these, in any case; `id_part`: ids that contain it. `take` None: all.
    """

    space_id: str
    package_ids: Sequence[str] = ()
    id_part: str = ""
    is_latest_only: bool = False
    skip: int = 0
    take: int | None = 30


async def insert_package(connection: AsyncConnection, package: StoredPackage) -> None:
    """Add a package.

    Raises:
        Conflict: its version is there already (another node was faster).
    """
    values = {column: getattr(package, column) for column in _COLUMNS}
    try:
        await connection.execute(insert(packages).values(package_key=package.package_id.casefold(), **values))
    except IntegrityError as error:
        raise version_exists(package) from error


async def find_package(connection: AsyncConnection, space_id: str, id_: str) -> StoredPackage | None:
    """The package with this `packages-…` id."""
    condition = and_(packages.c.space_id == space_id, func.lower(packages.c.id) == id_.lower())
    return _as_package((await connection.execute(select(*_SELECTED).where(condition))).first())


async def find_version(
    connection: AsyncConnection, space_id: str, package_id: str, version_key: str
) -> StoredPackage | None:
    """The package of this id with an equal version."""
    condition = _at(space_id, package_id) & (packages.c.version_key == version_key)
    return _as_package((await connection.execute(select(*_SELECTED).where(condition))).first())


async def find_latest(connection: AsyncConnection, space_id: str, package_id: str) -> StoredPackage | None:
    """The newest version of this id."""
    newest = select(*_SELECTED).where(_at(space_id, package_id)).order_by(packages.c.version_key.desc()).limit(1)
    return _as_package((await connection.execute(newest)).first())


async def list_other_versions(
    connection: AsyncConnection, package: StoredPackage, most: int
) -> Sequence[StoredPackage]:
    """Other versions of a package, nearest first: older ones downwards, then newer ones upwards."""
    of_id = select(*_SELECTED).where(_at(package.space_id, package.package_id))
    older = of_id.where(packages.c.version_key < package.version_key).order_by(packages.c.version_key.desc())
    newer = of_id.where(packages.c.version_key > package.version_key).order_by(packages.c.version_key)
    rows = [row for query in (older, newer) for row in (await connection.execute(query.limit(most))).all()]
    return [found for row in rows[:most] if (found := _as_package(row)) is not None]


async def find_content(connection: AsyncConnection, sha256: str) -> StoredPackage | None:
    """Any package with these bytes, in any space."""
    statement = select(*_SELECTED).where(packages.c.sha256 == sha256).limit(1)
    return _as_package((await connection.execute(statement)).first())


async def list_packages(connection: AsyncConnection, query: PackageQuery) -> tuple[Sequence[StoredPackage], int]:
    """The packages that a query matches, and how many it matches in all.

    Of named packages the highest version comes first, of all packages the one that was published last.
    """
    conditions: list[ColumnElement[bool]] = [packages.c.space_id == query.space_id]
    if query.package_ids:
        conditions.append(packages.c.package_key.in_([each.casefold() for each in query.package_ids]))
    if query.id_part:
        conditions.append(packages.c.package_key.contains(query.id_part.casefold(), autoescape=True))
    if query.is_latest_only:
        latest = _latest_versions(query.space_id)
        conditions.append(
            packages.c.version_key
            == select(latest.c.version_key).where(latest.c.package_key == packages.c.package_key).scalar_subquery()
        )
    total = (await connection.execute(select(func.count()).select_from(packages).where(*conditions))).scalar_one()
    order = (packages.c.package_key, packages.c.version_key.desc())
    page = select(*_SELECTED).where(*conditions)
    page = page.order_by(*order) if query.package_ids else page.order_by(packages.c.published_at.desc(), *order)
    if query.take is not None:
        page = page.offset(query.skip).limit(query.take)
    rows = (await connection.execute(page)).all()
    return [package for row in rows if (package := _as_package(row)) is not None], int(total)


async def delete_package(connection: AsyncConnection, package: StoredPackage) -> None:
    """Remove the row; the bytes are the caller's matter."""
    condition = and_(packages.c.space_id == package.space_id, packages.c.id == package.id)
    await connection.execute(delete(packages).where(condition))


async def count_packages(connection: AsyncConnection) -> int:
    """How many packages there are in all spaces."""
    return int((await connection.execute(select(func.count()).select_from(packages))).scalar_one())


_COLUMNS = tuple(StoredPackage.__dataclass_fields__)
_SELECTED = tuple(packages.c[column] for column in _COLUMNS)


def _at(space_id: str, package_id: str) -> ColumnElement[bool]:
    return and_(packages.c.space_id == space_id, packages.c.package_key == package_id.casefold())


def _latest_versions(space_id: str) -> Any:
    newest = func.max(packages.c.version_key).label("version_key")
    grouped = select(packages.c.package_key, newest).where(packages.c.space_id == space_id)
    return grouped.group_by(packages.c.package_key).subquery()


def _as_package(row: Row[Any] | None) -> StoredPackage | None:
    return StoredPackage(**row._asdict()) if row is not None else None
