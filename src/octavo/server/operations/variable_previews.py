"""Which values a deployment would get, and why: before there is any. Source: endpoints.md §5; resources.md §13."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.server.domain.permissions import Permission, Scope
from octavo.server.domain.variable_scopes import Situation, Variable, choose_variables, explain_choice
from octavo.server.operations.context import OperationContext, require_sight
from octavo.server.operations.documents import Json
from octavo.server.operations.named_resources import get_named
from octavo.server.operations.variable_sets import shown_variable, variables_of
from octavo.server.store.project_schema import projects
from octavo.server.store.resources import Document, find_document
from octavo.server.store.schema import machines, tenants
from octavo.server.store.variable_sets import get_variable_set, variable_set_id


@dataclass(frozen=True, slots=True)
class PreviewRequest:
    """Where a value is wanted, by ids; "" and empty: not said."""

    project: str
    environment: str = ""
    channel: str = ""
    tenant: str = ""
    action: str = ""
    machine: str = ""
    roles: Sequence[str] = ()
    runbook: str = ""


async def read_names(context: OperationContext, project_key: str) -> list[str]:
    """The names of the variables that the project has, its own and those of its library sets, sorted.

    Raises:
        Invalid: there is no such project.
        NotFound: the caller may not see it.
    """
    async with context.store.reading() as connection:
        project = await _project(context, connection, project_key)
        found = await _all_of(connection, project)
    names = {variable.name.casefold(): variable.name for _, _, variable in reversed(found)}
    return [names[key] for key in sorted(names)]


async def preview_variables(context: OperationContext, wanted: PreviewRequest) -> Json:
    """The value of each variable that would hold there; `Candidates` (ours) says of every value why, or why not.

    Raises:
        Invalid, NotFound: as `read_names`.
    """
    async with context.store.reading() as connection:
        project = await _project(context, connection, wanted.project)
        found = await _all_of(connection, project)
        situation = await _situation(connection, context.space_id, project, wanted)
    variables = [variable for _, _, variable in found]
    documents = {variable.id: (set_id, document) for set_id, document, variable in found}
    chosen = choose_variables(variables, situation)
    shown = []
    for key in sorted(chosen):
        set_id, document = documents[chosen[key].id]
        candidates = [
            {
                "Id": each.variable.id,
                "VariableSetId": documents[each.variable.id][0],
                "Scope": documents[each.variable.id][1].get("Scope", {}),
                "IsChosen": each.is_chosen,
                "Reason": each.reason,
            }
            for each in explain_choice(variables, chosen[key].name, situation)
        ]
        shown.append({**shown_variable(document), "VariableSetId": set_id, "Candidates": candidates})
    own = variable_set_id(project.id)
    return {
        "Id": own,
        "SpaceId": project.space_id,
        "OwnerId": project.id,
        "Variables": shown,
        "ScopeValues": {},
        "Links": {"Self": f"/api/{project.space_id}/variables/preview"},
    }


async def _project(context: OperationContext, connection: AsyncConnection, key: str) -> Document:
    project = await get_named(connection, projects, context.space_id, key)
    require_sight(context, Permission.VARIABLE_VIEW, Scope(project.id))
    return project


async def _all_of(connection: AsyncConnection, project: Document) -> list[tuple[str, Mapping[str, Any], Variable]]:
    """Set, document and variable of each value: the project's before those of its library sets."""
    found: list[tuple[str, Mapping[str, Any], Variable]] = []
    for owner_id in (project.id, *project.doc.get("IncludedLibraryVariableSetIds", ())):
        stored = await get_variable_set(connection, variable_set_id(owner_id))
        documents = {document["Id"]: document for document in stored.doc.get("Variables", ())}
        found += [(stored.id, documents[variable.id], variable) for variable in variables_of(stored)]
    return found


async def _situation(
    connection: AsyncConnection, space_id: str, project: Document, wanted: PreviewRequest
) -> Situation:
    machine = await find_document(connection, machines, wanted.machine, space_id) if wanted.machine else None
    tenant = await find_document(connection, tenants, wanted.tenant, space_id) if wanted.tenant else None
    roles = machine.doc.get("Roles", ()) if machine else wanted.roles
    return Situation(
        environment_id=wanted.environment,
        machine_id=wanted.machine,
        roles=frozenset(roles),
        action_id=wanted.action,
        channel_id=wanted.channel,
        tenant_tags=frozenset(tenant.doc.get("TenantTags", ())) if tenant else frozenset(),
        process_owner_id=wanted.runbook or project.id,
    )
