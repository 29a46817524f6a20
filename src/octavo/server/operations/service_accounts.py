"""Service accounts: which tokens of other systems they sign in by, and what such a token is exchanged for.

Source: conventions.md §2.1; RFC 8693 (token exchange); endpoints.md §2.
"""

import re
import uuid
from dataclasses import replace
from typing import Any, ClassVar

import jwt
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid, NotAuthenticated
from octavo.base.sensitive import Sensitive
from octavo.server.domain.permissions import Permission
from octavo.server.operations.audit import record_change
from octavo.server.operations.context import OperationContext, Parts, require
from octavo.server.operations.documents import Document, Json, parse
from octavo.server.operations.oidc_keys import IssuerKeys, check_issuer
from octavo.server.store.ids import next_id
from octavo.server.store.oidc_identities import (
    OidcIdentity,
    delete_oidc_identity,
    get_oidc_identity,
    insert_oidc_identity,
    list_oidc_identities,
    update_oidc_identity,
)
from octavo.server.store.users import User, get_user

#: Signatures by keys that only the issuer has. A secret that we share with it, or none at all, proves nothing.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
LEEWAY_SECONDS = 60
LONGEST_TOKEN = 16_384


class IdentityDocument(Document):
    """API: endpoints, section 2."""

    noun: ClassVar[str] = "OIDC identity"

    name: str
    issuer: str
    subject: str
    audience: str | None = None


def external_id(installation_id: str, user_id: str) -> str:
    """What clients call the account by: the audience that a token must have."""
    return str(uuid.uuid5(uuid.UUID(installation_id), user_id))


async def read_identities(context: OperationContext, user_id: str) -> tuple[str, list[Json]]:
    """The account's id and its identities, by name.

    Raises:
        NotFound, Invalid: there is no such user, or it is a person.
    """
    require(context, Permission.USER_VIEW)
    async with context.store.reading() as connection:
        account = await _account(connection, user_id)
        found = await list_oidc_identities(connection, user_id=account.id)
    return account.id, [_shown(each) for each in found]


async def read_identity(context: OperationContext, user_id: str, identity_id: str) -> Json:
    """One of the account's identities."""
    require(context, Permission.USER_VIEW)
    async with context.store.reading() as connection:
        return _shown(await get_oidc_identity(connection, (await _account(connection, user_id)).id, identity_id))


async def create_identity(context: OperationContext, installation_id: str, user_id: str, data: object) -> Json:
    """Let the account sign in by such tokens.

    Raises:
        Invalid: the user is a person, or the issuer is no address that keys can be had from safely.
    """
    _require_edit(context)
    wanted = _checked(data)
    async with context.store.writing() as connection:
        account = await _account(connection, user_id)
        identity = OidcIdentity(
            id=await next_id(connection, "OidcIdentities"),
            user_id=account.id,
            external_id=external_id(installation_id, account.id),
            name=wanted.name.strip(),
            issuer=wanted.issuer.strip(),
            subject=wanted.subject.strip(),
            audience=wanted.audience or None,
        )
        await insert_oidc_identity(connection, identity)
        shown = _shown(identity)
        await record_change(context, connection, "OIDC identity", "Created", before=None, after=shown)
    return shown


async def modify_identity(context: OperationContext, user_id: str, identity_id: str, data: object) -> Json:
    """Replace one.

    Raises:
        NotFound, Invalid: as `create_identity`.
    """
    _require_edit(context)
    wanted = _checked(data)
    async with context.store.writing() as connection:
        before = await get_oidc_identity(connection, (await _account(connection, user_id)).id, identity_id)
        after = replace(
            before,
            name=wanted.name.strip(),
            issuer=wanted.issuer.strip(),
            subject=wanted.subject.strip(),
            audience=wanted.audience or None,
        )
        await update_oidc_identity(connection, after)
        await record_change(
            context, connection, "OIDC identity", "Modified", before=_shown(before), after=_shown(after)
        )
    return _shown(after)


async def delete_identity(context: OperationContext, user_id: str, identity_id: str) -> None:
    """Tokens of this identity are worth nothing any more; access tokens that were issued run out within the hour."""
    _require_edit(context)
    async with context.store.writing() as connection:
        identity = await get_oidc_identity(connection, (await _account(connection, user_id)).id, identity_id)
        await delete_oidc_identity(connection, identity.id)
        await record_change(context, connection, "OIDC identity", "Deleted", before=_shown(identity), after=None)


async def account_of_token(parts: Parts, keys: IssuerKeys, audience: str, token: Sensitive) -> User:
    """The service account that a token of another system stands for.

    Raises:
        NotAuthenticated: there is no such account, or the token is not for it; the message says why, not what it holds.
    """
    async with parts.store.reading() as connection:
        identities = await list_oidc_identities(connection, external_id=audience)
        account = await get_user(connection, identities[0].user_id) if identities else None
    if account is None or not account.is_active:
        raise NotAuthenticated(f"There is no service account {audience} that may sign in with an identity token.")
    claimed = _unverified(token)
    mine = [each for each in identities if each.issuer.rstrip("/") == str(claimed.get("iss", "")).rstrip("/")]
    if not mine:
        raise NotAuthenticated("No identity of this service account trusts the issuer of the token.")
    key = await keys.find(mine[0].issuer, str(claimed.get("kid") or ""))
    for identity in mine:
        claims = _verified(token, key, identity)
        if _matches(identity.subject, str(claims.get("sub", ""))):
            return account
    raise NotAuthenticated("No identity of this service account matches the subject of the token.")


def _unverified(token: Sensitive) -> dict[str, Any]:
    """The issuer and key that the token names, to look the key up; nothing else of it is believed yet."""
    text = token.reveal()
    try:
        if len(text) > LONGEST_TOKEN:
            raise NotAuthenticated("The identity token is longer than any that is in use.")
        header = jwt.get_unverified_header(text)
        claims = jwt.decode(text, options={"verify_signature": False})
    except jwt.PyJWTError as error:
        raise NotAuthenticated("The identity token is no JSON web token.") from error
    return {"iss": claims.get("iss"), "kid": header.get("kid")}


def _verified(token: Sensitive, key: jwt.PyJWK, identity: OidcIdentity) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            token.reveal(),
            key,
            algorithms=list(ALGORITHMS),
            audience=identity.audience or identity.external_id,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iss", "sub", "aud"]},
        )
    except jwt.ExpiredSignatureError as error:
        raise NotAuthenticated("The identity token has expired.") from error
    except jwt.InvalidAudienceError as error:
        raise NotAuthenticated("The identity token is for another audience than this service account.") from error
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise NotAuthenticated(f"The identity token is not valid: {type(error).__name__}.") from error
    return claims


def _matches(pattern: str, subject: str) -> bool:
    """`*` stands for any characters, `?` for one; all else, brackets too, for itself."""
    parts = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in re.split(r"([*?])", pattern))
    return re.fullmatch("".join(parts), subject, re.DOTALL) is not None


async def _account(connection: AsyncConnection, user_id: str) -> User:
    user = await get_user(connection, user_id)
    if not user.is_service:
        raise Invalid(f"{user.username} is a person. Only service accounts sign in by tokens of other systems.")
    return user


def _require_edit(context: OperationContext) -> None:
    """Who lets tokens stand for an account can become that account, whatever its rights."""
    require(context, Permission.USER_EDIT)
    require(context, Permission.ADMINISTER_SYSTEM)


def _checked(data: object) -> IdentityDocument:
    wanted = parse(IdentityDocument, data)
    for member, value in (("Name", wanted.name), ("Issuer", wanted.issuer), ("Subject", wanted.subject)):
        if not value.strip():
            raise Invalid(f"Please provide the {member} of the OIDC identity.")
    if not wanted.subject.strip("*? "):
        raise Invalid("The subject would let every token of the issuer in. Name at least a part of it.")
    check_issuer(wanted.issuer.strip())
    return wanted


def _shown(identity: OidcIdentity) -> Json:
    return {
        "Id": identity.id,
        "ServiceAccountId": identity.user_id,
        "Name": identity.name,
        "Issuer": identity.issuer,
        "Subject": identity.subject,
        "Audience": identity.audience or "",
        "Links": {"Self": f"/api/serviceaccounts/{identity.user_id}/oidcidentities/{identity.id}/v1"},
    }
