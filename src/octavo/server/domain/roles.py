"""The roles that every server has. Their names and ids are those that users of such servers know.

What each grants is our own reading of the name: the least with which somebody in that role can do their work.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from octavo.server.domain.permissions import SPACE_PERMISSIONS, SYSTEM_PERMISSIONS, Permission

ADMINISTRATORS_TEAM = "teams-administrators"
EVERYONE_TEAM = "teams-everyone"
SPACE_MANAGER_ROLE = "userroles-spacemanager"


def space_managers_team(space_id: str) -> str:
    """The id of the team that each space has for its managers."""
    return f"teams-spacemanagers-{space_id}"


@dataclass(frozen=True, slots=True)
class BuiltInRole:
    """A role that cannot be changed or deleted."""

    id: str
    name: str
    description: str
    space_permissions: Sequence[Permission] = ()
    system_permissions: Sequence[Permission] = ()


def _ending(*endings: str) -> list[Permission]:
    return sorted(each for each in SPACE_PERMISSIONS if each.endswith(endings))


def _of(*parts: Iterable[Permission]) -> list[Permission]:
    return sorted({permission for part in parts for permission in part})


_P = Permission
_PROJECT_VIEWER = _of(
    (_P.PROJECT_VIEW, _P.PROJECT_GROUP_VIEW, _P.PROCESS_VIEW, _P.VARIABLE_VIEW, _P.RELEASE_VIEW, _P.DEPLOYMENT_VIEW),
    (_P.RUNBOOK_VIEW, _P.RUNBOOK_RUN_VIEW, _P.LIFECYCLE_VIEW, _P.ENVIRONMENT_VIEW, _P.TASK_VIEW, _P.ARTIFACT_VIEW),
    (_P.INTERRUPTION_VIEW, _P.EVENT_VIEW, _P.FEED_VIEW, _P.TENANT_VIEW, _P.TAG_SET_VIEW, _P.LIBRARY_VARIABLE_SET_VIEW),
    (_P.MACHINE_VIEW, _P.WORKER_VIEW),
)
_PROJECT_CONTRIBUTOR = _of(
    _PROJECT_VIEWER,
    (_P.PROJECT_EDIT, _P.PROCESS_EDIT, _P.VARIABLE_EDIT, _P.RUNBOOK_EDIT, _P.ACCOUNT_VIEW),
)
_RELEASE_CREATOR = _of(_PROJECT_VIEWER, (_P.RELEASE_CREATE, _P.RELEASE_EDIT))
_PROJECT_DEPLOYER = _of(
    _PROJECT_CONTRIBUTOR,
    (_P.RELEASE_CREATE, _P.RELEASE_EDIT, _P.DEPLOYMENT_CREATE, _P.RUNBOOK_RUN_CREATE, _P.INTERRUPTION_SUBMIT),
    (_P.TASK_CANCEL, _P.TASK_CREATE, _P.ARTIFACT_CREATE, _P.DEFECT_REPORT, _P.DEFECT_RESOLVE),
)
_ENVIRONMENT_VIEWER = [_P.ENVIRONMENT_VIEW, _P.MACHINE_VIEW, _P.MACHINE_POLICY_VIEW, _P.PROXY_VIEW, _P.WORKER_VIEW]

BUILT_IN_ROLES: tuple[BuiltInRole, ...] = (
    BuiltInRole(
        "userroles-systemadministrator",
        "System administrator",
        "May do everything that concerns the whole server.",
        system_permissions=sorted(SYSTEM_PERMISSIONS),
    ),
    BuiltInRole(
        "userroles-systemmanager",
        "System manager",
        "Manages users, teams and spaces, but not the server's own settings.",
        system_permissions=sorted(SYSTEM_PERMISSIONS - {_P.ADMINISTER_SYSTEM, _P.CONFIGURE_SERVER}),
    ),
    BuiltInRole(SPACE_MANAGER_ROLE, "Space manager", "May do everything within a space.", sorted(SPACE_PERMISSIONS)),
    BuiltInRole(
        "userroles-projectviewer", "Project viewer", "Sees projects with all that belongs to them.", _PROJECT_VIEWER
    ),
    BuiltInRole(
        "userroles-projectcontributor",
        "Project contributor",
        "Changes processes, variables and runbooks, but releases and deploys nothing.",
        _PROJECT_CONTRIBUTOR,
    ),
    BuiltInRole(
        "userroles-projectinitiator",
        "Project initiator",
        "Creates projects, and all that a contributor may.",
        _of(_PROJECT_CONTRIBUTOR, (_P.PROJECT_CREATE, _P.PROJECT_GROUP_CREATE, _P.PROJECT_GROUP_EDIT)),
    ),
    BuiltInRole(
        "userroles-projectlead",
        "Project lead",
        "All that a contributor may, and creates releases, but deploys nothing.",
        _of(
            _PROJECT_CONTRIBUTOR,
            _RELEASE_CREATOR,
            (_P.RELEASE_DELETE, _P.PROJECT_DELETE, _P.DEFECT_REPORT, _P.DEFECT_RESOLVE),
        ),
    ),
    BuiltInRole(
        "userroles-projectdeployer",
        "Project deployer",
        "All that a contributor may, and releases, deploys and runs runbooks.",
        _PROJECT_DEPLOYER,
    ),
    BuiltInRole("userroles-releasecreator", "Release creator", "Sees projects and creates releases.", _RELEASE_CREATOR),
    BuiltInRole(
        "userroles-deploymentcreator",
        "Deployment creator",
        "Sees projects and deploys their releases.",
        _of(_PROJECT_VIEWER, (_P.DEPLOYMENT_CREATE, _P.TASK_CANCEL, _P.INTERRUPTION_SUBMIT)),
    ),
    BuiltInRole(
        "userroles-runbookproducer",
        "Runbook producer",
        "Writes runbooks and runs them.",
        _of(_PROJECT_VIEWER, (_P.RUNBOOK_EDIT, _P.PROCESS_EDIT, _P.RUNBOOK_RUN_CREATE, _P.TASK_CANCEL)),
    ),
    BuiltInRole(
        "userroles-runbookconsumer",
        "Runbook consumer",
        "Runs published runbooks.",
        _of(_PROJECT_VIEWER, (_P.RUNBOOK_RUN_CREATE, _P.TASK_CANCEL)),
    ),
    BuiltInRole(
        "userroles-environmentviewer", "Environment viewer", "Sees environments and machines.", _ENVIRONMENT_VIEWER
    ),
    BuiltInRole(
        "userroles-environmentmanager",
        "Environment manager",
        "Manages environments, targets, workers and what they need.",
        _of(
            _ENVIRONMENT_VIEWER,
            [
                each
                for each in _ending("View", "Create", "Edit", "Delete")
                if each.startswith(("Environment", "Machine"))
            ],
            (_P.WORKER_EDIT, _P.PROXY_CREATE, _P.PROXY_EDIT, _P.PROXY_DELETE, _P.TASK_CREATE, _P.TASK_VIEW),
            [each for each in SPACE_PERMISSIONS if each.startswith("Account")],
        ),
    ),
    BuiltInRole(
        "userroles-tenantmanager",
        "Tenant manager",
        "Manages tenants and their tags.",
        _of(
            [each for each in SPACE_PERMISSIONS if each.startswith(("Tenant", "TagSet"))],
            (_P.PROJECT_VIEW, _P.ENVIRONMENT_VIEW, _P.LIBRARY_VARIABLE_SET_VIEW, _P.VARIABLE_VIEW),
        ),
    ),
    BuiltInRole(
        "userroles-packagepublisher",
        "Package publisher",
        "Pushes packages, for build servers.",
        [_P.BUILT_IN_FEED_PUSH, _P.FEED_VIEW],
    ),
    BuiltInRole(
        "userroles-buildserver",
        "Build server",
        "Pushes packages and build information, creates releases and deploys them.",
        _of(
            _RELEASE_CREATOR,
            (_P.BUILT_IN_FEED_PUSH, _P.BUILT_IN_FEED_DOWNLOAD, _P.BUILD_INFORMATION_PUSH, _P.DEPLOYMENT_CREATE),
            (_P.RUNBOOK_RUN_CREATE, _P.TASK_CANCEL),
        ),
    ),
)
