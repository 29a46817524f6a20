"""Users, their API keys and sessions. Secrets arrive hashed: passwords by argon2id, keys and tokens by SHA-256."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Conflict, NotFound
from octavo.server.store.project_schema import team_members
from octavo.server.store.schema import api_keys, sessions, users


@dataclass(frozen=True, slots=True)
class User:
    """Somebody, or some program, that may sign in. `doc`: Permissions, Identities and what else the API shows."""

    id: str
    username: str
    display_name: str
    created_at: datetime
    email_address: str | None = None
    password_hash: str | None = field(default=None, repr=False)
    is_active: bool = True
    is_service: bool = False
    version: int = 1
    doc: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key without the key: only its hash and its first characters are kept."""

    id: str
    user_id: str
    key_sha256: str = field(repr=False)
    hint: str
    purpose: str
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser, known by the hash of its cookie."""

    token_sha256: str = field(repr=False)
    user_id: str
    csrf_token: str = field(repr=False)
    created_at: datetime
    expires_at: datetime


async def insert_user(connection: AsyncConnection, user: User) -> None:
    """Store a new user.

    Raises:
        Conflict: the username is taken, whatever its case.
    """
    if await find_user_by_name(connection, user.username) is not None:
        raise Conflict(f"There is already a user named {user.username!r}.")
    await connection.execute(insert(users).values(**_user_values(user), id=user.id))


async def update_user(connection: AsyncConnection, user: User) -> User:
    """Replace the user if its version is still `user.version`; the result has the next version.

    Raises:
        NotFound: the user is gone.
        Conflict: somebody changed it meanwhile, or the new username is taken.
    """
    statement = (
        update(users)
        .where(users.c.id == user.id, users.c.version == user.version)
        .values(**_user_values(user) | {"version": user.version + 1})
        .returning(*users.c)
    )
    try:
        row = (await connection.execute(statement)).first()
    except IntegrityError as error:
        raise Conflict(f"There is already a user named {user.username!r}.") from error
    if row is None:
        await get_user(connection, user.id)
        raise Conflict(f"The user {user.username!r} was changed meanwhile. Read it again and repeat your change.")
    return _as_user(row)


async def find_user(connection: AsyncConnection, user_id: str) -> User | None:
    """The user with this id; its case does not matter."""
    row = (await connection.execute(select(*users.c).where(func.lower(users.c.id) == user_id.lower()))).first()
    return None if row is None else _as_user(row)


async def get_user(connection: AsyncConnection, user_id: str) -> User:
    """The user with this id.

    Raises:
        NotFound: there is none.
    """
    user = await find_user(connection, user_id)
    if user is None:
        raise NotFound(f"There is no user {user_id}.")
    return user


async def find_user_by_name(connection: AsyncConnection, username: str) -> User | None:
    """The user of this name, whatever its case."""
    row = (await connection.execute(select(*users.c).where(users.c.username_key == _key(username)))).first()
    return None if row is None else _as_user(row)


async def list_users(connection: AsyncConnection, text: str = "") -> Sequence[User]:
    """Users whose name, display name or e-mail address contains `text`, by name."""
    key = _key(text)
    matches = (
        users.c.username_key.contains(key, autoescape=True)
        | func.lower(users.c.display_name).contains(key, autoescape=True)
        | func.lower(users.c.email_address).contains(key, autoescape=True)
    )
    statement = select(*users.c).order_by(users.c.username_key)
    return [_as_user(row) for row in await connection.execute(statement.where(matches) if key else statement)]


async def list_team_addresses(connection: AsyncConnection, team_ids: Sequence[str]) -> list[str]:
    """The e-mail addresses of the active members of these teams."""
    statement = (
        select(users.c.email_address)
        .join_from(team_members, users)
        .where(team_members.c.team_id.in_(team_ids), users.c.is_active, users.c.email_address.is_not(None))
        .distinct()
        .order_by(users.c.email_address)
    )
    return [row[0] for row in await connection.execute(statement)] if team_ids else []


async def delete_user(connection: AsyncConnection, user_id: str) -> bool:
    """Remove the user with its keys and sessions; False when there was none."""
    return bool((await connection.execute(delete(users).where(users.c.id == user_id))).rowcount)


async def insert_api_key(connection: AsyncConnection, key: ApiKey) -> None:
    """Store a new key."""
    await connection.execute(
        insert(api_keys).values(
            id=key.id,
            user_id=key.user_id,
            key_sha256=key.key_sha256,
            hint=key.hint,
            purpose=key.purpose,
            created_at=key.created_at,
            expires_at=key.expires_at,
            last_used_at=key.last_used_at,
        )
    )


async def find_api_key(connection: AsyncConnection, key_sha256: str) -> tuple[ApiKey, User] | None:
    """The key with this hash and whose it is; expiry and activity are the caller's to judge."""
    statement = (
        select(*users.c, *(column.label(f"key_{column.name}") for column in api_keys.c))
        .join_from(api_keys, users, api_keys.c.user_id == users.c.id)
        .where(api_keys.c.key_sha256 == key_sha256)
    )
    row = (await connection.execute(statement)).first()
    if row is None:
        return None
    values = row._mapping
    key = ApiKey(**{column.name: values[f"key_{column.name}"] for column in api_keys.c})
    return key, _as_user(row)


async def list_api_keys(connection: AsyncConnection, user_id: str) -> Sequence[ApiKey]:
    """The user's keys, oldest first."""
    statement = select(*api_keys.c).where(api_keys.c.user_id == user_id).order_by(api_keys.c.created_at, api_keys.c.id)
    return [ApiKey(**row._mapping) for row in await connection.execute(statement)]


async def note_api_key_use(connection: AsyncConnection, key_id: str, used_at: datetime) -> None:
    """Remember when the key was last used; call it seldom, not for each request."""
    await connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=used_at))


async def delete_api_key(connection: AsyncConnection, key_id: str) -> bool:
    """Revoke a key; False when there was none."""
    return bool((await connection.execute(delete(api_keys).where(api_keys.c.id == key_id))).rowcount)


async def insert_session(connection: AsyncConnection, session: Session) -> None:
    """Store a new session."""
    await connection.execute(
        insert(sessions).values(
            token_sha256=session.token_sha256,
            user_id=session.user_id,
            csrf_token=session.csrf_token,
            created_at=session.created_at,
            expires_at=session.expires_at,
        )
    )


async def find_session(connection: AsyncConnection, token_sha256: str, now: datetime) -> tuple[Session, User] | None:
    """The session with this hash, unless it has expired, and whose it is."""
    statement = select(*sessions.c).where(sessions.c.token_sha256 == token_sha256, sessions.c.expires_at > now)
    row = (await connection.execute(statement)).first()
    if row is None:
        return None
    session = Session(**row._mapping)
    return session, await get_user(connection, session.user_id)


async def delete_session(connection: AsyncConnection, token_sha256: str) -> None:
    """Sign out."""
    await connection.execute(delete(sessions).where(sessions.c.token_sha256 == token_sha256))


async def delete_expired_sessions(connection: AsyncConnection, now: datetime) -> int:
    """Remove the sessions that have expired; how many."""
    return (await connection.execute(delete(sessions).where(sessions.c.expires_at <= now))).rowcount


def _key(username: str) -> str:
    return username.strip().casefold()


def _user_values(user: User) -> dict[str, Any]:
    return {
        "username": user.username,
        "username_key": _key(user.username),
        "display_name": user.display_name,
        "created_at": user.created_at,
        "email_address": user.email_address,
        "password_hash": user.password_hash,
        "is_active": user.is_active,
        "is_service": user.is_service,
        "version": user.version,
        "doc": dict(user.doc),
    }


def _as_user(row: Row[Any]) -> User:
    values = row._mapping
    return User(**{name: values[name] for name in User.__dataclass_fields__})
