"""Variables of projects and library sets: read and change, secrets sealed; and as the planner and the engine read them.

Source: resources.md §13; conventions.md §8 (sensitive values).
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Conflict, Invalid
from octavo.base.sensitive import Sensitive
from octavo.server.domain.permissions import Permission, Scope
from octavo.server.domain.processes import steps_of
from octavo.server.domain.variable_scopes import Dimension, Variable
from octavo.server.domain.vault import Vault, place
from octavo.server.operations.audit import record_change
from octavo.server.operations.context import OperationContext, guard, require, require_sight
from octavo.server.operations.documents import Json
from octavo.server.operations.sight import AboutOneOf, named_in, within_sight
from octavo.server.store.processes import find_process
from octavo.server.store.project_schema import channels, library_variable_sets, projects, runbooks
from octavo.server.store.resources import Query, find_document, list_documents
from octavo.server.store.schema import environments, machine_environments, machines, tag_sets
from octavo.server.store.variable_sets import (
    StoredVariableSet,
    get_variable_set,
    list_tenant_values,
    list_variable_sets,
    update_variable_set,
)

_DEFAULTS: Mapping[str, Any] = {
    "Value": None,
    "Description": "",
    "Type": "String",
    "IsSensitive": False,
    "IsEditable": True,
    "Prompt": None,
    "Scope": {},
}


def variables_of(stored: StoredVariableSet) -> list[Variable]:
    """The set's values, sensitive ones sealed."""
    return [_as_variable(variable) for variable in stored.doc.get("Variables", ())]


def variable_place(variable_id: str) -> str:
    """Where a variable's secret is sealed: wherever its set is copied."""
    return place("variables", variable_id, "Value")


def _rights_of(stored: StoredVariableSet) -> tuple[Permission, Permission, Scope]:
    """What one needs to see and to change a set, and what it is about: a project's, or a library's."""
    if stored.owner_id.startswith("LibraryVariableSets-"):
        return Permission.LIBRARY_VARIABLE_SET_VIEW, Permission.LIBRARY_VARIABLE_SET_EDIT, Scope()
    return Permission.VARIABLE_VIEW, Permission.VARIABLE_EDIT, Scope(stored.owner_id)


async def read_variable_set(context: OperationContext, set_id: str) -> Json:
    """A live set or a frozen one, with everything its variables may be scoped to.

    Raises:
        NotFound: there is none in this space.
    """
    async with context.store.reading() as connection:
        stored = await get_variable_set(connection, set_id, context.space_id)
        view, _, scope = _rights_of(stored)
        require_sight(context, view, scope)
        return _shown(stored, await _scope_values(context, connection, stored))


async def read_variable_sets(context: OperationContext, ids: Sequence[str] | None) -> list[Json]:
    """The live sets of the space, or those with these ids."""
    require(context, Permission.VARIABLE_VIEW)
    async with context.store.reading() as connection:
        found = [
            stored
            for stored in await list_variable_sets(connection, context.space_id, ids)
            if context.caller.rights.allow(_rights_of(stored)[0], context.space_id, _rights_of(stored)[2])
        ]
        return [_shown(stored, await _scope_values(context, connection, stored)) for stored in found]


async def modify_variable_set(context: OperationContext, set_id: str, data: object) -> Json:
    """Replace the variables of a live set and return it with its next version.

    Raises:
        NotFound: there is none in this space.
        Conflict: `data` has the number of an older version.
        Invalid: it is frozen, or `data` cannot be a set of variables.
    """
    if not isinstance(data, dict):
        raise Invalid("The body must be a JSON object that describes a variable set.")
    async with context.store.writing() as connection:
        before = await get_variable_set(connection, set_id, context.space_id)
        view, edit, scope = _rights_of(before)
        guard(context, edit, scope, sight=view)
        if before.is_snapshot:
            raise Invalid(f"{before.id} is a frozen copy and never changes. Change the live set.")
        sent = data.get("Version")
        if sent is not None and sent != before.version:
            raise Conflict(
                f"These variables were changed meanwhile: they have version {before.version}, yours {sent}. "
                "Read them again and repeat your change."
            )
        variables = _stored_variables(data.get("Variables"), before, context.vault)
        after = await update_variable_set(connection, replace(before, doc={**before.doc, "Variables": variables}))
        shown = _shown(after, await _scope_values(context, connection, after))
        subject = {"Name": f"of {before.owner_id}"}
        await record_change(
            context,
            connection,
            "variable set",
            "Modified",
            before={**_shown(before, {}), **subject},
            after={**shown, **subject, "ScopeValues": {}},
        )
    return shown


async def tenant_values(
    connection: AsyncConnection,
    tenant_id: str,
    owners: Mapping[str, Sequence[Mapping[str, Any]]],
    environment_id: str,
) -> list[Variable]:
    """What a tenant's templates give in an environment: its own value, else the template's default.

    `owners` has the templates by the id of their project or library set. A sensitive value is sealed at the id of the
    tenant's value.
    """
    given = await list_tenant_values(connection, tenant_id)
    found = []
    for owner_id, templates in owners.items():
        for template in templates:
            mine = [
                value
                for value in given
                if value.owner_id == owner_id
                and value.template_id == template["Id"]
                and (not value.environment_ids or environment_id in value.environment_ids)
            ]
            if mine:
                found.append(Variable(mine[0].id, template["Name"], mine[0].value, is_sensitive=mine[0].is_sensitive))
            elif isinstance(template.get("DefaultValue"), str):
                found.append(Variable(template["Id"], template["Name"], template["DefaultValue"]))
    return found


def _as_variable(document: Mapping[str, Any]) -> Variable:
    scope = {
        dimension: frozenset(document["Scope"][dimension.value])
        for dimension in Dimension
        if document["Scope"].get(dimension.value)
    }
    return Variable(
        document["Id"],
        document["Name"],
        document["Value"],
        document["Type"],
        bool(document["IsSensitive"]),
        scope,
        document["Prompt"],
        document["Description"],
    )


def _stored_variables(given: object, before: StoredVariableSet, vault: Vault) -> list[Json]:
    if given is None:
        given = []
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise Invalid("Variables must be a list of objects.")
    known = {variable["Id"]: variable for variable in before.doc.get("Variables", ())}
    return [_stored_variable(variable, known, vault) for variable in given]


def _stored_variable(given: Mapping[str, Any], known: Mapping[str, Json], vault: Vault) -> Json:
    name = str(given.get("Name") or "").strip()
    if not name:
        raise Invalid("Every variable needs a Name.")
    variable: Json = {**_DEFAULTS, **{key: value for key, value in given.items() if value is not None}, "Name": name}
    variable["Id"] = given.get("Id") or str(uuid.uuid4())
    variable["Scope"] = _scope(given.get("Scope"), name)
    is_sensitive = bool(variable["IsSensitive"]) or variable["Type"] == "Sensitive"
    variable["IsSensitive"] = is_sensitive
    if is_sensitive:
        variable["Type"] = "Sensitive"
    value = variable["Value"]
    if isinstance(value, dict):  # a sensitive value as an object
        value = value.get("NewValue")
    if value is not None and not isinstance(value, str):
        raise Invalid(f"The value of the variable '{name}' must be a text.")
    if not is_sensitive:
        variable["Value"] = value
    elif value:
        variable["Value"] = vault.seal(Sensitive(value), variable_place(variable["Id"]))
    else:
        kept = known.get(variable["Id"])
        variable["Value"] = kept["Value"] if kept and kept["IsSensitive"] else None
    return variable


def _scope(given: object, name: str) -> dict[str, list[str]]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise Invalid(f"The Scope of the variable '{name}' must be an object.")
    scope = {}
    for key, value in given.items():
        values = [value] if isinstance(value, str) else list(value or ())
        if values:
            scope[str(key)] = [str(each) for each in values]
    return scope


def _shown(stored: StoredVariableSet, scope_values: Json) -> Json:
    return {
        "Id": stored.id,
        "SpaceId": stored.space_id,
        "OwnerId": stored.owner_id,
        "Version": stored.version,
        "Variables": [shown_variable(variable) for variable in stored.doc.get("Variables", ())],
        "ScopeValues": scope_values,
        "Links": {"Self": f"/api/{stored.space_id}/variables/{stored.id}"},
    }


def shown_variable(variable: Mapping[str, Any]) -> Json:
    """The variable as the API shows it: a secret has no value."""
    return {**variable, "Value": None} if variable["IsSensitive"] else dict(variable)


async def _scope_values(context: OperationContext, connection: AsyncConnection, stored: StoredVariableSet) -> Json:
    """Everything that a variable of this owner may be scoped to, by kind, with ids and names."""

    async def all_of(table: Any, *conditions: Any) -> list[Json]:
        found = (await list_documents(connection, table, Query(stored.space_id, conditions=conditions))).documents
        return [{"Id": document.id, "Name": document.name} for document in found]

    def seen(permission: Permission, environment: AboutOneOf) -> list[ColumnElement[bool]]:
        condition = within_sight(context, permission, {"environment": environment})
        return [] if condition is None else [condition]

    mine = seen(Permission.MACHINE_VIEW, _in_environments)
    targets = (await list_documents(connection, machines, Query(stored.space_id, conditions=mine))).documents
    sets = (await list_documents(connection, tag_sets, Query(stored.space_id))).documents
    roles = sorted({str(role) for target in targets for role in target.doc.get("Roles", ())})
    tags = [f"{each.name}/{tag['Name']}" for each in sets for tag in each.doc.get("Tags", ())]
    values: Json = {
        "Environments": await all_of(environments, *seen(Permission.ENVIRONMENT_VIEW, named_in(environments.c.id))),
        "Machines": [{"Id": target.id, "Name": target.name} for target in targets],
        "Roles": [{"Id": role, "Name": role} for role in roles],
        "TenantTags": [{"Id": tag, "Name": tag} for tag in tags],
        "Actions": [],
        "Channels": [],
        "Processes": [],
    }
    project = await find_document(connection, projects, stored.owner_id, stored.space_id)
    if project is None:
        is_library = await find_document(connection, library_variable_sets, stored.owner_id, stored.space_id)
        return values if is_library else {name: [] for name in values}
    process = await find_process(connection, f"deploymentprocess-{project.id}")
    steps = steps_of(process.doc) if process else ()
    values["Actions"] = [{"Id": action.id, "Name": action.name} for step in steps for action in step.actions]
    values["Channels"] = await all_of(channels, channels.c.project_id == project.id)
    books = await all_of(runbooks, runbooks.c.project_id == project.id)
    values["Processes"] = [
        {"Id": project.id, "Name": project.name, "ProcessType": "Deployment"},
        *({**book, "ProcessType": "Runbook"} for book in books),
    ]
    return values


def _in_environments(ids: Collection[str]) -> ColumnElement[bool]:
    links = select(machine_environments.c.machine_id).where(machine_environments.c.environment_id.in_(list(ids)))
    return machines.c.id.in_(links)
