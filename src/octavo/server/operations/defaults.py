"""What kinds share that have exactly one default in each space: worker pools and machine policies."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Table

from octavo.base.errors import Invalid
from octavo.server.operations.documents import Json
from octavo.server.operations.resource_kinds import Change
from octavo.server.store.resources import Query, list_documents, update_document


def guard_default(change: Change) -> None:
    """Copy the flag into its column; the default stays the default until another one takes over."""
    was_default = bool(change.old and change.old.get("IsDefault"))
    change.new["IsDefault"] = bool(change.new.get("IsDefault")) or was_default
    change.columns["is_default"] = change.new["IsDefault"]


async def keep_one_default(change: Change, table: Table) -> None:
    """When this one has become the default, the one before is none any more."""
    if not change.new["IsDefault"]:
        return
    others = Query(change.space_id, conditions=(table.c.is_default.is_(True), table.c.id != change.resource_id))
    for other in (await list_documents(change.connection, table, others)).documents:
        doc = {**other.doc, "IsDefault": False}
        await update_document(change.connection, table, replace(other, doc=doc, columns={"is_default": False}))


def refuse_to_delete_default(noun: str, resource: Mapping[str, Any] | Json) -> None:
    """The default of a space is needed.

    Raises:
        Invalid: `resource` is the default.
    """
    if resource["IsDefault"]:
        raise Invalid(
            f"{resource['Name']} is the default {noun} of its space and cannot be deleted. "
            f"Make another {noun} the default first."
        )
