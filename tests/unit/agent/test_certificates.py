"""The agent's certificate, in and out of a configuration, exchanged with another implementation."""

import base64
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from octavo.agent.certificates import (
    find_identity,
    import_identity,
    key_bits,
    new_agent_identity,
    signature_algorithm,
    store_identity,
    to_pkcs12,
)
from octavo.agent.configuration import Configuration, Key
from octavo.agent.machine_key import MachineKey
from octavo.base.errors import ConfigurationError
from octavo.base.sensitive import Sensitive
from octavo.halibut.identity import Identity

MACHINE_ID = b"0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def identity() -> Identity:
    return new_agent_identity()


@pytest.fixture
def machine_key(tmp_path: Path) -> MachineKey:
    (tmp_path / "machine-id").write_bytes(MACHINE_ID + b"\n")
    return MachineKey(tmp_path / "machine-id", tmp_path / "etc" / "machinekey")


def test_a_new_certificate_has_the_specified_properties(identity: Identity) -> None:
    """cli 7"""
    certificate = x509.load_pem_x509_certificate(identity.certificate_pem)

    assert certificate.subject == certificate.issuer
    assert certificate.subject.rfc4514_string() == "CN=Octopus Tentacle"
    assert certificate.not_valid_before_utc == datetime.now(UTC).replace(
        hour=0, minute=0, second=0, microsecond=0
    ) - timedelta(days=1)
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc > timedelta(days=36500)
    assert 0 < certificate.serial_number < 2**63
    assert len(certificate.extensions) == 0
    assert (key_bits(identity), signature_algorithm(identity)) == (2048, "sha256RSA")


def test_a_certificate_is_stored_as_official_agents_read_it(identity: Identity, machine_key: MachineKey) -> None:
    """cli 14: decrypted and opened here by openssl alone, with the machine's id."""
    configuration = Configuration({})

    store_identity(configuration, identity, machine_key)

    encrypted = base64.b64decode(configuration.find(Key.CERTIFICATE) or "")
    pkcs12 = base64.b64decode(run_openssl("enc", "-d", *AES_OPTIONS, data=encrypted))
    opened = run_openssl("pkcs12", "-passin", "pass:", "-nokeys", "-in", "/dev/stdin", data=pkcs12)
    assert configuration.find(Key.CERTIFICATE_THUMBPRINT) == identity.thumbprint
    assert identity.certificate_pem.strip() in opened


def test_a_certificate_that_an_official_agent_stored_is_read(
    tmp_path: Path, identity: Identity, machine_key: MachineKey
) -> None:
    """cli 14: written here by openssl alone, with an empty password and the machine's id."""
    (tmp_path / "both.pem").write_bytes(identity.certificate_pem + identity.private_key_pem)
    pkcs12 = run_openssl("pkcs12", "-export", "-passout", "pass:", "-in", str(tmp_path / "both.pem"), data=b"")
    encrypted = run_openssl("enc", "-e", *AES_OPTIONS, data=base64.b64encode(pkcs12))
    configuration = Configuration({Key.CERTIFICATE: base64.b64encode(encrypted).decode()})

    found = find_identity(configuration, machine_key)

    assert found is not None
    assert found.thumbprint == identity.thumbprint


def test_a_machine_without_an_id_uses_a_private_key_file(tmp_path: Path, identity: Identity) -> None:
    machine_key = MachineKey(tmp_path / "none", tmp_path / "etc" / "machinekey")
    configuration = Configuration({})

    store_identity(configuration, identity, machine_key)

    assert find_identity(configuration, machine_key) == identity
    assert machine_key.key_file.stat().st_mode & 0o777 == 0o600


def test_another_machine_cannot_read_it(tmp_path: Path, identity: Identity, machine_key: MachineKey) -> None:
    configuration = Configuration({})
    store_identity(configuration, identity, machine_key)
    (tmp_path / "other-id").write_bytes(MACHINE_ID[::-1])

    with pytest.raises(ConfigurationError, match="another machine"):
        find_identity(configuration, MachineKey(tmp_path / "other-id", tmp_path / "none"))


@pytest.mark.parametrize("password", [None, Sensitive("geheim")])
def test_an_exported_certificate_is_imported_again(identity: Identity, password: Sensitive | None) -> None:
    exported = to_pkcs12(identity, password)

    assert import_identity(exported, password).thumbprint == identity.thumbprint
    assert import_identity(base64.encodebytes(exported), password).thumbprint == identity.thumbprint


def test_a_wrong_password_is_explained(identity: Identity) -> None:
    with pytest.raises(ConfigurationError, match="could not be imported"):
        import_identity(to_pkcs12(identity, Sensitive("geheim")), Sensitive("falsch"))


AES_OPTIONS = ("-aes-256-cbc", "-K", MACHINE_ID.hex(), "-iv", b"743677397A244326".hex())


def run_openssl(*arguments: str, data: bytes) -> bytes:
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout
