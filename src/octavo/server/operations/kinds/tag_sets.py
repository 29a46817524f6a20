"""Tag sets: the words that tenants, environments and projects may be tagged with."""

from typing import ClassVar, Literal

from octavo.server.domain.permissions import Permission
from octavo.server.operations.documents import Document
from octavo.server.operations.resource_kinds import Change, ResourceKind, Rights
from octavo.server.store import schema
from octavo.server.store.ids import next_number


class Tag(Document):
    """One word of a set."""

    noun: ClassVar[str] = "tag"

    id: str = ""
    name: str
    color: str = "#333333"
    description: str | None = None
    sort_order: int = 0


class TagSet(Document):
    """API: resources, section 15."""

    noun: ClassVar[str] = "tag set"

    name: str
    slug: str = ""
    description: str | None = None
    scopes: list[str] = ["Tenant"]
    type: Literal["MultiSelect", "SingleSelect", "FreeText"] = "MultiSelect"
    tags: list[Tag] = []


async def _before_save(change: Change) -> None:
    """Tags get ids and their full names: `Ring/Early`."""
    for place, tag in enumerate(change.new["Tags"]):
        if not tag["Id"]:
            tag["Id"] = f"{change.resource_id}/Tags-{await next_number(change.connection, 'Tags')}"
        tag["SortOrder"] = tag["SortOrder"] or place
        tag["CanonicalTagName"] = f"{change.new['Name']}/{tag['Name']}"


TAG_SETS = ResourceKind(
    item_type="TagSet",
    path="tagsets",
    id_prefix="TagSets",
    model=TagSet,
    table=schema.tag_sets,
    rights=Rights(
        Permission.TAG_SET_VIEW, Permission.TAG_SET_CREATE, Permission.TAG_SET_EDIT, Permission.TAG_SET_DELETE
    ),
    links={"Self": "{self}"},
    is_sorted=True,
    list_parameters="skip,take,ids,partialName,scopes",
    before_save=_before_save,
)
