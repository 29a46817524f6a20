"""What a variable that names an account or a certificate stands for: its parts, secrets opened.

The names are those that users of such servers write: `#{Deployer.Username}`, `#{Site.CertificatePem}`.
"""

import base64
from collections.abc import Mapping

from octavo.base.sensitive import Sensitive
from octavo.server.domain.vault import Vault, place
from octavo.server.operations.kinds.accounts import ACCOUNTS
from octavo.server.operations.kinds.certificates import open_certificate
from octavo.server.store.resources import Document

#: Types of variables whose value is the id of an account or certificate.
RESOURCE_TYPES = frozenset(
    {
        "Certificate",
        "AmazonWebServicesAccount",
        "AzureAccount",
        "GoogleCloudAccount",
        "UsernamePasswordAccount",
        "GenericOidcAccount",
    }
)
_ALIASES: Mapping[str, str] = {"ClientId": "Client", "SubscriptionNumber": "SubscriptionNumber"}
_FACTS = (
    "Thumbprint",
    "SubjectDistinguishedName",
    "SubjectCommonName",
    "IssuerDistinguishedName",
    "NotBefore",
    "NotAfter",
)


def resource_parts(vault: Vault, document: Document) -> dict[str, str | Sensitive]:
    """The parts by name."""
    if document.id.startswith("Certificates-"):
        return _certificate_parts(vault, document)
    parts: dict[str, str | Sensitive] = {"Name": document.name}
    for member, value in document.doc.items():
        if member in ACCOUNTS.secrets:
            if value:
                parts[member] = vault.open(value, place(ACCOUNTS.table.name, document.id, member))
        elif isinstance(value, str):
            parts[_ALIASES.get(member, member)] = value
    return parts


def _certificate_parts(vault: Vault, document: Document) -> dict[str, str | Sensitive]:
    file = open_certificate(vault, document.id, document.doc)
    raw = base64.b64encode(file.certificate_pem.encode()).decode()
    parts: dict[str, str | Sensitive] = {
        "Name": document.name,
        "Type": "Certificate",
        "HasPrivateKey": str(file.private_key_pem is not None),
        "Certificate": raw,
        "CertificatePem": file.certificate_pem,
        "ChainPem": file.chain_pem,
        **{name.replace("DistinguishedName", ""): str(document.doc.get(name) or "") for name in _FACTS},
    }
    if file.private_key_pem is not None:
        parts["PrivateKeyPem"] = file.private_key_pem
    return parts
