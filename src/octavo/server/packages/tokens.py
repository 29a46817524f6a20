"""Tokens that let one worker fetch one package for one task, for a short while.

`<machine>.<task>.<expiry>.<signature>`: the signature is HMAC-SHA-256 over these and the package's digest, so nothing
is stored, any node can check, and a token for one package opens no other. The package is named in the URL.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from octavo.server.domain.vault import Vault

TOKEN_LIFE = timedelta(hours=4)  # covers a slow link and a few resumed downloads; a task's retry gets a fresh one


@dataclass(frozen=True, slots=True)
class FetchGrant:
    """Who may fetch what for which task."""

    machine_id: str
    task_id: str
    sha256: str


class FetchTokens:
    """Makes and checks fetch tokens. `key`: at least 32 secret bytes, the same on every node."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def issue(self, grant: FetchGrant, now: datetime) -> str:
        """A token for this grant, good for `TOKEN_LIFE`."""
        claims = f"{grant.machine_id}.{grant.task_id}.{int((now + TOKEN_LIFE).timestamp())}"
        return f"{claims}.{self._sign(claims, grant.sha256)}"

    def find_grant(self, token: str, sha256: str, now: datetime) -> FetchGrant | None:
        """What the token grants for this package; None when it is forged, expired or meant for another package."""
        claims, _, signature = token.rpartition(".")
        parts = claims.split(".")
        if not token.isascii() or not hmac.compare_digest(signature, self._sign(claims, sha256)) or len(parts) != 3:
            return None
        machine_id, task_id, expires_at = parts
        return FetchGrant(machine_id, task_id, sha256) if now.timestamp() < int(expires_at) else None

    def _sign(self, claims: str, sha256: str) -> str:
        digest = hmac.digest(self._key, f"{claims}.{sha256}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")


def fetch_tokens(vault: Vault) -> FetchTokens:
    """The tokens of this server: every node derives the same key from the current master key."""
    return FetchTokens(hmac.digest(vault.keys[vault.current_key_id], b"octavo package fetch tokens", hashlib.sha256))
