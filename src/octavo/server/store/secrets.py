"""The master keys that seal secrets (`domain/vault.py`): in a file outside the database, or in a setting."""

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from octavo.base.errors import ConfigurationError
from octavo.base.sensitive import Sensitive

KEY_BYTES = 32
_FILE_NAME = "master.key"


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
