"""Variables in files, as servers of this kind hand them to executors: plain JSON, or encrypted as a whole.

Two layouts: a list of `{"k": name, "v": value, "s": is-sensitive}`, and the older object of name → value. Encrypted:
`IV__`, 16 bytes, AES-256-CBC (older: AES-128) with a key derived from a password that the server makes up each time.
Names are read in any case; the last one wins; null means not set. Source: script-execution.md §3.1–3.3.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_MAGIC, _SALT, _ROUNDS, _BLOCK = b"IV__", b"Octopuss", 1000, 16
_ADDITIONAL = "AdditionalVariablesPath"


class VariablesRefused(Exception):
    """A file of variables is missing, damaged or encrypted with another password."""


def load_variables(files: Sequence[Path], password: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of these files, later ones over earlier ones, and what the machine adds.

    Raises:
        VariablesRefused: a file cannot be read; the message says which and why.
    """
    known: dict[str, tuple[str, str]] = {}

    def add(variables: Mapping[str, Any]) -> None:
        for name, value in variables.items():
            if value is None:
                known.pop(name.casefold(), None)
            else:
                known[name.casefold()] = (name, value if isinstance(value, str) else json.dumps(value))

    for file in files:
        add(read_variables(file, password))
    add({f"env:{name}": value for name, value in environment.items()})
    add({"Octopus.Tentacle.Agent.InstanceName": "#{env:TentacleInstanceName}"})
    _, additional = known.get(_ADDITIONAL.casefold(), ("", environment.get(_ADDITIONAL, "")))
    if additional:
        add(read_variables(Path(additional), ""))
    return dict(known.values())


def read_variables(file: Path, password: str) -> dict[str, Any]:
    """The variables of one file; without a password it is plain.

    Raises:
        VariablesRefused: see above.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise VariablesRefused(f"The variables in {file} cannot be read: {error.strerror}.") from error
    if not password:
        return _parsed(data, file)
    if not data.startswith(_MAGIC) or len(data) % _BLOCK != len(_MAGIC):
        raise VariablesRefused(f"The variables in {file} are not encrypted as a server encrypts them.")
    for key_bytes in (32, 16):
        try:
            return _parsed(_decrypted(data[len(_MAGIC) :], password, key_bytes), file)
        except (ValueError, VariablesRefused):
            continue
    raise VariablesRefused(f"The variables in {file} cannot be decrypted with this password.")


def _decrypted(data: bytes, password: str, key_bytes: int) -> bytes:
    try:
        from cryptography.hazmat.primitives import padding
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    except ImportError as error:
        raise VariablesRefused(
            "This python3 cannot decrypt variables. Install the package cryptography for it."
        ) from error
    decryptor = Cipher(algorithms.AES(_key(password, key_bytes)), modes.CBC(data[:_BLOCK])).decryptor()
    unpadder = padding.PKCS7(_BLOCK * 8).unpadder()
    return unpadder.update(decryptor.update(data[_BLOCK:]) + decryptor.finalize()) + unpadder.finalize()


def _key(password: str, key_bytes: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha1", password.encode("utf-8"), _SALT, _ROUNDS, 32)[:key_bytes]


def _parsed(data: bytes, file: Path) -> dict[str, Any]:
    try:
        document = json.loads(data.decode("utf-8-sig"))
        if isinstance(document, dict):
            return document
        return {str(each["k"]): each.get("v") for each in document}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise VariablesRefused(f"The variables in {file} are not in a form that can be read: {error}") from error
