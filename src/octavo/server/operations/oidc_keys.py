"""The public keys of the issuers that service accounts trust, fetched when a token names one and remembered a while.

Only addresses that an administrator wrote into an identity are asked, over TLS (but on this machine), for bounded time
and bytes. Source: OpenID Connect Discovery 1.0 §4; RFC 7517.
"""

import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt

from octavo.base.errors import Invalid, NotAuthenticated

MEMORY_SECONDS = 300.0
ASK_AGAIN_SECONDS = 10.0  # for a key that was not there: issuers change theirs
TIMEOUT_SECONDS = 10.0
MOST_BYTES = 1_048_576
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(slots=True)
class _Known:
    keys: dict[str, jwt.PyJWK]
    asked_at: float


@dataclass(slots=True)
class IssuerKeys:
    """Finds keys by issuer and id."""

    _known: dict[str, _Known] = field(default_factory=dict)

    async def find(self, issuer: str, key_id: str) -> jwt.PyJWK:
        """The issuer's key with this id; its only one when the token names none.

        Raises:
            NotAuthenticated: the issuer cannot be asked, or has no such key.
        """
        known, now = self._known.get(issuer), time.monotonic()
        age = now - known.asked_at if known else MEMORY_SECONDS
        if known is None or age >= MEMORY_SECONDS or (key_id not in known.keys and age >= ASK_AGAIN_SECONDS):
            known = self._known[issuer] = _Known(await _fetch(issuer), now)
        if not key_id and len(known.keys) == 1:
            return next(iter(known.keys.values()))
        if key_id not in known.keys:
            raise NotAuthenticated("The issuer of the identity token has no key like the one that signed it.")
        return known.keys[key_id]


def check_issuer(issuer: str) -> None:
    """See that keys can be had from there without anybody in between changing them.

    Raises:
        Invalid: it is no address, or not of TLS.
    """
    try:
        address = urlsplit(issuer)
        host = address.hostname
    except ValueError:
        host = None
        address = urlsplit("")
    is_safe = address.scheme == "https" or (address.scheme == "http" and host in _LOOPBACK)
    if not host or not is_safe or address.query or address.fragment:
        raise Invalid(f"The issuer '{issuer}' must be an address that begins with https://.")


async def _fetch(issuer: str) -> dict[str, jwt.PyJWK]:
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=False) as client:
            found = await _json(client, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            address = str(found.get("jwks_uri") or "")
            check_issuer(address)
            keys = (await _json(client, address)).get("keys")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, Invalid) as error:
        raise NotAuthenticated(f"The keys of the issuer {issuer} cannot be had: {type(error).__name__}.") from error
    return dict(_usable(keys if isinstance(keys, list) else []))


async def _json(client: httpx.AsyncClient, address: str) -> dict[str, Any]:
    async with client.stream("GET", address) as response:
        response.raise_for_status()
        data = b""
        async for part in response.aiter_bytes():
            data += part
            if len(data) > MOST_BYTES:
                raise ValueError("too long")
    found = json.loads(data)
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


def _usable(keys: list[Any]) -> list[tuple[str, jwt.PyJWK]]:
    """Those that sign and that we understand."""
    found = []
    for each in keys:
        if isinstance(each, dict) and each.get("use", "sig") == "sig" and each.get("kty") != "oct":
            try:
                found.append((str(each.get("kid") or ""), jwt.PyJWK.from_dict(each)))
            except jwt.PyJWTError:
                continue
    return found
