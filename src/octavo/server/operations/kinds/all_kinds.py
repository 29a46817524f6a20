"""Every kind of resource that the generic layer serves: a new kind is a line here."""

from octavo.server.operations.kinds.accounts import ACCOUNTS
from octavo.server.operations.kinds.action_templates import ACTION_TEMPLATES
from octavo.server.operations.kinds.certificates import CERTIFICATES
from octavo.server.operations.kinds.channels import CHANNELS
from octavo.server.operations.kinds.environments import ENVIRONMENTS
from octavo.server.operations.kinds.feeds import FEEDS
from octavo.server.operations.kinds.library_variable_sets import LIBRARY_VARIABLE_SETS
from octavo.server.operations.kinds.lifecycles import LIFECYCLES
from octavo.server.operations.kinds.machine_policies import MACHINE_POLICIES
from octavo.server.operations.kinds.machines import MACHINES, WORKERS
from octavo.server.operations.kinds.project_groups import PROJECT_GROUPS
from octavo.server.operations.kinds.projects import PROJECTS
from octavo.server.operations.kinds.proxies import PROXIES
from octavo.server.operations.kinds.runbooks import RUNBOOKS
from octavo.server.operations.kinds.spaces import SPACES
from octavo.server.operations.kinds.tag_sets import TAG_SETS
from octavo.server.operations.kinds.teams import TEAMS
from octavo.server.operations.kinds.tenants import TENANTS
from octavo.server.operations.kinds.user_roles import USER_ROLES
from octavo.server.operations.kinds.worker_pools import WORKER_POOLS
from octavo.server.operations.resource_kinds import ResourceKind

ALL_KINDS: tuple[ResourceKind, ...] = (
    SPACES,
    ENVIRONMENTS,
    WORKER_POOLS,
    WORKERS,
    MACHINES,
    MACHINE_POLICIES,
    PROXIES,
    LIFECYCLES,
    PROJECT_GROUPS,
    PROJECTS,
    CHANNELS,
    RUNBOOKS,
    LIBRARY_VARIABLE_SETS,
    ACCOUNTS,
    CERTIFICATES,
    ACTION_TEMPLATES,
    TENANTS,
    TAG_SETS,
    FEEDS,
    TEAMS,
    USER_ROLES,
)
