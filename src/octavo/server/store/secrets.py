"""Secrets at rest: sealed with AES-256-GCM under a master key that lives outside the database.

A sealed value reads `v1.<key id>.<nonce and ciphertext>`. Its place (table, row, field) is authenticated with it, so
that a ciphertext copied to another row does not open there. Nonces are random: change the key before 2³² seals.
Source: FOUNDATIONS §10.
"""

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from octavo.base.errors import ConfigurationError
from octavo.base.sensitive import Sensitive

KEY_BYTES = 32
NONCE_BYTES = 12
_VERSION = "v1"
_FILE_NAME = "master.key"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value is stored, such as `Place("proxies", "Proxies-1", "Password")`."""

    table: str
    row: str
    field: str

    @property
    def associated_data(self) -> bytes:
        """What the ciphertext is bound to."""
        return f"{self.table}|{self.row}|{self.field}".encode()


@dataclass(frozen=True, slots=True)
class MasterKey:
    """One 256-bit key; its id is a part of its hash."""

    key: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """Eight hex digits that tell the key from others and nothing about it."""
        return hashlib.sha256(b"octavo master key" + self.key).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class Keyring:
    """The master keys, newest first: the first seals, all open."""

    keys: Sequence[MasterKey]

    @property
    def active(self) -> MasterKey:
        """The key that seals."""
        return self.keys[0]


def seal(keyring: Keyring, place: Place, secret: Sensitive) -> str:
    """The text to store for `secret` at `place`."""
    nonce = os.urandom(NONCE_BYTES)
    ciphertext = AESGCM(keyring.active.key).encrypt(nonce, secret.reveal().encode(), place.associated_data)
    return f"{_VERSION}.{keyring.active.id}.{base64.urlsafe_b64encode(nonce + ciphertext).decode()}"


def unseal(keyring: Keyring, place: Place, sealed: str) -> Sensitive:
    """The secret that was sealed at `place`.

    Raises:
        ConfigurationError: its master key is not here, or the text was altered or belongs to another place.
    """
    version, _, rest = sealed.partition(".")
    key_id, _, payload = rest.partition(".")
    key = next((key for key in keyring.keys if key.id == key_id), None)
    if version != _VERSION or key is None:
        held = ", ".join(key.id for key in keyring.keys)
        raise ConfigurationError(
            f"The secret {place.field} of {place.row} was sealed with the master key {key_id or '?'}, and this server "
            f"has {held}. Was {_FILE_NAME} replaced? Put the old key back as a further line of it."
        )
    try:
        data = base64.urlsafe_b64decode(payload)
        text = AESGCM(key.key).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], place.associated_data)
    except (InvalidTag, ValueError) as error:
        raise ConfigurationError(
            f"The secret {place.field} of {place.row} cannot be opened: its stored text was altered or moved there "
            "from another place. Enter the secret again."
        ) from error
    return Sensitive(text.decode())


def reseal(keyring: Keyring, place: Place, sealed: str) -> str:
    """The same secret under the active key; the same text if it is already."""
    if sealed.startswith(f"{_VERSION}.{keyring.active.id}."):
        return sealed
    return seal(keyring, place, unseal(keyring, place, sealed))


def rotated(keyring: Keyring) -> Keyring:
    """A keyring that seals with a new key and still opens what the old ones sealed."""
    return Keyring((MasterKey(secrets.token_bytes(KEY_BYTES)), *keyring.keys))


def load_keyring(folder: Path, setting: Sensitive | None = None) -> Keyring:
    """The keys from the setting if there is one, else from `master.key` in the folder, made when absent.

    Both hold a base64 key a line, the newest first. The file is readable by its owner only.

    Raises:
        ConfigurationError: a line is not such a key, or others may read the file.
    """
    if setting is not None:
        return _parsed(setting.reveal(), "the setting master_key")
    path = folder / _FILE_NAME
    if not path.exists():
        save_keyring(folder, rotated(Keyring(())))
    if path.stat().st_mode & 0o077:
        raise ConfigurationError(f"{path} may be read by others. Run: chmod 600 {path}")
    return _parsed(path.read_text(), str(path))


def save_keyring(folder: Path, keyring: Keyring) -> None:
    """Write `master.key` wholly or not at all, readable by its owner only."""
    path = folder / _FILE_NAME
    temporary = path.with_suffix(f".{os.getpid()}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.writelines(f"{base64.b64encode(key.key).decode()}\n" for key in keyring.keys)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _parsed(text: str, where: str) -> Keyring:
    keys = [_parsed_key(line, where) for line in text.split()]
    if not keys:
        raise ConfigurationError(f"There is no master key in {where}.")
    return Keyring(tuple(keys))


def _parsed_key(line: str, where: str) -> MasterKey:
    try:
        key = base64.b64decode(line, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigurationError(f"A line in {where} is not a base64 text of {KEY_BYTES} bytes.")
    return MasterKey(key)
