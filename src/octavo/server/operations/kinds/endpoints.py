"""How a machine is reached: the polymorphic `Endpoint` of workers and targets.

Only the two Tentacle styles are spoken; the others are kept as documents. The Go client checks endpoints when it reads
them, and one it cannot read spoils a whole list: what is stored here must be complete. API resources, section 4.
"""

import re
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from octavo.base.errors import Invalid
from octavo.server.operations.documents import Document, Json

LISTENING, POLLING = "TentaclePassive", "TentacleActive"

_THUMBPRINT = re.compile(r"[0-9A-Fa-f]{40}")


class Endpoint(Document):
    """Where a machine is and how it proves who it is."""

    noun: ClassVar[str] = "endpoint"

    communication_style: Literal[
        "None",
        "TentaclePassive",
        "TentacleActive",
        "Ssh",
        "OfflineDrop",
        "AzureWebApp",
        "AzureCloudService",
        "AzureServiceFabricCluster",
        "Kubernetes",
        "StepPackage",
        "KubernetesTentacle",
        "AwsEcsCluster",
    ]


def checked_endpoint(endpoint: Json, before: Json | None) -> Json:
    """The endpoint as it is stored. What the server found out about the agent stays while the agent is the same.

    Raises:
        Invalid: its address or thumbprint cannot be right.
    """
    style = endpoint["CommunicationStyle"]
    checked = {**endpoint, "Id": None, "LastModifiedOn": None, "LastModifiedBy": None, "Links": {}}
    if style not in {LISTENING, POLLING}:
        return checked
    checked["Uri"] = _uri(endpoint)
    checked["Thumbprint"] = _thumbprint(endpoint)
    checked["ProxyId"] = endpoint.get("ProxyId") or None
    known = before if before and before.get("Thumbprint") == checked["Thumbprint"] else {}
    for found_out in ("CertificateSignatureAlgorithm", "TentacleVersionDetails"):
        checked[found_out] = known.get(found_out)
    return checked


def is_same_agent(endpoint: Json, before: Json | None) -> bool:
    """Whether both describe one agent at one address, so that what its health check said still holds."""
    names = ("CommunicationStyle", "Uri", "Thumbprint", "ProxyId")
    return before is not None and all(endpoint.get(name) == before.get(name) for name in names)


def subscription_of(endpoint: Json) -> str | None:
    """The `poll://…` id of a polling agent."""
    return endpoint["Uri"] if endpoint["CommunicationStyle"] == POLLING else None


def _uri(endpoint: Json) -> str:
    text = str(endpoint.get("Uri") or "").strip()
    parts = urlsplit(text)
    if endpoint["CommunicationStyle"] == LISTENING:
        if parts.scheme.lower() != "https" or not parts.hostname:
            raise Invalid(f"A listening agent needs an address such as https://host:10933/; this one has '{text}'.")
        return text
    if parts.scheme.lower() != "poll" or not parts.netloc:
        raise Invalid(f"A polling agent needs a subscription such as poll://0a1b2c/; this one has '{text}'.")
    return f"poll://{parts.netloc.lower()}/"


def _thumbprint(endpoint: Json) -> str:
    text = str(endpoint.get("Thumbprint") or "").strip()
    if not _THUMBPRINT.fullmatch(text):
        raise Invalid(
            f"An agent's thumbprint has 40 hexadecimal digits; '{text}' has not. "
            "Show it on the machine with `tentacle show-thumbprint`."
        )
    return text.upper()
