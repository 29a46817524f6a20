"""Secrets in a configuration are readable on their own machine only.

AES-256-CBC under the machine's id, or under a key file where there is no usable id: the format of official agents,
so that either can take over the other's configuration. It guards copies of the file, not against root.
Source: tentacle-cli §3.4.
"""

import base64
import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from octavo.agent.files import write_atomically
from octavo.base.errors import ConfigurationError
from octavo.base.sensitive import Sensitive

_MACHINE_ID_VECTOR = b"743677397A244326"  # fixed by the format; the key is the machine's
_KEY_BYTES = 32
_VECTOR_BYTES = 16


@dataclass(frozen=True, slots=True)
class MachineKey:
    """Encrypts and decrypts with what this machine has: its id, else the key file."""

    machine_id_file: Path
    key_file: Path

    def encrypt(self, secret: Sensitive) -> str:
        """The text that stands in the configuration. Makes the key file when the machine has no id."""
        key = next(self._keys(), None) or self._new_key_file()
        return base64.b64encode(_encrypt(key, secret.reveal().encode())).decode()

    def decrypt(self, text: str) -> Sensitive:
        """The secret in a configuration.

        Raises:
            ConfigurationError: it was encrypted on another machine, or is damaged.
        """
        with contextlib.suppress(ValueError):
            data = base64.b64decode(text)
            for key in self._keys():
                with contextlib.suppress(ValueError):
                    return Sensitive(_decrypt(key, data).decode())
        raise ConfigurationError(
            "A secret in the configuration cannot be decrypted: it was encrypted on another machine, or this machine's "
            f"id ({self.machine_id_file}) or key file ({self.key_file}) has changed. "
            "Set it again: `tentacle new-certificate` for the certificate, `tentacle proxy` for a proxy's password."
        )

    def _keys(self) -> Iterator["_Key"]:
        with contextlib.suppress(OSError):
            first_line = self.machine_id_file.read_text("ascii", "replace").partition("\n")[0].strip()
            if len(first_line) == _KEY_BYTES and first_line.isascii():
                yield _Key(first_line.encode(), _MACHINE_ID_VECTOR)
        with contextlib.suppress(FileNotFoundError):
            yield self._read_key_file()

    def _read_key_file(self) -> "_Key":
        try:
            key, _, vector = self.key_file.read_text("ascii").strip().partition(".")
            return _Key(base64.b64decode(key), base64.b64decode(vector))
        except PermissionError as error:
            raise ConfigurationError(
                f"The machine's key file {self.key_file} cannot be read: {error.strerror}. Run this with sudo."
            ) from error

    def _new_key_file(self) -> "_Key":
        key = _Key(os.urandom(_KEY_BYTES), os.urandom(_VECTOR_BYTES))
        parts = (base64.b64encode(part).decode() for part in (key.key, key.vector))
        write_atomically(self.key_file, ".".join(parts).encode(), folder_mode=0o755)
        return key


@dataclass(frozen=True, slots=True)
class _Key:
    key: bytes = field(repr=False)
    vector: bytes = field(repr=False)


def _encrypt(key: _Key, plain: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    padding = _VECTOR_BYTES - len(plain) % _VECTOR_BYTES
    encryptor = Cipher(algorithms.AES(key.key), modes.CBC(key.vector)).encryptor()
    return encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()


def _decrypt(key: _Key, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    decryptor = Cipher(algorithms.AES(key.key), modes.CBC(key.vector)).decryptor()
    padded = decryptor.update(data) + decryptor.finalize()
    padding = padded[-1] if padded else 0
    if not 1 <= padding <= _VECTOR_BYTES or not padded.endswith(bytes([padding]) * padding):
        raise ValueError("wrong key")
    return padded[:-padding]
