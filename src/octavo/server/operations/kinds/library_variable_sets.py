"""Library variable sets: variables that several projects include. Script modules are sets of a special content."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.server.domain.permissions import Permission
from octavo.server.operations.context import OperationContext
from octavo.server.operations.documents import Document, Json
from octavo.server.operations.kinds.shared_parts import TemplateParameter
from octavo.server.operations.resource_kinds import Change, ResourceKind, Rights
from octavo.server.store import project_schema
from octavo.server.store.resources import Query, list_documents
from octavo.server.store.variable_sets import (
    StoredVariableSet,
    delete_variable_sets,
    insert_variable_set,
    variable_set_id,
)


class LibraryVariableSet(Document):
    """API: resources, section 13."""

    noun: ClassVar[str] = "library variable set"

    name: str
    slug: str = ""
    description: str | None = None
    content_type: Literal["Variables", "ScriptModule"] = "Variables"
    templates: list[TemplateParameter] = []


async def _before_save(change: Change) -> None:
    if change.old:
        change.new["ContentType"] = change.old["ContentType"]
    change.columns["content_type"] = change.new["ContentType"]


async def _after_save(change: Change) -> None:
    if change.is_new:
        empty = StoredVariableSet(
            variable_set_id(change.resource_id), change.space_id, change.resource_id, 0, False, {"Variables": []}
        )
        await insert_variable_set(change.connection, empty)


async def _before_delete(_: OperationContext, connection: AsyncConnection, library_set: Json) -> None:
    projects = (await list_documents(connection, project_schema.projects, Query(library_set["SpaceId"]))).documents
    users = [project.name for project in projects if library_set["Id"] in project.doc["IncludedLibraryVariableSetIds"]]
    if users:
        raise Invalid(f"{library_set['Name']} is included by {', '.join(users)}. Exclude it there first.")
    await delete_variable_sets(connection, library_set["Id"])


def _computed(library_set: Json, _: Mapping[str, Any]) -> Json:
    return {"VariableSetId": variable_set_id(library_set["Id"])}


LIBRARY_VARIABLE_SETS = ResourceKind(
    item_type="LibraryVariableSet",
    path="libraryvariablesets",
    id_prefix="LibraryVariableSets",
    model=LibraryVariableSet,
    table=project_schema.library_variable_sets,
    rights=Rights(
        Permission.LIBRARY_VARIABLE_SET_VIEW,
        Permission.LIBRARY_VARIABLE_SET_CREATE,
        Permission.LIBRARY_VARIABLE_SET_EDIT,
        Permission.LIBRARY_VARIABLE_SET_DELETE,
    ),
    links={"Self": "{self}", "Variables": "{root}/variables/variableset-{id}"},
    list_parameters="skip,contentType,take,ids,partialName",
    filters={"contenttype": lambda types: project_schema.library_variable_sets.c.content_type.in_(list(types))},
    computed=_computed,
    computed_names=frozenset({"variablesetid"}),
    before_save=_before_save,
    after_save=_after_save,
    before_delete=_before_delete,
    root_link="LibraryVariables",
)
