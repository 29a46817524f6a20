"""Who a peer is: its own self-signed certificate, and the thumbprint by which others know it.

Nothing of a certificate is ever checked but its thumbprint: no chain, no name, no dates.

Source: halibut.md §1.2, §1.5.
"""

import hashlib
import re
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NewType

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

#: SHA-1 of a certificate's DER, 40 upper-case hex digits. Made by `parse_thumbprint` or `thumbprint_of`.
Thumbprint = NewType("Thumbprint", str)

_VALID_DAYS = 36_525  # a hundred years: nobody checks the dates, and nothing should ever lapse by itself


@dataclass(frozen=True, slots=True)
class Identity:
    """A peer's own certificate and private key, each as PEM."""

    certificate_pem: bytes
    private_key_pem: bytes = field(repr=False)

    @property
    def thumbprint(self) -> Thumbprint:
        """The thumbprint that others must trust."""
        return thumbprint_of(ssl.PEM_cert_to_DER_cert(self.certificate_pem.decode("ascii")))


def new_identity(common_name: str) -> Identity:
    """A fresh RSA-2048 certificate as a Tentacle makes its own: X.509 v3 without extensions, valid for a century."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    yesterday = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number() >> 97)  # a Tentacle's serials have 63 bits
        .not_valid_before(yesterday)
        .not_valid_after(yesterday + timedelta(days=_VALID_DAYS))
        .sign(key, hashes.SHA256())
    )
    return Identity(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def thumbprint_of(certificate_der: bytes) -> Thumbprint:
    """The thumbprint of a certificate. SHA-1 names it, as every peer does; trust rests on the key in it."""
    return Thumbprint(hashlib.sha1(certificate_der, usedforsecurity=False).hexdigest().upper())


def parse_thumbprint(text: str) -> Thumbprint:
    """`text` as a thumbprint: 40 hex digits in any case, blanks and colons between them ignored.

    Raises:
        ValueError: it is anything else.
    """
    digits = re.sub(r"[\s:]", "", text).upper()
    if not re.fullmatch(r"[0-9A-F]{40}", digits):
        raise ValueError(f"«{text}» is no thumbprint: expected 40 hex digits, as `tentacle show-thumbprint` prints.")
    return Thumbprint(digits)
