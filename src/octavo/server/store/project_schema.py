"""The tables of projects and of what runs them: processes, variables, releases, deployments, interruptions, rights.

The other half of `schema.py`; importing this module completes `metadata`. Live processes and variable sets stand
beside their frozen copies: a snapshot's id is `<live id>-s-<version>`, so that one version is frozen once however many
releases use it. Decision: docs/decisions/0080-projects-and-deployments.md.
"""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    false,
    text,
)

from octavo.server.store.columns import DOCUMENT, UtcDateTime
from octavo.server.store.schema import document_table
from octavo.server.store.schema import metadata as shared_metadata

#: With the tables of both files.
metadata = shared_metadata

projects = document_table(
    "projects",
    "project",
    Column("project_group_id", String, nullable=False, index=True),
    Column("lifecycle_id", String, nullable=False, index=True),
    Column("is_disabled", Boolean, nullable=False, server_default=false()),
)
channels = document_table(
    "channels",
    "channel",
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("lifecycle_id", String, index=True),
    Column("is_default", Boolean, nullable=False, server_default=false()),
    within="project_id",
)
runbooks = document_table(
    "runbooks",
    "runbook",
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), nullable=False, index=True),
    within="project_id",
)
project_triggers = document_table(
    "project_triggers",
    "trigger",
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), nullable=False, index=True),
    within="project_id",
)
library_variable_sets = document_table("library_variable_sets", "library variable set", Column("content_type", String))
action_templates = document_table("action_templates", "step template")
certificates = document_table(
    "certificates", "certificate", Column("is_archived", Boolean, nullable=False, server_default=false())
)
accounts = document_table("accounts", "account", Column("account_type", String, nullable=False, index=True))
build_information = document_table(  # its name is `<package id>.<version>`
    "build_information",
    "build information",
    Column("package_key", String, nullable=False, index=True),  # casefolded package id
    Column("version_key", String, nullable=False),  # sorts as versions do
)
releases = document_table(  # its name is its version
    "releases",
    "release",
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("channel_id", String, nullable=False, index=True),
    Column("version_key", String, nullable=False),  # sorts as versions do
    Column("assembled_at", UtcDateTime, nullable=False),
    within="project_id",
)
runbook_snapshots = document_table(
    "runbook_snapshots",
    "runbook snapshot",
    Column("runbook_id", ForeignKey("runbooks.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("project_id", String, nullable=False, index=True),
    Column("assembled_at", UtcDateTime, nullable=False),
    within="runbook_id",
)

processes = Table(
    "processes",
    metadata,
    Column("id", String, primary_key=True),  # deploymentprocess-Projects-1, RunbookProcess-Runbooks-1; frozen: …-s-4
    Column("space_id", String, nullable=False, index=True),
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("owner_id", String, nullable=False, index=True),  # the project or the runbook
    Column("version", Integer, nullable=False, server_default=text("0")),
    Column("is_snapshot", Boolean, nullable=False, server_default=false()),
    Column("doc", DOCUMENT, nullable=False),  # {"Steps": […]} and unknown members
)

variable_sets = Table(
    "variable_sets",
    metadata,
    Column("id", String, primary_key=True),  # variableset-Projects-1, frozen variableset-Projects-1-s-4
    Column("space_id", String, nullable=False, index=True),
    Column("owner_id", String, nullable=False, index=True),  # the project or the library variable set
    Column("version", Integer, nullable=False, server_default=text("0")),
    Column("is_snapshot", Boolean, nullable=False, server_default=false()),
    Column("doc", DOCUMENT, nullable=False),  # {"Variables": […]}; secrets sealed at variables|<variable id>|Value
)

tenant_variables = Table(
    "tenant_variables",
    metadata,
    Column("id", String, primary_key=True),
    Column("space_id", String, nullable=False, index=True),
    Column("tenant_id", ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("owner_id", String, nullable=False),  # the project or the library variable set
    Column("template_id", String, nullable=False),
    Column("environment_ids", DOCUMENT, nullable=False),  # [] for values of a library set that hold everywhere
    Column("value", Text, nullable=False),  # sealed when sensitive
    Column("is_sensitive", Boolean, nullable=False, server_default=false()),
)

executions = Table(  # deployments and runbook runs
    "executions",
    metadata,
    Column("id", String, primary_key=True),  # Deployments-7, RunbookRuns-3
    Column("space_id", String, nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("environment_id", String, nullable=False, index=True),
    Column("tenant_id", String, index=True),
    Column("release_id", String, index=True),  # of a deployment
    Column("channel_id", String),
    Column("runbook_id", String, index=True),  # of a runbook run
    Column("runbook_snapshot_id", String, index=True),
    Column("task_id", ForeignKey("server_tasks.id"), nullable=False, index=True),
    Column("process_id", String, nullable=False),  # the frozen process
    Column("created_at", UtcDateTime, nullable=False, index=True),
    Column("doc", DOCUMENT, nullable=False),  # what the API shows and no column holds
    Index(None, "project_id", "environment_id", "created_at"),
)

interruptions = Table(
    "interruptions",
    metadata,
    Column("id", String, primary_key=True),
    Column("space_id", String, nullable=False, index=True),
    Column("task_id", ForeignKey("server_tasks.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("unit", String, nullable=False),  # path in the plan
    Column("attempt", Integer, nullable=False, server_default=text("1")),  # of the unit, so that each asks once
    Column("type", String, nullable=False),  # ManualIntervention, GuidedFailure
    Column("is_pending", Boolean, nullable=False, server_default=text("true")),
    Column("created_at", UtcDateTime, nullable=False),
    Column("responsible_user_id", String),
    Column("answer", DOCUMENT),  # {"Result": …} or {"Guidance": …}, Notes, who and when
    Column("doc", DOCUMENT, nullable=False),  # Title, Instructions, ResponsibleTeamIds, RelatedDocumentIds
    Index("uq_interruptions_unit", "task_id", "unit", "attempt", "type", unique=True),
)

defects = Table(
    "defects",
    metadata,
    Column("id", String, primary_key=True),
    Column("space_id", String, nullable=False, index=True),
    Column("release_id", ForeignKey("releases.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("description", Text, nullable=False),
    Column("is_resolved", Boolean, nullable=False, server_default=false()),
    Column("created_at", UtcDateTime, nullable=False),
)

# ---- Rights ----------------------------------------------------------------------------------------------------------

user_roles = document_table("user_roles", "user role")

scoped_user_roles = Table(
    "scoped_user_roles",
    metadata,
    Column("id", String, primary_key=True),
    Column("space_id", String, nullable=False, server_default=text("''"), index=True),
    Column("team_id", ForeignKey("teams.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("user_role_id", ForeignKey("user_roles.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("doc", DOCUMENT, nullable=False),  # EnvironmentIds, ProjectIds, ProjectGroupIds, TenantIds
)

team_members = Table(
    "team_members",
    metadata,
    Column("team_id", ForeignKey("teams.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    PrimaryKeyConstraint("team_id", "user_id"),
)

oidc_identities = Table(
    "oidc_identities",
    metadata,
    Column("id", String, primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("external_id", String, nullable=False, index=True),  # what a client calls the service account by
    Column("name", String, nullable=False),
    Column("issuer", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("audience", String),
)
