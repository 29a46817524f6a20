"""HTTP proxies through which listening agents are reached."""

from typing import ClassVar, Literal

from pydantic import Field

from octavo.server.domain.permissions import Permission
from octavo.server.operations.documents import Document, SensitiveValue
from octavo.server.operations.resource_kinds import ResourceKind, Rights
from octavo.server.store import schema


class Proxy(Document):
    """API: resources, section 4."""

    noun: ClassVar[str] = "proxy"

    name: str
    slug: str = ""
    host: str
    port: int = Field(default=80, ge=1, le=65535)
    proxy_type: Literal["HTTP"] = "HTTP"
    username: str = ""
    password: SensitiveValue = Field(default_factory=SensitiveValue)


PROXIES = ResourceKind(
    item_type="Proxy",
    path="proxies",
    id_prefix="Proxies",
    model=Proxy,
    table=schema.proxies,
    rights=Rights(Permission.PROXY_VIEW, Permission.PROXY_CREATE, Permission.PROXY_EDIT, Permission.PROXY_DELETE),
    links={"Self": "{self}"},
    secrets=("Password",),
)
