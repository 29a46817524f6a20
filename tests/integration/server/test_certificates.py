"""Certificates and step templates by the REST API; what variables that name an account or certificate stand for."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from api_under_test import Api
from octavo.server.operations.resource_variables import resource_parts
from octavo.server.store.project_schema import accounts, certificates
from octavo.server.store.resources import get_document

PASSWORD = b"hidden and long"


def made(common_name: str = "www.example.org") -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(255)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("example.org")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def files() -> dict[str, tuple[bytes, str | None]]:
    """Each kind of file, with its password."""
    key, certificate = made()
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    closed = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(PASSWORD)
    )
    closing = serialization.BestAvailableEncryption(PASSWORD)
    return {
        "Pkcs12": (pkcs12.serialize_key_and_certificates(b"x", key, certificate, None, closing), PASSWORD.decode()),
        "Der": (certificate.public_bytes(serialization.Encoding.DER), None),
        "Pem": (pem + plain, None),
        "Pem closed": (closed + pem, PASSWORD.decode()),
    }


def body(data: bytes, password: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "Name": "Site",
        "CertificateData": {"HasValue": True, "NewValue": base64.b64encode(data).decode()},
        "Password": {"HasValue": bool(password), "NewValue": password},
        **more,
    }


@pytest.mark.parametrize("kind", ["Pkcs12", "Der", "Pem", "Pem closed"])
async def test_a_certificate_of_each_kind_says_what_is_in_it(api: Api, kind: str) -> None:
    data, password = files()[kind]

    stored = await api.post("/api/certificates", body(data, password))

    assert stored["CertificateDataFormat"] == kind.partition(" ")[0]
    assert (stored["SubjectCommonName"], stored["SelfSigned"]) == ("www.example.org", True)
    assert stored["NotAfter"].startswith("2026-04-01T00:00:00")
    assert (stored["SerialNumber"], stored["HasPrivateKey"]) == ("FF", kind != "Der")
    assert stored["SubjectAlternativeNames"] == ["example.org"]
    assert stored["CertificateData"] == {"HasValue": True, "NewValue": None, "Hint": None}
    assert len(stored["Thumbprint"]) == 40
    listed = (await api.get("/api/certificates?archived=false"))["Items"]
    assert listed == [stored]


async def test_what_is_no_certificate_or_does_not_open_is_refused(api: Api) -> None:
    data, _ = files()["Pkcs12"]

    for refused in (body(data, "wrong"), body(b"no certificate"), {"Name": "None"}, body(b"x" * 2_000_000)):
        await api.post("/api/certificates", refused, 400)
    broken = body(b"")
    broken["CertificateData"]["NewValue"] = "no base64!"
    assert "base64" in str(await api.post("/api/certificates", broken, 400))


async def test_a_certificate_is_renamed_replaced_and_archived_under_its_id(api_on_both: Api) -> None:
    api = api_on_both
    stored = await api.post("/api/certificates", body(*files()["Pem"]))
    own = f"/api/certificates/{stored['Id']}"

    renamed = await api.put(own, stored | {"Name": "Shop"})
    _, newer = made("new.example.org")
    data = base64.b64encode(newer.public_bytes(serialization.Encoding.DER)).decode()
    replaced = await api.post(f"{own}/replace", {"CertificateData": data}, 200)
    archived = await api.post(f"{own}/archive", {}, 200)

    assert (renamed["Thumbprint"], renamed["HasPrivateKey"]) == (stored["Thumbprint"], True)
    assert (replaced["Id"], replaced["SubjectCommonName"]) == (stored["Id"], "new.example.org")
    assert replaced["HasPrivateKey"] is False
    assert archived["Archived"] is not None
    assert (await api.get("/api/certificates?archived=false"))["TotalResults"] == 0
    assert (await api.post(f"{own}/unarchive", {}, 200))["Archived"] is None
    assert (await api.get("/api/certificates?archived=false"))["TotalResults"] == 1


async def test_a_variable_gives_the_parts_of_what_it_names(api: Api) -> None:
    account = {"Name": "Deployer", "AccountType": "UsernamePassword", "Username": "ann"}
    secret = {"HasValue": True, "NewValue": "pass"}
    made_account = await api.post("/api/accounts", account | {"Password": secret})
    certificate = await api.post("/api/certificates", body(*files()["Pkcs12"]))

    async with api.parts.store.reading() as connection:
        of_account = resource_parts(api.parts.vault, await get_document(connection, accounts, made_account["Id"]))
        document = await get_document(connection, certificates, certificate["Id"])
        of_certificate = resource_parts(api.parts.vault, document)

    assert (of_account["Username"], of_account["Password"].reveal()) == ("ann", "pass")  # type: ignore[union-attr]
    assert str(of_certificate["CertificatePem"]).startswith("-----BEGIN CERTIFICATE")
    assert "BEGIN PRIVATE KEY" in of_certificate["PrivateKeyPem"].reveal()  # type: ignore[union-attr]
    assert of_certificate["Subject"] == "CN=www.example.org"


async def test_a_step_template_counts_its_versions_and_hides_its_secrets(api_on_both: Api) -> None:
    properties = {"Plain": "a", "Hidden": {"HasValue": True, "NewValue": "secret"}}
    parameter = {"Name": "Token", "DefaultValue": {"HasValue": True, "NewValue": "another secret"}}
    template = {
        "Name": "Notify",
        "ActionType": "Octopus.Script",
        "Properties": properties,
        "Parameters": [parameter],
        "Category": "ours",
    }

    stored = await api_on_both.post("/api/actiontemplates", template)
    changed = await api_on_both.put(f"/api/actiontemplates/{stored['Id']}", stored | {"Description": "x"})

    hidden = {"HasValue": True, "NewValue": None, "Hint": None}
    assert (stored["Version"], changed["Version"]) == (0, 1)
    assert changed["Properties"] == {"Plain": "a", "Hidden": hidden}
    assert changed["Parameters"][0]["DefaultValue"] == hidden
    assert changed["Category"] == "ours"
    async with api_on_both.parts.store.reading() as connection:
        rows = str((await connection.exec_driver_sql("SELECT doc FROM action_templates")).all())
    assert ("secret" in rows, "Sealed" in rows) == (False, True)
    await api_on_both.post("/api/actiontemplates", {"Name": "No type", "ActionType": " "}, 400)


async def test_tasks_are_found_by_where_they_happen(api: Api) -> None:
    listed = await api.get("/api/tasks?environment=Environments-1&tenant=Tenants-1&runbook=Runbooks-1")
    waiting = await api.get("/api/tasks?hasPendingInterruptions=true")

    assert (listed["TotalResults"], waiting["TotalResults"]) == (0, 0)
