"""Source: tentacle-services.md §5.4."""

import hashlib

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from octavo.agent.jobs.encryption import encrypt_file


def test_an_encrypted_file_opens_with_the_known_recipe() -> None:
    """services 25: PBKDF2-SHA1 over `Octopuss`, AES-128-CBC, PKCS#7, `IV__` and the vector in front."""
    data = encrypt_file('{"key":"välue"}'.encode(), "password")

    key = hashlib.pbkdf2_hmac("sha1", b"password", b"Octopuss", 1000, 16)
    decryptor = Cipher(algorithms.AES(key), modes.CBC(data[4:20])).decryptor()
    padded = decryptor.update(data[20:]) + decryptor.finalize()
    assert data[:4] == b"IV__"
    assert padded[: -padded[-1]].decode() == '{"key":"välue"}'


def test_two_encryptions_differ() -> None:
    """services 25: the vector is random."""
    assert encrypt_file(b"text", "password") != encrypt_file(b"text", "password")
