"""A process as the API shows and takes it: ids given, names checked, secrets sealed, everything else kept as it came.

Source: resources.md §9.
"""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from octavo.base.errors import Invalid
from octavo.base.sensitive import Sensitive
from octavo.server.domain.slugs import slug_of
from octavo.server.domain.vault import Vault, place
from octavo.server.operations.documents import Json
from octavo.server.store.processes import StoredProcess

_SEALED = "Sealed"
_STEP_DEFAULTS: Mapping[str, Any] = {
    "Condition": "Success",
    "StartTrigger": "StartAfterPrevious",
    "PackageRequirement": "LetOctopusDecide",
}
_ACTION_DEFAULTS: Mapping[str, Any] = {
    "Notes": None,
    "IsDisabled": False,
    "IsRequired": False,
    "CanBeUsedForProjectVersioning": False,
    "WorkerPoolId": None,
    "WorkerPoolVariable": "",
    "Condition": "Success",
    "StepPackageVersion": None,
}
_ACTION_LISTS = ("Environments", "ExcludedEnvironments", "Channels", "TenantTags", "GitDependencies")


def stored_steps(document: Mapping[str, Any], known: Mapping[str, Any], vault: Vault) -> Json:
    """What is stored of a process that a client sent; `known` is what was stored before.

    Raises:
        Invalid: steps or actions are no lists of objects, have no name, or share one.
    """
    secrets = _secrets_of(known)
    rest = {name: value for name, value in document.items() if name not in _OWN}
    steps = [_step(step, secrets, vault) for step in _objects(document.get("Steps"), "Steps")]
    _refuse_doubles((step["Name"] for step in steps), "steps")
    _refuse_doubles((action["Name"] for step in steps for action in step["Actions"]), "actions")
    return {**rest, "Steps": steps}


def shown_process(process: StoredProcess) -> Json:
    """The process as the API shows it: no secret, no ciphertext."""
    root = f"/api/{process.space_id}"
    is_runbook = process.owner_id != process.project_id
    own = f"{root}/runbookProcesses/{process.id}" if is_runbook else f"{root}/deploymentprocesses/{process.id}"
    if not process.is_snapshot and not is_runbook:
        own = f"{root}/projects/{process.project_id}/deploymentprocesses"
    document: Json = {
        **{name: value for name, value in process.doc.items() if name != "Steps"},
        "Id": process.id,
        "SpaceId": process.space_id,
        "ProjectId": process.project_id,
        "Version": process.version,
        "LastSnapshotId": None,
        "Steps": [_shown_step(step) for step in process.doc.get("Steps", ())],
        "Links": {"Self": own, "Project": f"{root}/projects/{process.project_id}"},
    }
    if is_runbook:
        document["RunbookId"] = process.owner_id
    else:
        document["Links"]["Template"] = (
            f"{root}/projects/{process.project_id}/deploymentprocesses/template{{?channel,releaseId}}"
        )
    return document


def opened_property(value: object, action_id: str, name: str, vault: Vault) -> str | Sensitive:
    """A stored property as running needs it: a text, or the opened secret."""
    if isinstance(value, dict):
        sealed = value.get(_SEALED)
        return vault.open(sealed, place("processes", action_id, name)) if sealed else ""
    return "" if value is None else str(value)


_OWN = frozenset(
    {"Id", "SpaceId", "ProjectId", "RunbookId", "Version", "LastSnapshotId", "Steps", "Links"}
    | {"LastModifiedOn", "LastModifiedBy"}
)


def _step(step: Mapping[str, Any], secrets: Mapping[tuple[str, str], str], vault: Vault) -> Json:
    name = _name(step, "step")
    step_id = step.get("Id") or str(uuid.uuid4())
    actions = [_action(action, secrets, vault) for action in _objects(step.get("Actions"), "Actions")]
    return {
        **_STEP_DEFAULTS,
        **{key: value for key, value in step.items() if value is not None},
        "Id": step_id,
        "Name": name,
        "Slug": step.get("Slug") or slug_of(name),
        "Properties": _properties(step, step_id, secrets, vault),
        "Actions": actions,
    }


def _action(action: Mapping[str, Any], secrets: Mapping[tuple[str, str], str], vault: Vault) -> Json:
    name = _name(action, "action")
    action_id = action.get("Id") or str(uuid.uuid4())
    packages = [
        {**package, "Id": package.get("Id") or str(uuid.uuid4()), "Properties": package.get("Properties") or {}}
        for package in _objects(action.get("Packages"), "Packages")
    ]
    stored: Json = {
        **_ACTION_DEFAULTS,
        **action,
        "Id": action_id,
        "Name": name,
        "Slug": action.get("Slug") or slug_of(name),
        "Container": action.get("Container") or {"FeedId": None, "Image": None, "GitUrl": None, "Dockerfile": None},
        "Packages": packages,
        "Properties": _properties(action, action_id, secrets, vault),
        "Links": {},
    }
    for member in _ACTION_LISTS:
        stored[member] = stored.get(member) or []
    if not stored.get("ActionType"):
        raise Invalid(f"The action '{name}' needs an ActionType.")
    return stored


def _properties(
    owner: Mapping[str, Any], owner_id: str, secrets: Mapping[tuple[str, str], str], vault: Vault
) -> dict[str, Any]:
    given = owner.get("Properties") or {}
    if not isinstance(given, dict):
        raise Invalid(f"The Properties of '{owner.get('Name')}' must be an object.")
    return {name: _property(value, owner_id, name, secrets, vault) for name, value in given.items()}


def _property(value: object, owner_id: str, name: str, secrets: Mapping[tuple[str, str], str], vault: Vault) -> object:
    if isinstance(value, bool):
        return str(value)
    if not (isinstance(value, dict) and ("HasValue" in value or "NewValue" in value)):
        return value
    if value.get("NewValue"):
        return {_SEALED: vault.seal(Sensitive(str(value["NewValue"])), place("processes", owner_id, name))}
    kept = secrets.get((owner_id, name)) if value.get("HasValue") else None
    return {_SEALED: kept} if kept else None


def _secrets_of(known: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    owners = [*known.get("Steps", ()), *(action for step in known.get("Steps", ()) for action in step["Actions"])]
    return {
        (owner["Id"], name): value[_SEALED]
        for owner in owners
        for name, value in owner["Properties"].items()
        if isinstance(value, dict) and value.get(_SEALED)
    }


def _shown_step(step: Mapping[str, Any]) -> Json:
    actions = [{**action, "Properties": _shown_properties(action)} for action in step["Actions"]]
    return {**step, "Properties": _shown_properties(step), "Actions": actions}


def _shown_properties(owner: Mapping[str, Any]) -> Json:
    return {
        name: {"HasValue": True, "NewValue": None, "Hint": None}
        if isinstance(value, dict) and _SEALED in value
        else value
        for name, value in owner["Properties"].items()
    }


def _name(owner: Mapping[str, Any], noun: str) -> str:
    name = str(owner.get("Name") or "").strip()
    if not name:
        raise Invalid(f"Every {noun} of a process needs a Name.")
    return name


def _objects(value: object, member: str) -> list[Json]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise Invalid(f"{member} must be a list of objects.")
    return value


def _refuse_doubles(names: Iterable[str], noun: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            raise Invalid(f"Two {noun} are named '{name}'. Names must be unique in a process.")
        seen.add(name.casefold())
