"""How secrets are kept: AES-256-GCM, bound to the place they stand in.

The associated data is `table|row|field`, so that a ciphertext copied into another row does not open there. The text
form is `v1.<key id>.<base64 of nonce and ciphertext>`; the key id says which key to open with after a rotation.
Source: DESIGN 6, docs/reference/storage.md.
"""

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from octavo.base.sensitive import Sensitive

_VERSION = "v1"
_NONCE_BYTES = 12


class CannotOpen(Exception):
    """The ciphertext is damaged, stands in another place, or its key is not here."""


def new_key() -> bytes:
    """A fresh 256-bit key."""
    return AESGCM.generate_key(bit_length=256)


def place(table: str, row: str, column: str) -> str:
    """Where a secret stands: part of its seal."""
    return f"{table}|{row}|{column}"


@dataclass(frozen=True, slots=True)
class Vault:
    """Seals with the current key, opens with any it has."""

    keys: Mapping[str, bytes] = field(repr=False)
    current_key_id: str

    def seal(self, secret: Sensitive, where: str) -> str:
        """The text to store; different each time."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(self.keys[self.current_key_id]).encrypt(nonce, secret.reveal().encode(), where.encode())
        return f"{_VERSION}.{self.current_key_id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, text: str, where: str) -> Sensitive:
        """The secret again.

        Raises:
            CannotOpen: wrong place, wrong key or damaged text.
        """
        version, _, rest = text.partition(".")
        key_id, _, body = rest.partition(".")
        key = self.keys.get(key_id)
        if version != _VERSION or key is None:
            raise CannotOpen(f"No key named '{key_id}' is here. Was the master key file of another server copied?")
        try:
            raw = base64.urlsafe_b64decode(body)
            return Sensitive(AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], where.encode()).decode())
        except (InvalidTag, ValueError) as error:
            raise CannotOpen(f"The secret of {where} does not open with key '{key_id}'.") from error

    def reseal(self, text: str, where: str) -> str:
        """The same secret under the current key; the same text if it is already.

        Raises:
            CannotOpen: as `open`.
        """
        if text.startswith(f"{_VERSION}.{self.current_key_id}."):
            return text
        return self.seal(self.open(text, where), where)
