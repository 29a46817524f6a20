"""A project's deployment settings: the same data as on the project, seen through another door; and its summary.

Source: resources.md §8 (DeploymentSettings).
"""

from octavo.base.errors import Invalid
from octavo.server.domain.permissions import Permission, Scope
from octavo.server.operations.context import OperationContext, require_sight
from octavo.server.operations.documents import Json
from octavo.server.operations.kinds.projects import PROJECTS
from octavo.server.operations.resources import modify_resource
from octavo.server.store.processes import get_process
from octavo.server.store.project_schema import runbooks
from octavo.server.store.resources import Query, count_documents

#: Member of the settings → member of the project.
_SHARED = {
    "ConnectivityPolicy": "ProjectConnectivityPolicy",
    "DefaultGuidedFailureMode": "DefaultGuidedFailureMode",
    "VersioningStrategy": "VersioningStrategy",
    "ReleaseNotesTemplate": "ReleaseNotesTemplate",
    "DefaultToSkipIfAlreadyInstalled": "DefaultToSkipIfAlreadyInstalled",
    "DeploymentChangesTemplate": "DeploymentChangesTemplate",
    "ForcePackageDownload": "ForcePackageDownload",
    "FailTargetDiscovery": "FailTargetDiscovery",
}


def read_settings(project: Json) -> Json:
    """The settings of a project's deployments."""
    return {
        "Id": f"deploymentsettings-{project['Id']}",
        "SpaceId": project["SpaceId"],
        "ProjectId": project["Id"],
        **{name: project.get(member, False) for name, member in _SHARED.items()},
        "Links": {"Self": project["Links"]["DeploymentSettings"], "Project": project["Links"]["Self"]},
    }


async def modify_settings(context: OperationContext, project: Json, data: object) -> Json:
    """Change them on the project.

    Raises:
        Invalid: something in `data` cannot be.
    """
    if not isinstance(data, dict):
        raise Invalid("The body must be a JSON object that describes deployment settings.")
    given = {name.lower(): value for name, value in data.items()}
    changes = {member: given[name.lower()] for name, member in _SHARED.items() if name.lower() in given}
    return read_settings(await modify_resource(context, PROJECTS, project["Id"], {**project, **changes}))


async def read_summary(context: OperationContext, project: Json) -> Json:
    """What there is of a project: whether it has a process and runbooks."""
    require_sight(context, Permission.PROCESS_VIEW, Scope(str(project["Id"])))
    async with context.store.reading() as connection:
        process = await get_process(connection, project["DeploymentProcessId"])
        books = await count_documents(connection, runbooks, Query(conditions=(runbooks.c.project_id == project["Id"],)))
    return {
        "HasDeploymentProcess": bool(process.doc["Steps"]),
        "HasRunbooks": books > 0,
        "Links": {"Self": project["Links"]["Summary"], "Project": project["Links"]["Self"]},
    }
