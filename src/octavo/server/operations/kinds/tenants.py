"""Tenants: whom a deployment is for."""

from typing import ClassVar

from octavo.server.domain.permissions import Permission
from octavo.server.operations.documents import Document
from octavo.server.operations.resource_kinds import ResourceKind, Rights
from octavo.server.store import schema


class Tenant(Document):
    """API: resources, section 15."""

    noun: ClassVar[str] = "tenant"

    name: str
    slug: str = ""
    description: str | None = None
    tenant_tags: list[str] = []
    project_environments: dict[str, list[str]] = {}
    cloned_from_tenant_id: str | None = None
    is_disabled: bool = False


TENANTS = ResourceKind(
    item_type="Tenant",
    path="tenants",
    id_prefix="Tenants",
    model=Tenant,
    table=schema.tenants,
    rights=Rights(Permission.TENANT_VIEW, Permission.TENANT_CREATE, Permission.TENANT_EDIT, Permission.TENANT_DELETE),
    links={"Self": "{self}", "Variables": "{self}/variables"},
    list_parameters="skip,projectId,name,tags,take,ids,clone,partialName,isDisabled,clonedFromTenantId",
)
