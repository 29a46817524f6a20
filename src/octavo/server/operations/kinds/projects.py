"""Projects: what is deployed, by which process, with which variables, through which lifecycle."""

from collections.abc import Mapping
from typing import Any, ClassVar

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.server.domain.permissions import Permission
from octavo.server.domain.tasks import FINAL_STATES, TaskState
from octavo.server.operations.context import OperationContext
from octavo.server.operations.documents import Document, Json
from octavo.server.operations.kinds.channels import CHANNELS
from octavo.server.operations.kinds.shared_parts import (
    ConnectivityPolicy,
    GuidedFailureMode,
    TemplateParameter,
    TenantedMode,
)
from octavo.server.operations.references import existing_id, existing_ids
from octavo.server.operations.resource_kinds import Change, ResourceKind, Rights
from octavo.server.operations.resources import create_within
from octavo.server.operations.sight import named_in
from octavo.server.store import project_schema, schema
from octavo.server.store.processes import StoredProcess, deployment_process_id, insert_process
from octavo.server.store.tasks import TaskQuery, list_tasks
from octavo.server.store.variable_sets import (
    StoredVariableSet,
    delete_variable_sets,
    insert_variable_set,
    variable_set_id,
)

DEFAULT_VERSION_TEMPLATE = "#{Octopus.Version.LastMajor}.#{Octopus.Version.LastMinor}.#{Octopus.Version.NextPatch}"


class DonorPackage(Document):
    """The package whose version a release takes."""

    deployment_action: str = ""
    package_reference: str | None = None


class VersioningStrategy(Document):
    """How the next release is numbered: by a template, or like a package."""

    template: str | None = DEFAULT_VERSION_TEMPLATE
    donor_package: DonorPackage | None = None
    donor_package_step_id: str | None = None


class ReleaseCreationStrategy(Document):
    """When releases are made by themselves."""

    channel_id: str | None = None
    release_creation_package: DonorPackage | None = None
    release_creation_package_step_id: str | None = None


class PersistenceSettings(Document):
    """Where the project's process is kept: here, in the database."""

    type: str = "Database"


class Project(Document):
    """API: resources, section 8."""

    noun: ClassVar[str] = "project"

    name: str
    slug: str = ""
    description: str | None = None
    is_disabled: bool = False
    project_group_id: str
    lifecycle_id: str
    included_library_variable_set_ids: list[str] = []
    tenanted_deployment_mode: TenantedMode = "Untenanted"
    versioning_strategy: VersioningStrategy = VersioningStrategy()
    persistence_settings: PersistenceSettings = PersistenceSettings()
    default_guided_failure_mode: GuidedFailureMode = "EnvironmentDefault"
    project_connectivity_policy: ConnectivityPolicy = ConnectivityPolicy()
    release_creation_strategy: ReleaseCreationStrategy = ReleaseCreationStrategy()
    auto_create_release: bool = False
    discrete_channel_release: bool = False
    default_to_skip_if_already_installed: bool = False
    force_package_download: bool = False
    combine_health_and_sync_status_in_dashboard_live_status: bool = False
    allow_ignore_channel_rules: bool = True
    release_notes_template: str | None = None
    deployment_changes_template: str | None = None
    templates: list[TemplateParameter] = []
    project_tags: list[str] = []
    auto_deploy_release_overrides: list[Any] = []
    extension_settings: list[Any] = []


async def _before_save(change: Change) -> None:
    if change.new["PersistenceSettings"]["Type"] != "Database":
        raise Invalid("Projects in Git are not supported: leave PersistenceSettings out, or use the type Database.")
    connection, space_id = change.connection, change.space_id
    group = await existing_id(
        connection, schema.project_groups, space_id, change.new["ProjectGroupId"], "project group"
    )
    lifecycle = await existing_id(connection, schema.lifecycles, space_id, change.new["LifecycleId"], "lifecycle")
    if not group or not lifecycle:
        raise Invalid("A project needs a ProjectGroupId and a LifecycleId.")
    sets = change.new["IncludedLibraryVariableSetIds"]
    library = project_schema.library_variable_sets
    change.new.update(
        {
            "ProjectGroupId": group,
            "LifecycleId": lifecycle,
            "IncludedLibraryVariableSetIds": await existing_ids(
                connection, library, space_id, sets, "library variable set"
            ),
        }
    )
    change.columns.update(
        {
            "project_group_id": group,
            "lifecycle_id": lifecycle,
            "is_disabled": change.new["IsDisabled"],
        }
    )


async def _after_save(change: Change) -> None:
    """A new project comes with an empty process, an empty variable set and one channel."""
    if not change.is_new:
        return
    project_id, space_id = change.resource_id, change.space_id
    process_id, set_id = deployment_process_id(project_id), variable_set_id(project_id)
    process = StoredProcess(process_id, space_id, project_id, project_id, 0, False, {"Steps": []})
    await insert_process(change.connection, process)
    await insert_variable_set(
        change.connection, StoredVariableSet(set_id, space_id, project_id, 0, False, {"Variables": []})
    )
    channel = {"Name": "Default", "ProjectId": project_id, "IsDefault": True}
    await create_within(change.context, change.connection, CHANNELS, channel)


async def _before_delete(_: OperationContext, connection: AsyncConnection, project: Json) -> None:
    running = [state for state in TaskState if state not in FINAL_STATES]
    tasks, count = await list_tasks(connection, TaskQuery(project_id=project["Id"], states=running))
    if count:
        raise Invalid(f"{project['Name']} has {count} tasks that are not at their end, such as {tasks[0].id}.")
    await delete_variable_sets(connection, project["Id"])


def _computed(project: Json, _: Mapping[str, Any]) -> Json:
    return {
        "DeploymentProcessId": deployment_process_id(project["Id"]),
        "VariableSetId": variable_set_id(project["Id"]),
        "IsVersionControlled": False,
    }


PROJECTS = ResourceKind(
    item_type="Project",
    path="projects",
    id_prefix="Projects",
    model=Project,
    table=project_schema.projects,
    rights=Rights(
        Permission.PROJECT_VIEW, Permission.PROJECT_CREATE, Permission.PROJECT_EDIT, Permission.PROJECT_DELETE
    ),
    links={
        "Self": "{self}",
        "Releases": "{self}/releases{/version}{?skip,take,searchByVersion}",
        "Channels": "{self}/channels{/id}{?skip,take,partialName}",
        "DeploymentProcess": "{self}/deploymentprocesses",
        "DeploymentSettings": "{self}/deploymentsettings",
        "Progression": "{self}/progression{?aggregate}",
        "Summary": "{self}/summary",
        "Variables": "{root}/variables/variableset-{id}",
        "Runbooks": "{self}/runbooks{/id}{?skip,take,ids,partialName}",
        "RunbookSnapshots": "{self}/runbookSnapshots{/name}{?skip,take,searchByName}",
        "Web": "/app#/projects/{id}",
    },
    list_parameters="name,skip,ids,clone,take,partialName,clonedFromProjectId",
    filters={
        "projectgroupid": lambda ids: project_schema.projects.c.project_group_id.in_(list(ids)),
        "lifecycleid": lambda ids: project_schema.projects.c.lifecycle_id.in_(list(ids)),
        "clonedfromprojectid": lambda ids: (
            project_schema.projects.c.doc["ClonedFromProjectId"].as_string().in_(list(ids))
        ),
    },
    sight={
        "project": named_in(project_schema.projects.c.id),
        "group": named_in(project_schema.projects.c.project_group_id),
    },
    server_owned={"ClonedFromProjectId": None},
    computed=_computed,
    computed_names=frozenset({"deploymentprocessid", "variablesetid", "isversioncontrolled"}),
    before_save=_before_save,
    after_save=_after_save,
    before_delete=_before_delete,
)
