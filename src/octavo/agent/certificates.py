"""An agent's certificate: made, imported, exported, and kept in the configuration.

Source: tentacle-cli §3.4.
"""

import base64
import binascii

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from octavo.agent.configuration import Configuration, Key
from octavo.agent.machine_key import MachineKey
from octavo.base.errors import ConfigurationError
from octavo.base.sensitive import Sensitive
from octavo.halibut.identity import Identity, new_identity

COMMON_NAME = "Octopus Tentacle"
SHORTEST_GOOD_KEY_BITS = 2048


def new_agent_identity() -> Identity:
    """A fresh RSA-2048 certificate and its key, as official agents make theirs."""
    return new_identity(COMMON_NAME)


def store_identity(configuration: Configuration, identity: Identity, machine_key: MachineKey) -> None:
    """Put the certificate, encrypted, and its thumbprint into the configuration."""
    inner = base64.b64encode(to_pkcs12(identity)).decode()
    configuration.set(Key.CERTIFICATE, machine_key.encrypt(Sensitive(inner)))
    configuration.set(Key.CERTIFICATE_THUMBPRINT, identity.thumbprint)


def find_identity(configuration: Configuration, machine_key: MachineKey) -> Identity | None:
    """The instance's certificate; None when it has none yet.

    Raises:
        ConfigurationError: there is one, but it cannot be decrypted here.
    """
    text = configuration.find(Key.CERTIFICATE)
    if text is None:
        return None
    try:
        return from_pkcs12(base64.b64decode(machine_key.decrypt(text).reveal()))
    except (ValueError, binascii.Error) as error:
        raise ConfigurationError(f"The certificate in the configuration is damaged: {error}.") from error


def to_pkcs12(identity: Identity, password: Sensitive | None = None) -> bytes:
    """Certificate and key as PKCS#12; no password means an empty one."""
    key = serialization.load_pem_private_key(identity.private_key_pem, None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ConfigurationError("Only RSA certificates can be kept as PKCS#12 here; please use an RSA certificate.")
    certificate = x509.load_pem_x509_certificate(identity.certificate_pem)
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None and password.reveal():
        encryption = serialization.BestAvailableEncryption(password.reveal().encode())
    return pkcs12.serialize_key_and_certificates(None, key, certificate, None, encryption)


def from_pkcs12(data: bytes, password: Sensitive | None = None) -> Identity:
    """Certificate and key out of PKCS#12.

    Raises:
        ValueError: it is damaged, the password is wrong, or it has no private key.
    """
    given = password.reveal().encode() if password is not None else b""
    try:
        key, certificate, _ = pkcs12.load_key_and_certificates(data, given or None)
    except ValueError:
        if given:
            raise
        # Some writers protect with the empty password, which is not the same as none.
        key, certificate, _ = pkcs12.load_key_and_certificates(data, b"")
    if key is None or certificate is None:
        raise ValueError("it holds no certificate with a private key")
    return Identity(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def import_identity(data: bytes, password: Sensitive | None = None) -> Identity:
    """A certificate that the user brings: PKCS#12, as bytes or as base64 text.

    Raises:
        ConfigurationError: it is neither, or the password is wrong.
    """
    try:
        return from_pkcs12(_without_base64(data), password)
    except ValueError as error:
        raise ConfigurationError(
            f"The certificate could not be imported: {error}. It must be PKCS#12 (.pfx), or that as base64 text, "
            "with its private key; give its password with --pfx-password."
        ) from error


def key_bits(identity: Identity) -> int:
    """The size of the certificate's public key."""
    key = x509.load_pem_x509_certificate(identity.certificate_pem).public_key()
    return int(getattr(key, "key_size", 0))


def signature_algorithm(identity: Identity) -> str:
    """The signature's name as scripts and servers know it: `sha256RSA`."""
    certificate = x509.load_pem_x509_certificate(identity.certificate_pem)
    digest = certificate.signature_hash_algorithm
    kind = "RSA" if isinstance(certificate.public_key(), rsa.RSAPublicKey) else "ECDSA"
    return f"{digest.name if digest else 'unknown'}{kind}"


def _without_base64(data: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(data.split()), validate=True)
    except ValueError:
        return data
