"""Users and their API keys."""

import secrets
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Conflict, Forbidden, Invalid, NotFound
from octavo.base.sensitive import Sensitive
from octavo.server.domain.permissions import Permission
from octavo.server.domain.roles import ADMINISTRATORS_TEAM
from octavo.server.operations.audit import record, record_change
from octavo.server.operations.context import OperationContext, forbidden, require
from octavo.server.operations.credentials import HINT_CHARACTERS, Passwords, new_api_key, sha256_of
from octavo.server.operations.documents import Document, Json, parse
from octavo.server.operations.kinds.spaces import SPACES
from octavo.server.operations.moments import moment, parse_moment
from octavo.server.operations.resources import present as present_resource
from octavo.server.operations.team_members import change_membership
from octavo.server.store.ids import next_id
from octavo.server.store.resources import Query, list_documents
from octavo.server.store.rights import list_members, list_team_ids, read_rights
from octavo.server.store.users import (
    ApiKey,
    User,
    delete_api_key,
    delete_user,
    find_user_by_name,
    get_user,
    insert_api_key,
    insert_user,
    list_api_keys,
    list_users,
    update_user,
)

_LINKS = {
    "Self": "{self}",
    "ApiKeys": "{self}/apikeys{/id}{?skip,take}",
    "Permissions": "{self}/permissions",
    "PermissionsConfiguration": "{self}/permissions/configuration",
    "Spaces": "{self}/spaces",
    "Teams": "{self}/teams",
    "Avatar": "{self}/avatar",
}


class UserDocument(Document):
    """API: resources, section 2. `IsAdministrator` is ours: a short way into the team of administrators, and out."""

    noun: ClassVar[str] = "user"

    username: str
    display_name: str = ""
    email_address: str | None = None
    password: str | None = None
    is_active: bool = True
    is_service: bool = False
    is_administrator: bool | None = None
    identities: list[Any] = []  # noqa: RUF012 - pydantic copies a model's defaults


class ApiKeyRequest(Document):
    """What one says when asking for a key."""

    noun: ClassVar[str] = "API key"

    purpose: str = ""
    expires: str | None = None


async def find_users(context: OperationContext, text: str = "", ids: tuple[str, ...] = ()) -> list[Json]:
    """Users whose name, display name or address contains `text`, by name; only those with these ids, when given."""
    require(context, Permission.USER_VIEW)
    wanted = {each.lower() for each in ids}
    async with context.store.reading() as connection:
        found = await list_users(connection, text)
        administrators = await list_members(connection, ADMINISTRATORS_TEAM)
    return [present(context, user, administrators) for user in found if not wanted or user.id.lower() in wanted]


async def get_user_resource(context: OperationContext, user_id: str) -> Json:
    """One user; everybody may see themselves."""
    _require_self_or(context, user_id, Permission.USER_VIEW)
    async with context.store.reading() as connection:
        return await _present(context, connection, await get_user(connection, user_id))


async def create_user(context: OperationContext, passwords: Passwords, data: object) -> Json:
    """Store a new user.

    Raises:
        Invalid: the name is taken, or something in `data` cannot be.
    """
    require(context, Permission.USER_EDIT)
    wanted = _checked(data)
    password_hash = await passwords.hash(Sensitive(wanted.password)) if wanted.password else None
    async with context.store.writing() as connection:
        user = await add_user(context, connection, wanted, password_hash)
        return await _present(context, connection, user)


async def add_user(
    context: OperationContext, connection: AsyncConnection, wanted: UserDocument, password_hash: str | None
) -> User:
    """`create_user` inside the caller's transaction."""
    user = User(
        id=await next_id(connection, "Users"),
        username=wanted.username,
        display_name=wanted.display_name or wanted.username,
        created_at=context.clock.now(),
        email_address=wanted.email_address,
        password_hash=password_hash,
        is_active=wanted.is_active,
        is_service=wanted.is_service,
        doc=_doc(wanted),
    )
    try:
        await insert_user(connection, user)
    except Conflict as error:
        raise Invalid(str(error)) from error
    if wanted.is_administrator:
        await _set_administrator(context, connection, user.id, is_member=True)
    after = await _present(context, connection, user)
    await record_change(context, connection, "user", "Created", before=None, after=after)
    return user


async def modify_user(context: OperationContext, passwords: Passwords, user_id: str, data: object) -> Json:
    """Replace the user; the password stays unless a new one is given. Everybody may change their own."""
    _require_self_or(context, user_id, Permission.USER_EDIT)
    wanted = _checked(data)
    password_hash = await passwords.hash(Sensitive(wanted.password)) if wanted.password else None
    async with context.store.writing() as connection:
        before = await get_user(connection, user_id)
        after = replace(
            before,
            username=wanted.username,
            display_name=wanted.display_name or wanted.username,
            email_address=wanted.email_address,
            password_hash=password_hash or before.password_hash,
            is_active=wanted.is_active,
            doc=_doc(wanted),
        )
        await _check_change(context, connection, before, after, wanted)
        was = await _present(context, connection, before)
        try:
            stored = await update_user(connection, after)
        except Conflict as error:
            raise Invalid(str(error)) from error
        if wanted.is_administrator is not None and wanted.is_administrator != was["IsAdministrator"]:
            await _set_administrator(context, connection, before.id, is_member=wanted.is_administrator)
        result = await _present(context, connection, stored)
        await record_change(context, connection, "user", "Modified", before=was, after=result)
    return result


async def _check_change(
    context: OperationContext, connection: AsyncConnection, before: User, after: User, wanted: UserDocument
) -> None:
    await _protect_administrator(context, connection, before.id)
    if before.id != context.caller.user_id:
        return
    if not after.is_active or (wanted.is_administrator is False and context.caller.rights.is_administrator):
        raise Invalid("You cannot take your own rights away. Ask another administrator.")
    if after.username != before.username and not context.caller.rights.allow(Permission.USER_EDIT, ""):
        raise forbidden(Permission.USER_EDIT)


async def _protect_administrator(context: OperationContext, connection: AsyncConnection, user_id: str) -> None:
    """Who manages users may not become an administrator by changing one."""
    if user_id != context.caller.user_id and user_id in await list_members(connection, ADMINISTRATORS_TEAM):
        require(context, Permission.ADMINISTER_SYSTEM)


async def _set_administrator(
    context: OperationContext, connection: AsyncConnection, user_id: str, *, is_member: bool
) -> None:
    require(context, Permission.ADMINISTER_SYSTEM)
    await change_membership(context, connection, ADMINISTRATORS_TEAM, user_id, is_member=is_member)


async def remove_user(context: OperationContext, user_id: str) -> None:
    """Delete the user with their keys and sessions."""
    require(context, Permission.USER_EDIT)
    async with context.store.writing() as connection:
        user = await get_user(connection, user_id)
        if user.id == context.caller.user_id:
            raise Invalid("You cannot delete yourself. Ask another administrator.")
        await _protect_administrator(context, connection, user.id)
        was = await _present(context, connection, user)
        for team_id in await list_team_ids(connection, user.id):
            await change_membership(context, connection, team_id, user.id, is_member=False)
        await delete_user(connection, user.id)
        await record_change(context, connection, "user", "Deleted", before=was, after=None)


async def spaces_of_user(context: OperationContext, user_id: str) -> list[Json]:
    """The spaces the user may use: all for an administrator, for others those where they have rights."""
    _require_self_or(context, user_id, Permission.USER_VIEW)
    async with context.store.reading() as connection:
        user = await get_user(connection, user_id)
        rights = await read_rights(connection, user.id)
        found = await list_documents(connection, SPACES.table, Query())
    return [present_resource(SPACES, each) for each in found.documents if rights.sees_space(each.id)]


async def create_api_key(context: OperationContext, user_id: str, data: object) -> Json:
    """A new key: the only time that it is shown."""
    _require_self_or(context, user_id, Permission.USER_EDIT)
    wanted = parse(ApiKeyRequest, data)
    async with context.store.writing() as connection:
        user = await get_user(connection, user_id)
        await _protect_administrator(context, connection, user.id)
        key, secret = await add_api_key(context, connection, user, wanted.purpose, expires_at=_expiry(wanted.expires))
    return {**present_key(key), "ApiKey": secret.reveal()}


async def create_api_key_by_name(context: OperationContext, username: str, purpose: str) -> Sensitive:
    """A new key for the user of this name.

    Raises:
        NotFound: there is no such user.
    """
    async with context.store.writing() as connection:
        user = await find_user_by_name(connection, username)
        if user is None:
            known = ", ".join(each.username for each in await list_users(connection))
            raise NotFound(f"There is no user named '{username}'. Users of this server: {known}.")
        _, secret = await add_api_key(context, connection, user, purpose)
    return secret


async def add_api_key(
    context: OperationContext,
    connection: AsyncConnection,
    user: User,
    purpose: str,
    *,
    expires_at: datetime | None = None,
    secret: Sensitive | None = None,
) -> tuple[ApiKey, Sensitive]:
    """Store a key for the user inside the caller's transaction; a fresh one unless `secret` is given."""
    secret = secret or new_api_key()
    key = ApiKey(
        id=f"apikeys-{secrets.token_hex(12)}",
        user_id=user.id,
        key_sha256=sha256_of(secret),
        hint=secret.reveal()[:HINT_CHARACTERS],
        purpose=purpose,
        created_at=context.clock.now(),
        expires_at=expires_at,
    )
    await insert_api_key(connection, key)
    message = f"API key {key.hint}… of {user.username} was created"
    await record(context, connection, "ApiKeyCreated", message, related=[user.id, key.id])
    return key, secret


async def list_keys(context: OperationContext, user_id: str) -> list[Json]:
    """The user's keys, each only by its first characters."""
    _require_self_or(context, user_id, Permission.USER_VIEW)
    async with context.store.reading() as connection:
        user = await get_user(connection, user_id)
        return [present_key(key) for key in await list_api_keys(connection, user.id)]


async def get_key(context: OperationContext, user_id: str, key_id: str) -> Json:
    """One of the user's keys."""
    for key in await list_keys(context, user_id):
        if str(key["Id"]).lower() == key_id.lower():
            return key
    raise NotFound(f"The user {user_id} has no API key {key_id}.")


async def revoke_key(context: OperationContext, user_id: str, key_id: str) -> None:
    """Make a key worthless."""
    _require_self_or(context, user_id, Permission.USER_EDIT)
    key = await get_key(context, user_id, key_id)
    async with context.store.writing() as connection:
        await delete_api_key(connection, str(key["Id"]))
        message = f"API key {key['ApiKey']['Hint']}… was revoked"
        await record(context, connection, "ApiKeyDeleted", message, related=[str(key["UserId"]), str(key["Id"])])


async def _present(context: OperationContext, connection: AsyncConnection, user: User) -> Json:
    return present(context, user, await list_members(connection, ADMINISTRATORS_TEAM))


def present(context: OperationContext, user: User, administrators: Collection[str]) -> Json:
    """The user as the API shows it."""
    own = f"/api/users/{user.id}"
    return {
        "Id": user.id,
        "Username": user.username,
        "DisplayName": user.display_name,
        "EmailAddress": user.email_address,
        "IsActive": user.is_active,
        "IsService": user.is_service,
        "IsAdministrator": user.id in administrators,
        "IsRequestor": user.id == context.caller.user_id,
        "CanPasswordBeEdited": not user.is_service,
        "Identities": user.doc.get("Identities", []),
        "Created": moment(user.created_at),
        "Links": {name: template.replace("{self}", own) for name, template in _LINKS.items()},
    }


def present_key(key: ApiKey) -> Json:
    """A key as the API shows it afterwards: masked."""
    return {
        "Id": key.id,
        "ApiKey": {"HasValue": True, "NewValue": None, "Hint": key.hint},
        "Purpose": key.purpose,
        "UserId": key.user_id,
        "Created": moment(key.created_at),
        "Expires": moment(key.expires_at),
        "Links": {"Self": f"/api/users/{key.user_id}/apikeys/{key.id}"},
    }


def _checked(data: object) -> UserDocument:
    wanted = parse(UserDocument, data)
    if not wanted.username.strip():
        raise Invalid("Please provide a username for the user.")
    return wanted


def _doc(wanted: UserDocument) -> Json:
    return {"Identities": wanted.identities}


def _expiry(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        return parse_moment(text)
    except ValueError:
        raise Invalid(f"Expires must be a date such as 2030-01-31T00:00:00Z, not '{text}'.") from None


def _require_self_or(context: OperationContext, user_id: str, permission: Permission) -> None:
    if user_id.lower() == context.caller.user_id.lower():
        return
    try:
        require(context, permission)
    except Forbidden as error:
        raise Forbidden(f"You may see and change only your own account. {error}") from error
