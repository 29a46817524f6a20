"""What a certificate file says: whose it is, by whom, until when, and whether it has its private key. Pure."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from octavo.base.errors import Invalid
from octavo.base.sensitive import Sensitive

LARGEST_BYTES = 1_048_576
_PEM = serialization.Encoding.PEM


@dataclass(frozen=True, slots=True)
class CertificateFile:
    """The first certificate of a file, its chain, and its key if the file has one."""

    format: str  # Pkcs12, Pem, Der
    certificate: x509.Certificate
    chain: Sequence[x509.Certificate] = ()
    private_key_pem: Sensitive | None = field(default=None, repr=False)

    @property
    def thumbprint(self) -> str:
        """SHA-1 in upper-case hexadecimal digits, as people compare it."""
        return self.certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303 - a name, not a proof

    @property
    def not_before(self) -> datetime:
        """From when it holds."""
        return self.certificate.not_valid_before_utc

    @property
    def not_after(self) -> datetime:
        """Until when it holds."""
        return self.certificate.not_valid_after_utc

    @property
    def certificate_pem(self) -> str:
        """The certificate alone."""
        return self.certificate.public_bytes(_PEM).decode()

    @property
    def chain_pem(self) -> str:
        """The certificates above it."""
        return "".join(each.public_bytes(_PEM).decode() for each in self.chain)

    @property
    def alternative_names(self) -> list[str]:
        """The other names that it is for."""
        try:
            found = self.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (x509.ExtensionNotFound, ValueError):
            return []
        return [str(name.value) for name in found]


def read_certificate(data: Sensitive, password: Sensitive | None) -> CertificateFile:
    """The certificate in a file, given in base64: PKCS#12, PEM or DER.

    Raises:
        Invalid: it is no certificate, or the password does not open it.
    """
    try:
        raw = base64.b64decode(data.reveal(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid("CertificateData must be the certificate's file in base64.") from error
    if len(raw) > LARGEST_BYTES:
        raise Invalid(f"The certificate's file has {len(raw)} bytes; {LARGEST_BYTES} are the most.")
    try:
        if b"-----BEGIN" in raw:
            return _from_pem(raw, password)
        try:
            return _from_pkcs12(raw, password)
        except ValueError:
            if password is not None:
                raise
            return CertificateFile("Der", x509.load_der_x509_certificate(raw))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Invalid(
            "The file is no certificate in PKCS#12, PEM or DER that can be read, or the password does not open it."
        ) from error


def common_name(name: x509.Name) -> str:
    """The common name in a distinguished name, "" when it has none."""
    return _first(name, NameOID.COMMON_NAME)


def organization(name: x509.Name) -> str:
    """The organisation in a distinguished name, "" when it has none."""
    return _first(name, NameOID.ORGANIZATION_NAME)


def _first(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    found = name.get_attributes_for_oid(oid)
    return str(found[0].value) if found else ""


def _from_pem(raw: bytes, password: Sensitive | None) -> CertificateFile:
    certificate, *chain = x509.load_pem_x509_certificates(raw)
    key = None
    if b"PRIVATE KEY-----" in raw:
        secret = password.reveal().encode() if password is not None else None
        key = _key_pem(serialization.load_pem_private_key(_key_block(raw), secret))
    return CertificateFile("Pem", certificate, chain, key)


def _key_block(raw: bytes) -> bytes:
    """The private key among other blocks."""
    end = raw.index(b"PRIVATE KEY-----")
    start = raw.rindex(b"-----BEGIN", 0, end)
    close = raw.index(b"-----END", end)
    return raw[start : raw.index(b"-----", close + 8) + 5]


def _from_pkcs12(raw: bytes, password: Sensitive | None) -> CertificateFile:
    secret = password.reveal().encode() if password is not None else None
    key, certificate, chain = pkcs12.load_key_and_certificates(raw, secret)
    if certificate is None:
        raise ValueError("no certificate")
    return CertificateFile("Pkcs12", certificate, chain, _key_pem(key) if key is not None else None)


def _key_pem(key: object) -> Sensitive:
    encoded = key.private_bytes(  # type: ignore[attr-defined]  # every private key has it
        _PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Sensitive(encoded.decode())
