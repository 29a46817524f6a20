"""Who asks: by API key, or by the cookies of a signed-in browser.

A key that was found stays known for some seconds, so that a busy client costs one look-up now and then, not one a
request. Revoking it here forgets it at once; other nodes follow when their memory of it lapses.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from octavo.base.errors import NotAuthenticated
from octavo.base.sensitive import Sensitive
from octavo.server.domain.permissions import Rights
from octavo.server.operations.context import Caller, Parts
from octavo.server.operations.credentials import Passwords, new_token, sha256_of
from octavo.server.store.rights import read_rights
from octavo.server.store.users import (
    Session,
    User,
    delete_expired_sessions,
    delete_session,
    find_api_key,
    find_session,
    find_user_by_name,
    insert_session,
    note_api_key_use,
)

KEY_MEMORY = timedelta(seconds=10)
SESSION_LIFE = timedelta(days=14)
ACCESS_TOKEN_LIFE = timedelta(hours=1)
_USE_NOTED_EVERY = timedelta(hours=1)
_MEMORY_SIZE = 10_000


@dataclass(frozen=True, slots=True)
class Visit:
    """From where and with what program a request came; for the audit trail."""

    user_agent: str = ""
    ip_address: str = ""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session: the two cookies' values."""

    user: User
    token: Sensitive
    csrf_token: str


class Authenticator:
    """Knows callers by their keys and cookies."""

    def __init__(self, parts: Parts, passwords: Passwords) -> None:
        self._parts = parts
        self._passwords = passwords
        self._known: dict[str, tuple[User, datetime]] = {}
        self._administrators: dict[str, datetime] = {}

    async def by_api_key(self, key: Sensitive, visit: Visit) -> Caller:
        """The caller whose key this is.

        Raises:
            NotAuthenticated: nobody's, revoked, expired, or its user is not active.
        """
        digest, now = sha256_of(key), self._parts.clock.now()
        known = self._known.get(digest)
        if known and known[1] > now:
            return await self._caller(known[0], "API key", visit)
        user = await self._look_up(digest, now)
        if len(self._known) >= _MEMORY_SIZE:
            self._known.clear()
        self._known[digest] = (user, now + KEY_MEMORY)
        return await self._caller(user, "API key", visit)

    async def by_access_token(self, token: Sensitive, visit: Visit) -> Caller:
        """The service account that this token was issued to.

        Raises:
            NotAuthenticated: we did not issue it, it has expired, or its account is not active.
        """
        async with self._parts.store.reading() as connection:
            found = await find_session(connection, access_token_digest(token), self._parts.clock.now())
        if found is None or not found[1].is_active:
            raise NotAuthenticated("The access token is not valid, or has expired. Sign in again.")
        return await self._caller(found[1], "Access token", visit)

    async def issue_access_token(self, user: User) -> tuple[Sensitive, int]:
        """A token for the account, and for how many seconds it holds."""
        token, now = new_token(), self._parts.clock.now()
        session = Session(access_token_digest(token), user.id, "", now, now + ACCESS_TOKEN_LIFE)
        async with self._parts.store.writing() as connection:
            await delete_expired_sessions(connection, now)
            await insert_session(connection, session)
        return token, int(ACCESS_TOKEN_LIFE.total_seconds())

    async def by_session(self, token: Sensitive, csrf_token: str | None, visit: Visit) -> Caller:
        """The caller whose session this is. `csrf_token` None: the request changes nothing and needs none.

        Raises:
            NotAuthenticated: no such session, or the CSRF token is not the session's.
        """
        async with self._parts.store.reading() as connection:
            found = await find_session(connection, sha256_of(token), self._parts.clock.now())
        if found is None or not found[1].is_active:
            raise NotAuthenticated("Your session has ended. Please sign in again.")
        session, user = found
        if csrf_token is not None and csrf_token != session.csrf_token:
            raise NotAuthenticated(
                "The request has no valid anti-forgery token. Repeat the value of the cookie Octopus-Csrf-Token in the "
                "header X-Octopus-Csrf-Token."
            )
        return await self._caller(user, "Session cookie", visit)

    async def sign_in(self, username: str, password: Sensitive) -> SignedIn:
        """Start a session.

        Raises:
            NotAuthenticated: the name or the password is wrong, or the user is not active.
        """
        async with self._parts.store.reading() as connection:
            user = await find_user_by_name(connection, username)
        is_right = await self._passwords.is_right(password, user.password_hash if user else None)
        if user is None or not is_right or not user.is_active:
            raise NotAuthenticated("Invalid username or password.")
        token, csrf_token, now = new_token(), new_token().reveal(), self._parts.clock.now()
        session = Session(sha256_of(token), user.id, csrf_token, now, now + SESSION_LIFE)
        async with self._parts.store.writing() as connection:
            await delete_expired_sessions(connection, now)
            await insert_session(connection, session)
        return SignedIn(user, token, csrf_token)

    async def sign_out(self, token: Sensitive) -> None:
        """End the session."""
        async with self._parts.store.writing() as connection:
            await delete_session(connection, sha256_of(token))

    def forget_keys(self) -> None:
        """Look every key up anew: one was revoked, or a user or team changed."""
        self._known.clear()
        self._administrators.clear()

    async def _caller(self, user: User, established_with: str, visit: Visit) -> Caller:
        """The user with what they may do now; only that somebody is an administrator is remembered for some seconds."""
        now = self._parts.clock.now()
        until = self._administrators.get(user.id)
        rights = Rights(is_administrator=True)
        if until is None or until <= now:
            async with self._parts.store.reading() as connection:
                rights = await read_rights(connection, user.id)
            if rights.is_administrator:
                self._administrators[user.id] = now + KEY_MEMORY
        return Caller(user.id, user.username, rights, established_with, visit.user_agent, visit.ip_address)

    async def _look_up(self, digest: str, now: datetime) -> User:
        async with self._parts.store.reading() as connection:
            found = await find_api_key(connection, digest)
        if found is None:
            raise NotAuthenticated(
                "The API key you provided was not valid. Please double-check your API key and try again. "
                "Was it revoked, or does it belong to another server? Make one with `octavo api-key create`."
            )
        key, user = found
        if key.expires_at and key.expires_at <= now:
            raise NotAuthenticated(f"The API key {key.hint}… expired on {key.expires_at:%Y-%m-%d}. Make a new one.")
        if not user.is_active:
            raise NotAuthenticated(f"The user {user.username} is not active.")
        if key.last_used_at is None or key.last_used_at < now - _USE_NOTED_EVERY:
            async with self._parts.store.writing() as connection:
                await note_api_key_use(connection, key.id, now)
        return user


def access_token_digest(token: Sensitive) -> str:
    """What is stored of an access token; a session's cookie cannot be used as one."""
    return sha256_of(Sensitive(f"access:{token.reveal()}"))
