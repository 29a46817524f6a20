"""Accounts: credentials that steps use, kept sealed and never shown."""

from typing import Any, ClassVar, Literal

from octavo.server.domain.permissions import Permission
from octavo.server.operations.documents import Document, SensitiveValue
from octavo.server.operations.kinds.shared_parts import TenantedMode
from octavo.server.operations.references import existing_ids
from octavo.server.operations.resource_kinds import Change, ResourceKind, Rights
from octavo.server.store import project_schema, schema

AccountType = Literal[
    "UsernamePassword",
    "Token",
    "SshKeyPair",
    "AmazonWebServicesAccount",
    "AmazonWebServicesOidcAccount",
    "GoogleCloudAccount",
    "AzureServicePrincipal",
    "AzureSubscription",
    "AzureOidc",
    "GenericOidcAccount",
]


class Account(Document):
    """API: resources, section 15. Which members count depends on the type; the rest stay empty."""

    noun: ClassVar[str] = "account"

    name: str
    slug: str = ""
    description: str | None = None
    account_type: AccountType
    environment_ids: list[str] = []
    tenant_ids: list[str] = []
    tenant_tags: list[str] = []
    tenanted_deployment_participation: TenantedMode = "Untenanted"
    password: SensitiveValue = SensitiveValue()
    token: SensitiveValue = SensitiveValue()
    private_key_file: SensitiveValue = SensitiveValue()
    private_key_passphrase: SensitiveValue = SensitiveValue()
    secret_key: SensitiveValue = SensitiveValue()
    json_key: SensitiveValue = SensitiveValue()


async def _before_save(change: Change) -> None:
    if change.old:
        change.new["AccountType"] = change.old["AccountType"]
    change.columns["account_type"] = change.new["AccountType"]
    change.new["EnvironmentIds"] = await existing_ids(
        change.connection, schema.environments, change.space_id, change.new["EnvironmentIds"], "environment"
    )


def _of_types(types: Any) -> Any:
    return project_schema.accounts.c.account_type.in_(list(types))


ACCOUNTS = ResourceKind(
    item_type="Account",
    path="accounts",
    id_prefix="Accounts",
    model=Account,
    table=project_schema.accounts,
    rights=Rights(
        Permission.ACCOUNT_VIEW, Permission.ACCOUNT_CREATE, Permission.ACCOUNT_EDIT, Permission.ACCOUNT_DELETE
    ),
    links={"Self": "{self}"},
    list_parameters="skip,take,ids,partialName,accountType",
    filters={"accounttype": _of_types},
    secrets=("Password", "Token", "PrivateKeyFile", "PrivateKeyPassphrase", "SecretKey", "JsonKey"),
    before_save=_before_save,
)
