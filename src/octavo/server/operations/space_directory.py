"""Which space a request means: an id, a slug, or nothing for the default. Every request asks, so it is remembered."""

import time

from octavo.base.errors import NotFound
from octavo.server.store import Store
from octavo.server.store.resources import Query, find_by_slug, find_document, list_documents
from octavo.server.store.schema import spaces

MEMORY_SECONDS = 5.0  # how long another node's deleted space may still be found here

_DEFAULT = ""


class SpaceDirectory:
    """Finds spaces and remembers them for some seconds."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, tuple[str, float]] = {}

    async def find(self, key: str | None) -> str:
        """The id of the space with this id or slug; of the default space for None.

        Raises:
            NotFound: there is none.
        """
        known = self._known.get(key or _DEFAULT)
        if known and known[1] > time.monotonic():
            return known[0]
        space_id = await self._look_up(key)
        self._known[key or _DEFAULT] = (space_id, time.monotonic() + MEMORY_SECONDS)
        return space_id

    def forget(self) -> None:
        """A space was changed or deleted."""
        self._known.clear()

    async def _look_up(self, key: str | None) -> str:
        async with self._store.reading() as connection:
            if key is None:
                default = Query(conditions=(spaces.c.is_default.is_(True),))
                return (await list_documents(connection, spaces, default)).documents[0].id
            found = await find_document(connection, spaces, key) or await find_by_slug(connection, spaces, key)
        if found is None:
            raise no_space(key)
        return found.id


def no_space(key: str) -> NotFound:
    """The same words whether there is none, or none that one may see."""
    return NotFound(f"There is no space '{key}'. List them with GET /api/spaces/all.")
