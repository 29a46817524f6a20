"""From a task's arguments to its frozen plan: what the arguments name is looked up once, when the task is queued.

Decision: docs/decisions/0062-where-an-ad-hoc-script-runs.md. Source: resources.md §12 (arguments).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid, NotFound
from octavo.server.domain.plans import Destination, Place, Plan, plan_health_check, plan_script
from octavo.server.domain.tasks import TaskKind
from octavo.server.operations.context import OperationContext
from octavo.server.operations.packages import PackageReference, freeze_versions
from octavo.server.store.resources import Query, list_documents
from octavo.server.store.schema import machine_environments, machines, worker_pool_members, worker_pools, workers
from octavo.server.store.worker_pools import find_default_pool

SYNTAXES = ("Bash", "Python", "PowerShell")


def package_references(arguments: Mapping[str, Any]) -> list[PackageReference]:
    """The packages that the arguments of an ad hoc script name.

    Raises:
        Invalid: they are not a list of references.
    """
    references = arguments.get("PackageReferences") or []
    if not isinstance(references, list) or not all(isinstance(each, Mapping) for each in references):
        raise Invalid("PackageReferences must be a list of objects with PackageId, Version, Name and Extract.")
    return [_reference(each) for each in references]


async def frozen_arguments(context: OperationContext, kind: TaskKind, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with the versions that their package references mean now.

    Raises:
        Invalid: a package is not in the feed, or a reference cannot be read.
    """
    references = package_references(arguments) if kind is TaskKind.AD_HOC_SCRIPT else []
    if not references:
        return dict(arguments)
    versions = await freeze_versions(context, references)
    frozen = [
        {**given, "Version": version} for given, version in zip(arguments["PackageReferences"], versions, strict=True)
    ]
    return {**arguments, "PackageReferences": frozen}


async def make_plan(connection: AsyncConnection, space_id: str, kind: TaskKind, arguments: Mapping[str, Any]) -> Plan:
    """The plan of a task of this kind with these arguments.

    Raises:
        Invalid: the arguments cannot be right.
        NotFound: they name a machine or pool that is not there.
    """
    match kind:
        case TaskKind.AD_HOC_SCRIPT:
            _check_script(arguments)
            return plan_script("Run script", await _script_destinations(connection, space_id, arguments))
        case TaskKind.HEALTH:
            return plan_health_check(await _checked_machines(connection, space_id, arguments))
        case TaskKind.DEPLOY | TaskKind.RUNBOOK_RUN:
            raise Invalid(f"A {kind.value} task starts with its deployment or runbook run: create one of these.")


def _reference(given: Mapping[str, Any]) -> PackageReference:
    package_id = given.get("PackageId")
    if not isinstance(package_id, str) or not package_id.strip():
        raise Invalid("A package reference has no PackageId. Name the package that the script needs.")
    extract = str(given.get("Extract", True)).strip().lower()  # clients send a boolean, or the text of one
    if extract not in ("true", "false"):
        raise Invalid(f"The package reference {package_id} has Extract '{given['Extract']}'. Use True or False.")
    return PackageReference(
        package_id.strip(),
        str(given.get("Version") or ""),
        str(given.get("Name") or ""),
        extract == "true",
        str(given.get("FeedId") or ""),
        given.get("StageOnly") is True,
    )


def _check_script(arguments: Mapping[str, Any]) -> None:
    syntax = arguments.get("Syntax") or "Bash"
    if not isinstance(arguments.get("ScriptBody"), str) or not arguments["ScriptBody"].strip():
        raise Invalid("Please provide a ScriptBody: the script to run.")
    if syntax not in SYNTAXES:
        raise Invalid(f"The script syntax '{syntax}' is not known. Known: {', '.join(SYNTAXES)}.")
    if "\0" in arguments["ScriptBody"]:
        raise Invalid("The script contains a NUL character (U+0000), which no script can hold.")


async def _script_destinations(
    connection: AsyncConnection, space_id: str, arguments: Mapping[str, Any]
) -> Sequence[Destination]:
    """Where an ad hoc script runs: named targets, named workers, pools, environments, or the default pool."""
    target_ids = _ids(arguments, "MachineIds")
    worker_ids, pool_ids = _ids(arguments, "WorkerIds"), _ids(arguments, "WorkerPoolIds")
    environment_ids = _ids(arguments, "EnvironmentIds")
    named = [
        *await _named(connection, machines, Place.TARGET, space_id, target_ids),
        *await _named(connection, workers, Place.WORKER, space_id, worker_ids),
        *await _named(connection, worker_pools, Place.POOL, space_id, pool_ids),
    ]
    if environment_ids and not target_ids:
        named += await _targets_in(connection, space_id, environment_ids, _ids(arguments, "TargetRoles"))
        if not named:
            raise Invalid("No deployment target is in these environments with these roles.")
    if named:
        return named
    if arguments.get("TargetType") in ("Machines", "Environments", "Workers", "WorkerPools"):
        raise Invalid(f"Please name the {arguments['TargetType']} that the script should run on.")
    default = await find_default_pool(connection, space_id)
    if default is None:
        raise Invalid("This space has no default worker pool. Name a worker pool.")
    return [Destination(Place.POOL, *default)]


async def _checked_machines(
    connection: AsyncConnection, space_id: str, arguments: Mapping[str, Any]
) -> Sequence[Destination]:
    """Which machines a health check looks at: the named ones, those of a pool or environment, or all of the space."""
    target_ids, worker_ids = _ids(arguments, "MachineIds"), _ids(arguments, "WorkerIds")
    pool_id, environment_id = arguments.get("WorkerpoolId"), arguments.get("EnvironmentId")
    restricted_to = arguments.get("RestrictedTo")
    if target_ids or worker_ids:
        return [
            *await _named(connection, machines, Place.TARGET, space_id, target_ids),
            *await _named(connection, workers, Place.WORKER, space_id, worker_ids),
        ]
    if environment_id:
        return await _targets_in(connection, space_id, [environment_id], [])
    if pool_id:
        return await _workers_in(connection, space_id, [pool_id])
    everything: list[Destination] = []
    if restricted_to in (None, "", "Unrestricted", "DeploymentTargets", "Machines"):
        everything += await _all(connection, machines, Place.TARGET, space_id)
    if restricted_to in (None, "", "Unrestricted", "Workers"):
        everything += await _all(connection, workers, Place.WORKER, space_id)
    return everything


async def _named(
    connection: AsyncConnection, kind: Table, place: Place, space_id: str, ids: Sequence[str]
) -> list[Destination]:
    if not ids:
        return []
    found = (await list_documents(connection, kind, Query(space_id, ids=ids))).documents
    missing = {each.casefold() for each in ids} - {document.id.casefold() for document in found}
    if missing:
        noun = kind.name.replace("_", " ").rstrip("s")
        raise NotFound(f"There is no {noun} {', '.join(sorted(missing))} in this space.")
    return [Destination(place, document.id, document.name) for document in found]


async def _all(connection: AsyncConnection, kind: Table, place: Place, space_id: str) -> list[Destination]:
    found = (await list_documents(connection, kind, Query(space_id))).documents
    return [Destination(place, document.id, document.name) for document in found]


async def _targets_in(
    connection: AsyncConnection, space_id: str, environment_ids: Sequence[str], roles: Sequence[str]
) -> list[Destination]:
    link = machine_environments.c
    inside = machines.c.id.in_(
        machine_environments.select().with_only_columns(link.machine_id).where(link.environment_id.in_(environment_ids))
    )
    found = (await list_documents(connection, machines, Query(space_id, conditions=[inside]))).documents
    wanted = {role.casefold() for role in roles}
    return [
        Destination(Place.TARGET, document.id, document.name)
        for document in found
        if not wanted or wanted & {str(role).casefold() for role in document.doc.get("Roles", [])}
    ]


async def _workers_in(connection: AsyncConnection, space_id: str, pool_ids: Sequence[str]) -> list[Destination]:
    link = worker_pool_members.c
    inside = workers.c.id.in_(
        worker_pool_members.select().with_only_columns(link.worker_id).where(link.worker_pool_id.in_(pool_ids))
    )
    found = (await list_documents(connection, workers, Query(space_id, conditions=[inside]))).documents
    return [Destination(Place.WORKER, document.id, document.name) for document in found]


def _ids(arguments: Mapping[str, Any], member: str) -> list[str]:
    value = arguments.get(member) or []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Invalid(f"{member} must be a list of ids.")
    return value
