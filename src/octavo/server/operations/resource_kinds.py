"""What a kind of resource is, declared once.

From this declaration the generic operations (`resources.py`) and routes (`api/resource_routes.py`) make list, all, get,
create, modify and delete. Only what is special about a kind is written by hand, as hooks. A new kind is a file in
`kinds/` and a line in `kinds/all_kinds.py`. Decision: docs/decisions/0050-resources-declared-once.md.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Table
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.server.domain.permissions import Permission
from octavo.server.operations.context import OperationContext
from octavo.server.operations.documents import Document, Json
from octavo.server.operations.sight import Sight


@dataclass(frozen=True, slots=True)
class Rights:
    """The permission each deed needs."""

    view: Permission
    create: Permission
    edit: Permission
    delete: Permission


@dataclass(frozen=True, slots=True)
class Change:
    """A document about to be stored, inside the transaction. A hook may change `new` and `columns`."""

    context: OperationContext
    connection: AsyncConnection
    resource_id: str
    space_id: str
    new: Json
    old: Json | None
    columns: dict[str, Any]

    @property
    def is_new(self) -> bool:
        """Whether it is being created."""
        return self.old is None


#: Makes a filter from the values of a query parameter.
FilterMaker = Callable[[Sequence[str]], ColumnElement[bool]]
SaveHook = Callable[[Change], Awaitable[None]]
DeleteHook = Callable[[OperationContext, AsyncConnection, Json], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ResourceKind:
    """One kind of resource and everything that sets it apart from the others."""

    item_type: str  # "WorkerPool": ItemType of a page, subject of an event
    path: str  # "workerpools": after /api or /api/{space}
    id_prefix: str  # "WorkerPools"
    model: type[Document]
    table: Table
    rights: Rights
    links: Mapping[str, str]  # name → template over {self}, {root}, {id}; other braces stay for the client
    is_sorted: bool = False  # by SortOrder, which people change; else by name
    is_in_space: bool = True
    name_limit: int = 200
    list_parameters: str = "skip,ids,take,partialName"
    filters: Mapping[str, FilterMaker] = field(default_factory=dict)  # by lower-case query parameter
    server_owned: Mapping[str, object] = field(default_factory=dict)  # stored, ignored on input; with first values
    computed: Callable[[Json, Mapping[str, Any]], Json] | None = None  # from the document and its columns, on reading
    computed_names: frozenset[str] = frozenset()
    secrets: tuple[str, ...] = ()  # members that hold a SensitiveValue
    before_save: SaveHook | None = None
    after_save: SaveHook | None = None  # after the row is there: link tables, siblings, children
    before_delete: DeleteHook | None = None
    after_commit: Callable[[OperationContext, Json], Awaitable[None]] | None = None  # of a create or modify
    wakes: str | None = None  # bus subject to publish on after a change
    sight: Sight = field(default_factory=dict)  # how a row is about what rights may be limited to
    root_link: str = ""  # its name among the links of the root documents, where that is not `id_prefix`

    @property
    def noun(self) -> str:
        """What a person calls it."""
        return self.model.noun
