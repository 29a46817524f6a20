"""What tenants give to the templates of their projects and library sets; what is missing; which tags they have.

Source: resources.md §15; endpoints.md §10.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.base.sensitive import Sensitive
from octavo.server.domain.permissions import Permission, Scope
from octavo.server.operations.audit import record
from octavo.server.operations.context import OperationContext, guard, require, require_sight
from octavo.server.operations.documents import Json
from octavo.server.operations.requests import Members
from octavo.server.operations.sight import named_in, within_sight
from octavo.server.operations.variable_sets import variable_place
from octavo.server.store.project_schema import library_variable_sets, projects
from octavo.server.store.resources import Document, Query, find_document, get_document, list_documents
from octavo.server.store.schema import tenants
from octavo.server.store.variable_sets import TenantValue, list_tenant_values, replace_tenant_values

_HIDDEN: Mapping[str, Any] = {"HasValue": True, "NewValue": None, "Hint": None}


def seen_tenants(context: OperationContext) -> Sequence[ColumnElement[bool]]:
    """The limits of what tenants the caller may see."""
    seen = within_sight(context, Permission.TENANT_VIEW, {"tenant": named_in(tenants.c.id)})
    return () if seen is None else (seen,)


async def read_tenant_variables(context: OperationContext, tenant_id: str) -> Json:
    """The tenant's templates by library set and project, with the values it has given.

    Raises:
        NotFound: there is no such tenant in this space.
    """
    require_sight(context, Permission.TENANT_VIEW, Scope(tenant_id=tenant_id))
    async with context.store.reading() as connection:
        tenant = await get_document(connection, tenants, tenant_id, context.space_id)
        return await _shown(connection, tenant)


async def read_all_tenant_variables(context: OperationContext, project_id: str | None) -> list[Json]:
    """The same for every tenant of the space, or of a project."""
    require(context, Permission.TENANT_VIEW)
    async with context.store.reading() as connection:
        found = (
            await list_documents(connection, tenants, Query(context.space_id, conditions=seen_tenants(context)))
        ).documents
        return [
            await _shown(connection, tenant)
            for tenant in found
            if not project_id or project_id in tenant.doc.get("ProjectEnvironments", {})
        ]


async def modify_tenant_variables(context: OperationContext, tenant_id: str, data: object) -> Json:
    """Store the values of a whole document; secrets that it leaves empty stay.

    Raises:
        NotFound: there is no such tenant in this space.
    """
    guard(context, Permission.TENANT_EDIT, Scope(tenant_id=tenant_id), sight=Permission.TENANT_VIEW)
    members = Members(data)
    async with context.store.writing() as connection:
        tenant = await get_document(connection, tenants, tenant_id, context.space_id)
        known = await list_tenant_values(connection, tenant.id)
        libraries, owned = await _owners(connection, tenant)
        values: list[TenantValue] = []
        for owner in (*libraries, *owned):
            is_project = owner in owned
            block = (members.mapping("ProjectVariables" if is_project else "LibraryVariables")).get(owner.id) or {}
            given = block.get("Variables") or {}
            by_place = given.items() if is_project else [("", given)]
            for environment_id, by_template in by_place:
                for template_id, value in (by_template or {}).items():
                    place = (environment_id,) if environment_id else ()
                    made = _value(context, tenant, owner, str(template_id), place, value, known)
                    values += [made] if made else []
        ids = [owner.id for owner in (*libraries, *owned)]
        await replace_tenant_values(connection, tenant.id, ids, values)
        message = f"Variables of the tenant {tenant.name} were modified"
        await record(context, connection, "Modified", message, related=[tenant.id], space_id=tenant.space_id)
        return await _shown(connection, tenant)


async def read_scoped_variables(context: OperationContext, tenant_id: str, *, of_projects: bool) -> Json:
    """The tenant's values of project templates, or of library templates, one by one; and those that are missing."""
    require_sight(context, Permission.TENANT_VIEW, Scope(tenant_id=tenant_id))
    async with context.store.reading() as connection:
        tenant = await get_document(connection, tenants, tenant_id, context.space_id)
        libraries, owned = await _owners(connection, tenant)
        values = await list_tenant_values(connection, tenant.id)
    owners = owned if of_projects else libraries
    found = [
        {
            "Id": value.id,
            **_owner_members(owner, of_projects=of_projects),
            "TemplateId": value.template_id,
            "Template": template,
            "Value": _HIDDEN if value.is_sensitive else value.value,
            "Scope": {"EnvironmentIds": list(value.environment_ids)},
        }
        for owner in owners
        for template in owner.doc.get("Templates", [])
        for value in values
        if value.owner_id == owner.id and value.template_id == template["Id"]
    ]
    missing = [
        {
            **_owner_members(owner, of_projects=of_projects),
            "TemplateId": template["Id"],
            "Template": template,
            "Scope": {"EnvironmentIds": [environment_id] if environment_id else []},
        }
        for owner, template, environment_id in _missing(tenant, owners, values, of_projects=of_projects)
    ]
    return {"TenantId": tenant.id, "Variables": found, "MissingVariables": missing}


async def modify_scoped_variables(
    context: OperationContext, tenant_id: str, data: object, *, of_projects: bool
) -> Json:
    """Store such values: a bare list, or an object with `Variables`.

    Raises:
        NotFound: there is no such tenant in this space.
        Invalid: the list is none.
    """
    guard(context, Permission.TENANT_EDIT, Scope(tenant_id=tenant_id), sight=Permission.TENANT_VIEW)
    given = data if isinstance(data, list) else Members(data).value("Variables") or []
    if not isinstance(given, list):
        raise Invalid("Variables must be a list.")
    async with context.store.writing() as connection:
        tenant = await get_document(connection, tenants, tenant_id, context.space_id)
        libraries, owned = await _owners(connection, tenant)
        owners = {owner.id: owner for owner in (owned if of_projects else libraries)}
        known = await list_tenant_values(connection, tenant.id)
        values = []
        for each in given:
            members = Members(each)
            owner = owners.get(members.text("ProjectId" if of_projects else "LibraryVariableSetId"))
            if owner is None:
                raise Invalid("A variable names a project or library set that is not the tenant's.")
            places = tuple(Members(members.mapping("Scope")).texts("EnvironmentIds"))
            template_id, value = members.text("TemplateId"), members.value("Value")
            made = _value(context, tenant, owner, template_id, places, value, known)
            values += [made] if made else []
        await replace_tenant_values(connection, tenant.id, list(owners), values)
    return await read_scoped_variables(context, tenant_id, of_projects=of_projects)


async def list_missing(
    context: OperationContext, tenant_id: str | None, project_id: str | None, environment_id: str | None
) -> list[Json]:
    """For each tenant the values that its projects' deployments would lack."""
    require(context, Permission.TENANT_VIEW)
    answer = []
    async with context.store.reading() as connection:
        query = Query(context.space_id, [tenant_id] if tenant_id else None, conditions=seen_tenants(context))
        for tenant in (await list_documents(connection, tenants, query)).documents:
            libraries, owned = await _owners(connection, tenant)
            values = await list_tenant_values(connection, tenant.id)
            lacking = [
                *_missing(tenant, libraries, values, of_projects=False),
                *_missing(tenant, owned, values, of_projects=True),
            ]
            shown = [
                {
                    **_owner_members(owner, of_projects=owner in owned),
                    "EnvironmentId": place or None,
                    "VariableTemplateId": template["Id"],
                    "VariableTemplateName": template["Name"],
                }
                for owner, template, place in lacking
                if (not project_id or owner.id == project_id) and (not environment_id or place in ("", environment_id))
            ]
            if shown:
                answer.append({"TenantId": tenant.id, "MissingVariables": shown})
    return answer


async def match_tags(context: OperationContext, tenant_ids: Sequence[str], tags: Sequence[str]) -> Json:
    """For each tenant whether it has one of the tags of each set."""
    require(context, Permission.TENANT_VIEW)
    async with context.store.reading() as connection:
        found = (
            await list_documents(
                connection, tenants, Query(context.space_id, tenant_ids, conditions=seen_tenants(context))
            )
        ).documents
    sets: dict[str, list[str]] = {}
    for tag in tags:
        sets.setdefault(tag.partition("/")[0].casefold(), []).append(tag)
    answer: Json = {}
    for tenant in found:
        mine = {tag.casefold() for tag in tenant.doc.get("TenantTags", [])}
        missing = [tag for group in sets.values() if not mine & {each.casefold() for each in group} for tag in group]
        reason = f"{tenant.name} has none of {', '.join(missing)}" if missing else ""
        answer[tenant.id] = {"IsMatched": not missing, "Reason": reason, "MissingTags": missing}
    return answer


async def _owners(connection: AsyncConnection, tenant: Document) -> tuple[list[Document], list[Document]]:
    """The library sets with templates that the tenant's projects include, and its projects."""
    owned, libraries = [], dict[str, Document]()
    for project_id in tenant.doc.get("ProjectEnvironments", {}):
        project = await find_document(connection, projects, project_id, tenant.space_id)
        if project is None:
            continue
        owned.append(project)
        for set_id in project.doc.get("IncludedLibraryVariableSetIds", []):
            library = await find_document(connection, library_variable_sets, set_id, tenant.space_id)
            if library is not None and library.doc.get("Templates"):
                libraries[library.id] = library
    return list(libraries.values()), owned


async def _shown(connection: AsyncConnection, tenant: Document) -> Json:
    libraries, owned = await _owners(connection, tenant)
    values = await list_tenant_values(connection, tenant.id)

    def given(owner: Document, environment_id: str) -> dict[str, Any]:
        return {
            value.template_id: _HIDDEN if value.is_sensitive else value.value
            for value in values
            if value.owner_id == owner.id
            and (environment_id in value.environment_ids if environment_id else not value.environment_ids)
        }

    root = f"/api/{tenant.space_id}"
    places = tenant.doc.get("ProjectEnvironments", {})
    return {
        "TenantId": tenant.id,
        "TenantName": tenant.name,
        "SpaceId": tenant.space_id,
        "LibraryVariables": {
            owner.id: {
                "LibraryVariableSetId": owner.id,
                "LibraryVariableSetName": owner.name,
                "Templates": owner.doc.get("Templates", []),
                "Variables": given(owner, ""),
                "Links": {"LibraryVariableSet": f"{root}/libraryvariablesets/{owner.id}"},
            }
            for owner in libraries
        },
        "ProjectVariables": {
            owner.id: {
                "ProjectId": owner.id,
                "ProjectName": owner.name,
                "Templates": owner.doc.get("Templates", []),
                "Variables": {place: given(owner, place) for place in places.get(owner.id, [])},
                "Links": {"Project": f"{root}/projects/{owner.id}"},
            }
            for owner in owned
        },
        "Links": {"Self": f"{root}/tenants/{tenant.id}/variables"},
    }


def _missing(
    tenant: Document, owners: Iterable[Document], values: Sequence[TenantValue], *, of_projects: bool
) -> list[tuple[Document, Mapping[str, Any], str]]:
    """Templates without a default to which the tenant has given no value, by environment for projects."""
    places = tenant.doc.get("ProjectEnvironments", {})
    return [
        (owner, template, environment_id)
        for owner in owners
        for template in owner.doc.get("Templates", [])
        for environment_id in (places.get(owner.id, []) if of_projects else [""])
        if not template.get("DefaultValue")
        and not any(
            value.owner_id == owner.id
            and value.template_id == template["Id"]
            and (not value.environment_ids or environment_id in value.environment_ids)
            for value in values
        )
    ]


def _owner_members(owner: Document, *, of_projects: bool) -> Json:
    if of_projects:
        return {"ProjectId": owner.id, "ProjectName": owner.name}
    return {"LibraryVariableSetId": owner.id, "LibraryVariableSetName": owner.name}


def _value(  # noqa: PLR0917 - one value and everything that it belongs to
    context: OperationContext,
    tenant: Document,
    owner: Document,
    template_id: str,
    environment_ids: tuple[str, ...],
    value: object,
    known: Sequence[TenantValue],
) -> TenantValue | None:
    """The value to store; None where none is given."""
    before = next(
        (
            each
            for each in known
            if (each.owner_id, each.template_id, each.environment_ids) == (owner.id, template_id, environment_ids)
        ),
        None,
    )
    value_id = before.id if before else str(uuid.uuid4())
    is_sensitive = isinstance(value, dict)
    text = value.get("NewValue") if isinstance(value, dict) else value
    if isinstance(value, dict) and not text and value.get("HasValue") and before is not None:
        return before
    if text is None or text == "":
        return None
    stored = str(text)
    if is_sensitive:
        stored = context.vault.seal(Sensitive(stored), variable_place(value_id))
    return TenantValue(
        value_id, tenant.space_id, tenant.id, owner.id, template_id, environment_ids, stored, is_sensitive
    )
