"""Tenants: whom a deployment is for."""

import json
from collections.abc import Sequence
from typing import ClassVar

from sqlalchemy import ColumnElement, String, cast, or_

from octavo.server.domain.permissions import Permission
from octavo.server.operations.documents import Document
from octavo.server.operations.resource_kinds import ResourceKind, Rights
from octavo.server.operations.sight import named_in
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


def _with_tags(tags: Sequence[str]) -> ColumnElement[bool]:
    """Tenants that have one of the tags: the text of their list contains it, quoted."""
    listed = cast(schema.tenants.c.doc["TenantTags"], String)
    return or_(*(listed.contains(json.dumps(tag), autoescape=True) for tag in tags))


def _of_projects(ids: Sequence[str]) -> ColumnElement[bool]:
    connected = cast(schema.tenants.c.doc["ProjectEnvironments"], String)
    return or_(*(connected.contains(json.dumps(each), autoescape=True) for each in ids))


TENANTS = ResourceKind(
    item_type="Tenant",
    path="tenants",
    id_prefix="Tenants",
    model=Tenant,
    table=schema.tenants,
    rights=Rights(Permission.TENANT_VIEW, Permission.TENANT_CREATE, Permission.TENANT_EDIT, Permission.TENANT_DELETE),
    links={"Self": "{self}", "Variables": "{self}/variables"},
    sight={"tenant": named_in(schema.tenants.c.id)},
    filters={"tags": _with_tags, "projectid": _of_projects},
    list_parameters="skip,projectId,name,tags,take,ids,clone,partialName,isDisabled,clonedFromTenantId",
)
