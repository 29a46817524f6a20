"""Making and checking API keys, session tokens and passwords.

Keys and tokens are long and random, so their SHA-256 is kept. Passwords are short and human: argon2id with OWASP's
parameters, in a thread and only two at a time, so that log-ins can neither stall the loop nor fill the memory.
"""

import asyncio
import base64
import hashlib
import re
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from octavo.base.errors import Invalid
from octavo.base.sensitive import Sensitive

API_KEY = re.compile(r"API-[A-Z0-9]+")  # the Go client refuses to send anything else
HINT_CHARACTERS = 8
MINIMUM_PASSWORD = 8

_KEY_BYTES = 17  # 28 base-32 characters
_TOKEN_BYTES = 32
_AT_ONCE = 2


def new_api_key() -> Sensitive:
    """A fresh key: `API-` and 28 upper-case base-32 characters."""
    return Sensitive("API-" + base64.b32encode(secrets.token_bytes(_KEY_BYTES)).decode().rstrip("="))


def new_token() -> Sensitive:
    """A fresh token for a cookie."""
    return Sensitive(secrets.token_urlsafe(_TOKEN_BYTES))


def sha256_of(secret: Sensitive) -> str:
    """What is kept of a key or token."""
    return hashlib.sha256(secret.reveal().encode()).hexdigest()


class Passwords:
    """Hashes and checks passwords."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._nobody: str | None = None

    async def hash(self, password: Sensitive) -> str:
        """The argon2id hash to keep.

        Raises:
            Invalid: the password is too short.
        """
        if len(password.reveal()) < MINIMUM_PASSWORD:
            raise Invalid(f"A password must have at least {MINIMUM_PASSWORD} characters.")
        async with self._gate:
            return await asyncio.to_thread(self._hasher.hash, password.reveal())

    async def is_right(self, password: Sensitive, password_hash: str | None) -> bool:
        """Whether the password belongs to the hash. Takes as long when there is no hash: nobody learns who exists."""
        async with self._gate:
            return await asyncio.to_thread(self._verify, password, password_hash)

    def _verify(self, password: Sensitive, password_hash: str | None) -> bool:
        if password_hash is None and self._nobody is None:
            self._nobody = self._hasher.hash(secrets.token_urlsafe())
        try:
            self._hasher.verify(password_hash or self._nobody or "", password.reveal())
        except (VerificationError, InvalidHashError):
            return False
        return password_hash is not None
