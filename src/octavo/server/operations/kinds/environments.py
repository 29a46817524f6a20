"""Environments: what deployment targets belong to, in the order work moves through them."""

from typing import Any, ClassVar

from octavo.server.domain.permissions import Permission
from octavo.server.operations.documents import Document, Json
from octavo.server.operations.resource_kinds import ResourceKind, Rights
from octavo.server.operations.sight import named_in
from octavo.server.store import schema


class ExtensionSettings(Document):
    """What an extension keeps on an environment."""

    extension_id: str = ""
    values: Any = None


class Environment(Document):
    """API: resources, section 5."""

    noun: ClassVar[str] = "environment"

    name: str
    slug: str = ""
    description: str | None = None
    use_guided_failure: bool = False
    allow_dynamic_infrastructure: bool = False
    extension_settings: list[ExtensionSettings] = []
    environment_tags: list[str] = []


def as_environment_v2(environment: Json) -> Json:
    """The newer shape: the same with a type. All ours are static."""
    return {**environment, "Type": "Static"}


ENVIRONMENTS = ResourceKind(
    item_type="Environment",
    path="environments",
    id_prefix="Environments",
    model=Environment,
    table=schema.environments,
    rights=Rights(
        Permission.ENVIRONMENT_VIEW,
        Permission.ENVIRONMENT_CREATE,
        Permission.ENVIRONMENT_EDIT,
        Permission.ENVIRONMENT_DELETE,
    ),
    links={
        "Self": "{self}",
        "Machines": "{self}/machines{?skip,take,partialName,roles,isDisabled,healthStatuses,commStyles,tenantIds,"
        "tenantTags,shellNames,deploymentTargetTypes}",
        "SinglyScopedVariableDetails": "{self}/singlyScopedVariableDetails",
    },
    sight={"environment": named_in(schema.environments.c.id)},
    is_sorted=True,
    name_limit=50,
    list_parameters="name,skip,ids,take,partialName",
)
