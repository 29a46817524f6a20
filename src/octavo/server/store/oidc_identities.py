"""By which tokens of other systems a service account may sign in."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import NotFound
from octavo.server.store.project_schema import oidc_identities

_COLUMNS = ("id", "user_id", "external_id", "name", "issuer", "subject", "audience")


@dataclass(frozen=True, slots=True)
class OidcIdentity:
    """Tokens of `issuer` whose subject matches `subject`. `external_id` is what clients call the account by."""

    id: str
    user_id: str
    external_id: str
    name: str
    issuer: str
    subject: str
    audience: str | None = None


async def insert_oidc_identity(connection: AsyncConnection, identity: OidcIdentity) -> None:
    """Store a new one."""
    await connection.execute(insert(oidc_identities).values(**_values(identity)))


async def update_oidc_identity(connection: AsyncConnection, identity: OidcIdentity) -> None:
    """Replace one."""
    mine = oidc_identities.c.id == identity.id
    await connection.execute(update(oidc_identities).where(mine).values(**_values(identity)))


async def delete_oidc_identity(connection: AsyncConnection, identity_id: str) -> None:
    """Remove one."""
    await connection.execute(delete(oidc_identities).where(oidc_identities.c.id == identity_id))


async def list_oidc_identities(
    connection: AsyncConnection, *, user_id: str = "", external_id: str = ""
) -> list[OidcIdentity]:
    """Those of an account, by name."""
    table = oidc_identities
    mine = table.c.user_id == user_id if user_id else table.c.external_id == external_id
    rows = await connection.execute(select(*table.c).where(mine).order_by(table.c.name, table.c.id))
    return [_as_identity(row) for row in rows]


async def get_oidc_identity(connection: AsyncConnection, user_id: str, identity_id: str) -> OidcIdentity:
    """One of an account.

    Raises:
        NotFound: the account has none with this id.
    """
    for identity in await list_oidc_identities(connection, user_id=user_id):
        if identity.id.lower() == identity_id.lower():
            return identity
    raise NotFound(f"The service account {user_id} has no OIDC identity {identity_id}.")


def _values(identity: OidcIdentity) -> dict[str, Any]:
    return {name: getattr(identity, name) for name in _COLUMNS}


def _as_identity(row: Row[Any]) -> OidcIdentity:
    return OidcIdentity(**{name: row._mapping[name] for name in _COLUMNS})
