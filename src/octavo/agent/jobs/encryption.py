"""Encrypts files that arrive with a password, so that Calamari can read them. Source: tentacle-services.md §5.4.

The recipe is old (PBKDF2 with SHA-1 and a fixed salt) and given by those who read the files.
"""

import hashlib
import os

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

_SALT = b"Octopuss"
_ITERATIONS = 1000
_KEY_BYTES = 16
_HEAD = b"IV__"


def encrypt_file(text: bytes, password: str, initialisation_vector: bytes | None = None) -> bytes:
    """`IV__`, the vector (random unless given) and the AES-128-CBC of the text, a byte order mark removed."""
    vector = initialisation_vector or os.urandom(16)
    key = hashlib.pbkdf2_hmac("sha1", password.encode(), _SALT, _ITERATIONS, _KEY_BYTES)
    content = text.decode("utf-8-sig", "replace").encode()  # the original reads the stream as text
    padder = PKCS7(128).padder()
    padded = padder.update(content) + padder.finalize()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    return _HEAD + vector + encryptor.update(padded) + encryptor.finalize()
