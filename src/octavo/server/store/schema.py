"""The tables of machines, people, tasks, packages, and what all tables share; projects are in `project_schema.py`.

The migrations lead here; a test shows that they do.

A resource kind of the REST API is a *document table*: real columns for what is joined, filtered, unique or locked, and
the rest of the resource in `doc`, unknown client members included. What the engine writes is relational.

Moments are stored in UTC (`UtcDateTime`). `space_id` is "" for what belongs to no space. Source: DESIGN §6.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)

from octavo.server.store.columns import DOCUMENT, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: 64 bits everywhere; SQLite counts by itself only in a column it calls INTEGER.
_big = BigInteger().with_variant(Integer, "sqlite")


#: What every document table has; the rest of its columns are its kind's own.
DOCUMENT_COLUMNS = (
    "id",
    "space_id",
    "name",
    "name_key",
    "slug",
    "sort_order",
    "version",
    "last_modified_on",
    "last_modified_by",
    "doc",
)


def document_table(name: str, noun: str, *columns: Column[Any], within: str = "space_id") -> Table:
    """The table of a resource kind (`noun`: one of them, in messages): what all kinds have, then its own columns.

    Names are unique whatever their case (`name_key` is the casefolded name), slugs too, in a space or in what the
    column `within` names. `version` counts the updates: an update states the version it read.
    """
    return Table(
        name,
        metadata,
        Column("id", String, primary_key=True),
        Column("space_id", String, nullable=False, server_default=text("''")),
        Column("name", String, nullable=False),
        Column("name_key", String, nullable=False),
        Column("slug", String, nullable=False),
        Column("sort_order", Integer, nullable=False, server_default=text("0")),
        Column("version", Integer, nullable=False, server_default=text("1")),
        Column("last_modified_on", UtcDateTime, nullable=False),
        Column("last_modified_by", String),
        Column("doc", DOCUMENT, nullable=False),
        *columns,
        UniqueConstraint(within, "name_key"),
        UniqueConstraint(within, "slug"),
        info={"noun": noun, "within": within},
    )


def _machine_columns() -> tuple[Column[Any], ...]:
    """What workers and targets share."""
    return (
        Column("communication_style", String, nullable=False),
        Column("thumbprint", String, index=True),
        Column("subscription", String, index=True),  # poll://… of a polling agent
        Column("machine_policy_id", String, index=True),
        Column("is_disabled", Boolean, nullable=False, server_default=false()),
        Column("is_draining", Boolean, nullable=False, server_default=false()),
        Column("health_status", String, nullable=False, server_default=text("'Unknown'")),
        Column("health_checked_at", UtcDateTime),
        Column("last_seen_at", UtcDateTime),
    )


# ---- Resources -------------------------------------------------------------------------------------------------------

spaces = document_table("spaces", "space", Column("is_default", Boolean, nullable=False, server_default=false()))
environments = document_table("environments", "environment")
worker_pools = document_table(
    "worker_pools", "worker pool", Column("is_default", Boolean, nullable=False, server_default=false())
)
workers = document_table("workers", "worker", *_machine_columns())
machines = document_table("machines", "deployment target", *_machine_columns())
machine_policies = document_table(
    "machine_policies", "machine policy", Column("is_default", Boolean, nullable=False, server_default=false())
)
proxies = document_table("proxies", "proxy")
lifecycles = document_table("lifecycles", "lifecycle")
project_groups = document_table("project_groups", "project group")
tenants = document_table("tenants", "tenant")
tag_sets = document_table("tag_sets", "tag set")
feeds = document_table("feeds", "feed")
teams = document_table("teams", "team")

worker_pool_members = Table(
    "worker_pool_members",
    metadata,
    Column("worker_id", ForeignKey("workers.id", ondelete="CASCADE"), primary_key=True),
    Column("worker_pool_id", ForeignKey("worker_pools.id", ondelete="CASCADE"), primary_key=True, index=True),
)

machine_environments = Table(
    "machine_environments",
    metadata,
    Column("machine_id", ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True),
    Column("environment_id", ForeignKey("environments.id", ondelete="CASCADE"), primary_key=True, index=True),
)

id_counters = Table(
    "id_counters",
    metadata,
    Column("prefix", String, primary_key=True),
    Column("last", _big, nullable=False),
)

settings = Table(
    "settings",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", DOCUMENT, nullable=False),
)

# ---- People and their traces -----------------------------------------------------------------------------------------

users = Table(
    "users",
    metadata,
    Column("id", String, primary_key=True),
    Column("username", String, nullable=False),
    Column("username_key", String, nullable=False, unique=True),  # casefolded
    Column("display_name", String, nullable=False),
    Column("email_address", String),
    Column("password_hash", String),  # argon2id; null: no password
    Column("is_active", Boolean, nullable=False, server_default=true()),
    Column("is_service", Boolean, nullable=False, server_default=false()),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("created_at", UtcDateTime, nullable=False),
    Column("doc", DOCUMENT, nullable=False),  # Permissions, Identities and the like
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("key_sha256", String(64), nullable=False, unique=True),
    Column("hint", String, nullable=False),  # the first characters, to recognise it by
    Column("purpose", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("last_used_at", UtcDateTime),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_sha256", String(64), primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("csrf_token", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

events = Table(
    "events",
    metadata,
    Column("number", _big, primary_key=True, autoincrement=True),  # N of Events-N
    Column("space_id", String, nullable=False, server_default=text("''")),
    Column("occurred_at", UtcDateTime, nullable=False, index=True),
    Column("category", String, nullable=False),
    Column("username", String, nullable=False),
    Column("user_id", String),
    Column("identity_established_with", String, nullable=False, server_default=text("''")),
    Column("user_agent", String, nullable=False, server_default=text("''")),
    Column("ip_address", String, nullable=False, server_default=text("''")),
    Column("message", Text, nullable=False),
    Column("message_references", DOCUMENT, nullable=False),
    Column("changes", DOCUMENT),  # {"Before": …, "After": …}, secrets left out
    Index(None, "space_id", "number"),
)

event_documents = Table(
    "event_documents",
    metadata,
    Column("number", ForeignKey("events.number", ondelete="CASCADE"), primary_key=True),
    Column("document_id", String, primary_key=True, index=True),
)

# ---- Tasks -----------------------------------------------------------------------------------------------------------

server_tasks = Table(
    "server_tasks",
    metadata,
    Column("id", String, primary_key=True),
    Column("number", _big, nullable=False, unique=True),  # N of ServerTasks-N: newest first
    Column("space_id", String, nullable=False, server_default=text("''")),
    Column("name", String, nullable=False),
    Column("description", String, nullable=False),
    Column("state", String, nullable=False),
    Column("arguments", DOCUMENT, nullable=False),
    Column("plan", DOCUMENT),  # frozen when the task is admitted; never a secret
    Column("project_id", String, index=True),
    Column("environment_id", String),
    Column("tenant_id", String),
    Column("mutex_key", String),  # two tasks with one key never execute at once
    Column("priority", Integer, nullable=False, server_default=text("0")),  # higher goes first
    Column("queued_at", UtcDateTime, nullable=False),
    Column("not_before", UtcDateTime),
    Column("expires_at", UtcDateTime),  # not started by then: TimedOut
    Column("started_at", UtcDateTime),
    Column("completed_at", UtcDateTime),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("node_id", String),  # the boot that executes it
    Column("fence", Integer, nullable=False, server_default=text("0")),  # each claim adds one; step writes carry it
    Column("cancel_requested_at", UtcDateTime),
    Column("cancel_requested_by", String),
    Column("error_message", Text, nullable=False, server_default=text("''")),
    Column("has_warnings", Boolean, nullable=False, server_default=false()),
    Column("has_pending_interruptions", Boolean, nullable=False, server_default=false()),
    Column("waiting", DOCUMENT),  # why it waits, worker by worker
    Column("created_by", String, nullable=False, server_default=text("''")),
    Column("created_by_id", String),
    Column("log_position", _big, nullable=False, server_default=text("0")),  # position of the last line stored
    Column("log_bytes", _big, nullable=False, server_default=text("0")),
    Column("log_blob", String),  # set once the log is compacted to a blob
    Column("doc", DOCUMENT, nullable=False, server_default=text("'{}'")),
    Index("ix_server_tasks_next", "state", "priority", "queued_at", "number"),
    Index("ix_server_tasks_mutex", "mutex_key", "state"),
    Index("ix_server_tasks_node", "node_id", "state"),
    Index("ix_server_tasks_space", "space_id", "number"),
)

task_units = Table(
    "task_units",
    metadata,
    Column("task_id", ForeignKey("server_tasks.id", ondelete="CASCADE"), nullable=False),
    Column("unit", String, nullable=False),  # path in the plan: "1/Workers-3"; "" is the task itself
    Column("parent", String),
    Column("position", Integer, nullable=False, server_default=text("0")),
    Column("name", String, nullable=False),
    Column("status", String, nullable=False),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("progress_percentage", Integer, nullable=False, server_default=text("0")),
    Column("progress_message", String, nullable=False, server_default=text("''")),
    Column("outcome", DOCUMENT),
    PrimaryKeyConstraint("task_id", "unit"),
)

script_runs = Table(
    "script_runs",
    metadata,
    Column("ticket", String, primary_key=True),
    Column("task_id", ForeignKey("server_tasks.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("unit", String, nullable=False),
    Column("machine_id", String, nullable=False, index=True),
    Column("machine_name", String, nullable=False),  # as it was then
    Column("agent_ticket", String, nullable=False, server_default=text("''")),  # ours, but V1 agents make theirs
    Column("attempt", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("service_version", String, nullable=False, server_default=text("''")),
    Column("state", String, nullable=False),
    Column("next_sequence", _big, nullable=False, server_default=text("0")),  # cursor into the agent's log
    Column("exit_code", Integer),
    Column("confinement", String, nullable=False, server_default=text("''")),
    Column("progress_percentage", Integer, nullable=False, server_default=text("0")),
    Column("progress_message", String, nullable=False, server_default=text("''")),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("completed_at", UtcDateTime),
    Column("doc", DOCUMENT, nullable=False, server_default=text("'{}'")),
    UniqueConstraint("task_id", "unit", "machine_id", "attempt"),
)

task_log_chunks = Table(
    "task_log_chunks",
    metadata,
    Column("task_id", ForeignKey("server_tasks.id", ondelete="CASCADE"), nullable=False),
    Column("unit", String, nullable=False),
    Column("first_sequence", _big, nullable=False),
    Column("last_sequence", _big, nullable=False),
    Column("position", _big, nullable=False),  # of the chunk's last line in the whole task: where a reader resumes
    Column("line_count", Integer, nullable=False),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("payload", LargeBinary, nullable=False),  # zstd
    PrimaryKeyConstraint("task_id", "unit", "first_sequence"),
    Index(None, "task_id", "position", unique=True),
)

output_variables = Table(
    "output_variables",
    metadata,
    Column("task_id", ForeignKey("server_tasks.id", ondelete="CASCADE"), nullable=False),
    Column("unit", String, nullable=False),
    Column("machine_id", String, nullable=False, server_default=text("''")),
    Column("name", String, nullable=False),
    Column("value", Text, nullable=False),  # sealed when sensitive
    Column("is_sensitive", Boolean, nullable=False, server_default=false()),
    PrimaryKeyConstraint("task_id", "unit", "machine_id", "name"),
)

worker_leases = Table(
    "worker_leases",
    metadata,
    Column("worker_id", String, nullable=False),
    Column("task_id", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("granted_at", UtcDateTime, nullable=False),
    Column("until", UtcDateTime, nullable=False, index=True),
    PrimaryKeyConstraint("worker_id", "task_id", "unit"),
    Index(None, "task_id", "unit"),
)

nodes = Table(
    "nodes",
    metadata,
    Column("id", String, primary_key=True),  # unique per process start
    Column("name", String, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("beat_until", UtcDateTime, nullable=False, index=True),
    Column("task_cap", Integer, nullable=False),
    Column("is_draining", Boolean, nullable=False, server_default=false()),
    Column("doc", DOCUMENT, nullable=False, server_default=text("'{}'")),
)

# ---- Packages and artifacts (their bytes are blobs) ------------------------------------------------------------------

packages = Table(
    "packages",
    metadata,
    Column("id", String, nullable=False),  # packages-<PackageId>.<Version>
    Column("space_id", String, nullable=False),
    Column("package_id", String, nullable=False),
    Column("package_key", String, nullable=False),  # casefolded
    Column("version", String, nullable=False),  # as it was written
    Column("version_key", String, nullable=False),  # sorts as versions do; equal for equal versions
    Column("extension", String, nullable=False),
    Column("size_bytes", _big, nullable=False),
    Column("sha1", String(40), nullable=False),
    Column("sha256", String(64), nullable=False, index=True),
    Column("blob_name", String, nullable=False),
    Column("title", String),
    Column("description", Text),
    Column("release_notes", Text),
    Column("published_at", UtcDateTime, nullable=False),
    Column("published_by", String),
    Column("doc", DOCUMENT, nullable=False, server_default=text("'{}'")),
    PrimaryKeyConstraint("space_id", "package_key", "version_key"),
    Index(None, "space_id", "id"),
)

#: Packages of external feeds that this server has fetched; the version is the feed's own text.
fetched_packages = Table(
    "fetched_packages",
    metadata,
    Column("space_id", String, nullable=False),
    Column("feed_id", String, nullable=False),
    Column("package_key", String, nullable=False),  # casefolded
    Column("version", String, nullable=False),
    Column("package_id", String, nullable=False),
    Column("extension", String, nullable=False),
    Column("size_bytes", _big, nullable=False),
    Column("sha1", String(40), nullable=False),
    Column("sha256", String(64), nullable=False, index=True),
    Column("blob_name", String, nullable=False),
    Column("used_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("feed_id", "package_key", "version"),
)

worker_cached_packages = Table(
    "worker_cached_packages",
    metadata,
    Column("machine_id", String, primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("package_key", String, nullable=False),
    Column("used_at", UtcDateTime, nullable=False),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("id", String, primary_key=True),
    Column("space_id", String, nullable=False, index=True),
    Column("task_id", String, index=True),
    Column("unit", String, nullable=False, server_default=text("''")),
    Column("file_name", String, nullable=False),
    Column("source", String, nullable=False, server_default=text("''")),
    Column("size_bytes", _big, nullable=False, server_default=text("0")),
    Column("sha256", String(64)),
    Column("blob_name", String),  # null until the bytes are here
    Column("log_correlation_id", String, nullable=False, server_default=text("''")),
    Column("created_at", UtcDateTime, nullable=False),
)
