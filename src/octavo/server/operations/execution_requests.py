"""What a client asks of a deployment or runbook run, from names to ids, checked. Source: resources.md §11."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.base.sensitive import Sensitive
from octavo.server.domain.processes import all_actions, steps_of
from octavo.server.domain.vault import Vault
from octavo.server.operations.moments import parse_moment
from octavo.server.operations.named_resources import get_all_named
from octavo.server.operations.requests import Members
from octavo.server.operations.variable_sets import variable_place, variables_of
from octavo.server.store.processes import get_process
from octavo.server.store.resources import Document, Query, list_documents
from octavo.server.store.schema import machines, tenants
from octavo.server.store.variable_sets import get_variable_set

SEALED = "Sealed"


@dataclass(frozen=True, slots=True)
class ExecutionRequest:
    """What is the same for every environment and tenant of one request."""

    form_values: Mapping[str, Any]
    skip_action_ids: Sequence[str]
    specific_machine_ids: Sequence[str]
    excluded_machine_ids: Sequence[str]
    use_guided_failure: bool | None
    comments: str
    not_before: datetime | None
    expires_at: datetime | None
    force_package_download: bool
    force_package_redeployment: bool
    priority: str


async def read_request(
    connection: AsyncConnection,
    space_id: str,
    command: Members,
    *,
    process_id: str,
    set_ids: Sequence[str],
    vault: Vault,
) -> ExecutionRequest:
    """The request that a command of the executions API, or a resource of the older API, means.

    Raises:
        Invalid: it names what is not there, or leaves out what is required.
    """
    specific = await _machine_ids(connection, space_id, command, "SpecificMachineNames", "SpecificMachineIds")
    excluded = await _machine_ids(connection, space_id, command, "ExcludedMachineNames", "ExcludedMachineIds")
    return ExecutionRequest(
        form_values=await _form_values(connection, command, set_ids, vault),
        skip_action_ids=await _action_ids(connection, command, process_id),
        specific_machine_ids=specific,
        excluded_machine_ids=excluded,
        use_guided_failure=command.flag("UseGuidedFailure", None),
        comments=command.text("Comments"),
        not_before=_moment(command, "RunAt", "QueueTime"),
        expires_at=_moment(command, "NoRunAfter", "QueueTimeExpiry"),
        force_package_download=bool(command.flag("ForcePackageDownload")),
        force_package_redeployment=bool(command.flag("ForcePackageRedeployment")),
        priority=command.text("Priority") or "LifecycleDefault",
    )


async def read_tenants(connection: AsyncConnection, space_id: str, command: Members) -> list[Document]:
    """The tenants that a command names, by name or by tag.

    Raises:
        Invalid: one is not there, or no tenant has one of the tags.
    """
    found = await get_all_named(connection, tenants, space_id, command.texts("Tenants"))
    wanted = {tag.casefold() for tag in command.texts("TenantTags")}
    if wanted:
        everyone = (await list_documents(connection, tenants, Query(space_id))).documents
        tagged = [each for each in everyone if wanted & {tag.casefold() for tag in each.doc.get("TenantTags", ())}]
        if not tagged:
            raise Invalid(f"No tenant has one of the tags {', '.join(command.texts('TenantTags'))}.")
        found += [each for each in tagged if each.id not in {known.id for known in found}]
    return found


async def _machine_ids(connection: AsyncConnection, space_id: str, command: Members, names: str, ids: str) -> list[str]:
    wanted = [*command.texts(names), *command.texts(ids)]
    return [document.id for document in await get_all_named(connection, machines, space_id, wanted)]


async def _action_ids(connection: AsyncConnection, command: Members, process_id: str) -> list[str]:
    names, ids = command.texts("SkipStepNames"), command.texts("SkipActions")
    process = await get_process(connection, process_id)
    steps = steps_of(process.doc)
    found = list(ids)
    for name in names:
        mine = [action.id for step in steps for action in step.actions if step.name.casefold() == name.casefold()]
        mine += [action.id for action in all_actions(steps) if action.name.casefold() == name.casefold()]
        if not mine:
            raise Invalid(f"There is no step '{name}' in this process. It cannot be skipped.")
        found += mine
    return list(dict.fromkeys(found))


async def _form_values(
    connection: AsyncConnection, command: Members, set_ids: Sequence[str], vault: Vault
) -> dict[str, Any]:
    given = {str(name).casefold(): value for name, value in command.mapping("Variables").items()}
    by_id = dict(command.mapping("FormValues"))
    values: dict[str, Any] = {}
    missing = []
    for set_id in set_ids:
        for variable in variables_of(await get_variable_set(connection, set_id)):
            if variable.prompt is None:
                continue
            label = str(variable.prompt.get("Label") or "")
            value = by_id.get(variable.id, given.get(variable.name.casefold(), given.get(label.casefold())))
            if value is None or value == "":
                if variable.prompt.get("Required") and not variable.value:
                    missing.append(label or variable.name)
            elif variable.is_sensitive:
                text = value.get("NewValue") if isinstance(value, dict) else value
                sealed = vault.seal(Sensitive(str(text)), variable_place(variable.id))
                values[variable.id] = {SEALED: sealed}
            else:
                values[variable.id] = str(value)
    if missing:
        raise Invalid(f"Please give a value for {', '.join(missing)}: this is asked for at every deployment.")
    return values


def _moment(command: Members, *names: str) -> datetime | None:
    text = next((command.text(name) for name in names if command.text(name)), "")
    return parse_moment(text) if text else None
