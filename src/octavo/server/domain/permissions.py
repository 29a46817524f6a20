"""What a user may be allowed to do, where, and whether they are. Pure.

The names are those of the REST API, so that clients recognise them in a refusal. Administrators may do everything;
others have what the roles of their teams grant, in a space, limited to projects, environments or tenants or not.
Decision: docs/decisions/0098-permissions.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Permission(StrEnum):
    """One right, named as the API names it."""

    ADMINISTER_SYSTEM = "AdministerSystem"
    CONFIGURE_SERVER = "ConfigureServer"
    SPACE_VIEW = "SpaceView"
    SPACE_CREATE = "SpaceCreate"
    SPACE_EDIT = "SpaceEdit"
    SPACE_DELETE = "SpaceDelete"
    USER_VIEW = "UserView"
    USER_EDIT = "UserEdit"
    TEAM_VIEW = "TeamView"
    TEAM_EDIT = "TeamEdit"
    USER_ROLE_VIEW = "UserRoleView"
    USER_ROLE_EDIT = "UserRoleEdit"
    WORKER_VIEW = "WorkerView"
    WORKER_EDIT = "WorkerEdit"
    MACHINE_VIEW = "MachineView"
    MACHINE_CREATE = "MachineCreate"
    MACHINE_EDIT = "MachineEdit"
    MACHINE_DELETE = "MachineDelete"
    MACHINE_POLICY_VIEW = "MachinePolicyView"
    MACHINE_POLICY_CREATE = "MachinePolicyCreate"
    MACHINE_POLICY_EDIT = "MachinePolicyEdit"
    MACHINE_POLICY_DELETE = "MachinePolicyDelete"
    PROXY_VIEW = "ProxyView"
    PROXY_CREATE = "ProxyCreate"
    PROXY_EDIT = "ProxyEdit"
    PROXY_DELETE = "ProxyDelete"
    ENVIRONMENT_VIEW = "EnvironmentView"
    ENVIRONMENT_CREATE = "EnvironmentCreate"
    ENVIRONMENT_EDIT = "EnvironmentEdit"
    ENVIRONMENT_DELETE = "EnvironmentDelete"
    LIFECYCLE_VIEW = "LifecycleView"
    LIFECYCLE_CREATE = "LifecycleCreate"
    LIFECYCLE_EDIT = "LifecycleEdit"
    LIFECYCLE_DELETE = "LifecycleDelete"
    PROJECT_GROUP_VIEW = "ProjectGroupView"
    PROJECT_GROUP_CREATE = "ProjectGroupCreate"
    PROJECT_GROUP_EDIT = "ProjectGroupEdit"
    PROJECT_GROUP_DELETE = "ProjectGroupDelete"
    TENANT_VIEW = "TenantView"
    TENANT_CREATE = "TenantCreate"
    TENANT_EDIT = "TenantEdit"
    TENANT_DELETE = "TenantDelete"
    TAG_SET_VIEW = "TagSetView"
    TAG_SET_CREATE = "TagSetCreate"
    TAG_SET_EDIT = "TagSetEdit"
    TAG_SET_DELETE = "TagSetDelete"
    FEED_VIEW = "FeedView"
    FEED_EDIT = "FeedEdit"
    BUILT_IN_FEED_PUSH = "BuiltInFeedPush"
    BUILT_IN_FEED_ADMINISTER = "BuiltInFeedAdminister"
    BUILT_IN_FEED_DOWNLOAD = "BuiltInFeedDownload"
    TASK_VIEW = "TaskView"
    TASK_CREATE = "TaskCreate"
    TASK_CANCEL = "TaskCancel"
    ARTIFACT_VIEW = "ArtifactView"
    ARTIFACT_CREATE = "ArtifactCreate"
    ARTIFACT_EDIT = "ArtifactEdit"
    ARTIFACT_DELETE = "ArtifactDelete"
    EVENT_VIEW = "EventView"
    PROJECT_VIEW = "ProjectView"
    PROJECT_CREATE = "ProjectCreate"
    PROJECT_EDIT = "ProjectEdit"
    PROJECT_DELETE = "ProjectDelete"
    PROCESS_VIEW = "ProcessView"
    PROCESS_EDIT = "ProcessEdit"
    VARIABLE_VIEW = "VariableView"
    VARIABLE_EDIT = "VariableEdit"
    LIBRARY_VARIABLE_SET_VIEW = "LibraryVariableSetView"
    LIBRARY_VARIABLE_SET_CREATE = "LibraryVariableSetCreate"
    LIBRARY_VARIABLE_SET_EDIT = "LibraryVariableSetEdit"
    LIBRARY_VARIABLE_SET_DELETE = "LibraryVariableSetDelete"
    RELEASE_VIEW = "ReleaseView"
    RELEASE_CREATE = "ReleaseCreate"
    RELEASE_EDIT = "ReleaseEdit"
    RELEASE_DELETE = "ReleaseDelete"
    DEFECT_REPORT = "DefectReport"
    DEFECT_RESOLVE = "DefectResolve"
    DEPLOYMENT_VIEW = "DeploymentView"
    DEPLOYMENT_CREATE = "DeploymentCreate"
    RUNBOOK_VIEW = "RunbookView"
    RUNBOOK_EDIT = "RunbookEdit"
    RUNBOOK_RUN_VIEW = "RunbookRunView"
    RUNBOOK_RUN_CREATE = "RunbookRunCreate"
    INTERRUPTION_VIEW = "InterruptionView"
    INTERRUPTION_SUBMIT = "InterruptionSubmit"
    ACCOUNT_VIEW = "AccountView"
    ACCOUNT_CREATE = "AccountCreate"
    ACCOUNT_EDIT = "AccountEdit"
    ACCOUNT_DELETE = "AccountDelete"
    CERTIFICATE_VIEW = "CertificateView"
    CERTIFICATE_CREATE = "CertificateCreate"
    CERTIFICATE_EDIT = "CertificateEdit"
    CERTIFICATE_DELETE = "CertificateDelete"
    ACTION_TEMPLATE_VIEW = "ActionTemplateView"
    ACTION_TEMPLATE_CREATE = "ActionTemplateCreate"
    ACTION_TEMPLATE_EDIT = "ActionTemplateEdit"
    ACTION_TEMPLATE_DELETE = "ActionTemplateDelete"
    BUILD_INFORMATION_PUSH = "BuildInformationPush"


#: What concerns the whole server; all else is granted in a space. Some are both: spaces and teams.
SYSTEM_PERMISSIONS = frozenset(
    {
        Permission.ADMINISTER_SYSTEM,
        Permission.CONFIGURE_SERVER,
        Permission.SPACE_VIEW,
        Permission.SPACE_CREATE,
        Permission.SPACE_EDIT,
        Permission.SPACE_DELETE,
        Permission.USER_VIEW,
        Permission.USER_EDIT,
        Permission.TEAM_VIEW,
        Permission.TEAM_EDIT,
        Permission.USER_ROLE_VIEW,
        Permission.USER_ROLE_EDIT,
    }
)
_ONLY_SYSTEM = frozenset(
    {
        Permission.ADMINISTER_SYSTEM,
        Permission.CONFIGURE_SERVER,
        Permission.SPACE_CREATE,
        Permission.USER_VIEW,
        Permission.USER_EDIT,
        Permission.USER_ROLE_VIEW,
        Permission.USER_ROLE_EDIT,
    }
)
SPACE_PERMISSIONS = frozenset(Permission) - _ONLY_SYSTEM


@dataclass(frozen=True, slots=True)
class Scope:
    """What a deed is about; what is empty it is not about. Of several environments all must be granted."""

    project_id: str = ""
    environment_ids: Sequence[str] = ()
    tenant_id: str = ""


#: About nothing in particular: granted to whoever has the permission somewhere in the space.
ANYWHERE = Scope()


@dataclass(frozen=True, slots=True)
class Grant:
    """Permissions in a space ("": those that concern the whole server). None: not limited.

    `project_ids` has the projects of `project_group_ids` too; `seen_group_ids` also the groups of single projects.
    """

    permissions: frozenset[Permission]
    space_id: str = ""
    project_ids: frozenset[str] | None = None
    project_group_ids: frozenset[str] | None = None
    seen_group_ids: frozenset[str] | None = None
    environment_ids: frozenset[str] | None = None
    tenant_ids: frozenset[str] | None = None

    @property
    def is_limited(self) -> bool:
        """Whether it holds for a part of its space only."""
        return any(part is not None for part in (self.project_ids, self.environment_ids, self.tenant_ids))

    def covers(self, scope: Scope) -> bool:
        """Whether what the deed is about is within the limits."""
        return (
            (self.project_ids is None or not scope.project_id or scope.project_id in self.project_ids)
            and (self.environment_ids is None or self.environment_ids.issuperset(scope.environment_ids))
            and (self.tenant_ids is None or not scope.tenant_id or scope.tenant_id in self.tenant_ids)
        )


@dataclass(frozen=True, slots=True)
class Rights:
    """All that one caller may do."""

    is_administrator: bool = False
    grants: tuple[Grant, ...] = ()

    def grants_of(self, permission: Permission, space_id: str) -> list[Grant]:
        """The grants with this permission in a space; with "" in any."""
        return [
            grant
            for grant in self.grants
            if permission in grant.permissions and (not grant.space_id or grant.space_id == space_id or not space_id)
        ]

    def allow(self, permission: Permission, space_id: str, scope: Scope = ANYWHERE) -> bool:
        """Whether the deed is granted."""
        return self.is_administrator or any(grant.covers(scope) for grant in self.grants_of(permission, space_id))

    def allow_everywhere(self, permission: Permission, space_id: str) -> bool:
        """Whether it is granted without limits within the space."""
        return self.is_administrator or any(not grant.is_limited for grant in self.grants_of(permission, space_id))

    def sees_space(self, space_id: str) -> bool:
        """Whether anything at all is granted there."""
        return self.is_administrator or any(grant.space_id == space_id for grant in self.grants)
