"""Certificates: files that steps use, kept sealed; what they say is shown. Source: endpoints.md §10."""

from collections.abc import Mapping
from typing import Any, ClassVar

from octavo.base.errors import Invalid
from octavo.base.sensitive import Sensitive
from octavo.server.domain.certificates import CertificateFile, common_name, organization, read_certificate
from octavo.server.domain.permissions import Permission
from octavo.server.domain.vault import Vault, place
from octavo.server.operations.documents import Document, Json, SensitiveValue
from octavo.server.operations.kinds.shared_parts import TenantedMode
from octavo.server.operations.moments import moment
from octavo.server.operations.references import existing_ids
from octavo.server.operations.resource_kinds import Change, ResourceKind, Rights
from octavo.server.store import project_schema, schema

_FACTS: Json = {
    "CertificateDataFormat": "Unknown",
    "Thumbprint": "",
    "SubjectDistinguishedName": "",
    "SubjectCommonName": "",
    "SubjectOrganization": "",
    "SubjectAlternativeNames": [],
    "IssuerDistinguishedName": "",
    "IssuerCommonName": "",
    "IssuerOrganization": "",
    "SelfSigned": False,
    "NotBefore": None,
    "NotAfter": None,
    "SerialNumber": "",
    "SignatureAlgorithmName": "",
    "HasPrivateKey": False,
    "CertificateChain": [],
    "Archived": None,
    "ReplacedBy": None,
}


class Certificate(Document):
    """A file in base64 with its password, and where it may be used."""

    noun: ClassVar[str] = "certificate"

    name: str
    slug: str = ""
    notes: str | None = None
    certificate_data: SensitiveValue = SensitiveValue()
    password: SensitiveValue = SensitiveValue()
    environment_ids: list[str] = []
    tenant_ids: list[str] = []
    tenant_tags: list[str] = []
    tenanted_deployment_participation: TenantedMode = "Untenanted"


def open_certificate(vault: Vault, certificate_id: str, doc: Mapping[str, Any]) -> CertificateFile:
    """The stored file, to use it.

    Raises:
        Invalid: there is none.
    """
    table = project_schema.certificates.name

    def opened(member: str) -> Sensitive | None:
        sealed = doc.get(member)
        return vault.open(sealed, place(table, certificate_id, member)) if sealed else None

    data = opened("CertificateData")
    if data is None:
        raise Invalid("Please provide the certificate's file, in base64, as CertificateData.")
    return read_certificate(data, opened("Password"))


async def _before_save(change: Change) -> None:
    old = change.old or {}
    if change.is_new or change.new["CertificateData"] != old.get("CertificateData"):
        file = open_certificate(change.context.vault, change.resource_id, change.new)
        change.new.update(_facts(file))
    change.new["EnvironmentIds"] = await existing_ids(
        change.connection, schema.environments, change.space_id, change.new["EnvironmentIds"], "environment"
    )
    change.columns["is_archived"] = bool(change.new["Archived"])


def _facts(file: CertificateFile) -> Json:
    subject, issuer = file.certificate.subject, file.certificate.issuer
    return {
        "CertificateDataFormat": file.format,
        "Thumbprint": file.thumbprint,
        "SubjectDistinguishedName": subject.rfc4514_string(),
        "SubjectCommonName": common_name(subject),
        "SubjectOrganization": organization(subject),
        "SubjectAlternativeNames": file.alternative_names,
        "IssuerDistinguishedName": issuer.rfc4514_string(),
        "IssuerCommonName": common_name(issuer),
        "IssuerOrganization": organization(issuer),
        "SelfSigned": subject == issuer,
        "NotBefore": moment(file.not_before),
        "NotAfter": moment(file.not_after),
        "SerialNumber": f"{file.certificate.serial_number:X}",
        "SignatureAlgorithmName": file.certificate.signature_algorithm_oid._name,
        "HasPrivateKey": file.private_key_pem is not None,
        "CertificateChain": [
            {"SubjectDistinguishedName": each.subject.rfc4514_string(), "NotAfter": moment(each.not_valid_after_utc)}
            for each in file.chain
        ],
    }


CERTIFICATES = ResourceKind(
    item_type="Certificate",
    path="certificates",
    id_prefix="Certificates",
    model=Certificate,
    table=project_schema.certificates,
    rights=Rights(
        Permission.CERTIFICATE_VIEW,
        Permission.CERTIFICATE_CREATE,
        Permission.CERTIFICATE_EDIT,
        Permission.CERTIFICATE_DELETE,
    ),
    links={"Self": "{self}", "Archive": "{self}/archive", "Unarchive": "{self}/unarchive", "Replace": "{self}/replace"},
    list_parameters="skip,take,search,archived,tenant,firstResult,orderBy,ids,partialName",
    filters={
        "archived": lambda values: project_schema.certificates.c.is_archived.is_(values[0].lower() == "true"),
        "search": lambda values: project_schema.certificates.c.name_key.contains(values[0].casefold(), autoescape=True),
    },
    server_owned=_FACTS,
    secrets=("CertificateData", "Password"),
    before_save=_before_save,
)
