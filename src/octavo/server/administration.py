"""What the operator does with the database at hand, beside a running server or without one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from octavo.base.errors import ConfigurationError
from octavo.base.sensitive import Sensitive
from octavo.server.app import opened_parts
from octavo.server.operations.built_in_worker import get_built_in_worker, modify_built_in_worker
from octavo.server.operations.context import SYSTEM, OperationContext
from octavo.server.operations.space_directory import SpaceDirectory
from octavo.server.operations.users import create_api_key_by_name
from octavo.server.settings import Settings


async def create_api_key(settings: Settings, username: str, purpose: str) -> Sensitive:
    """A new key for the user of this name.

    Raises:
        NotFound: there is no such user.
        ConfigurationError: no server has started in this data folder yet.
    """
    async with _opened(settings) as context:
        return await create_api_key_by_name(context, username, purpose)


async def change_built_in_worker(settings: Settings, wanted: dict[str, object]) -> dict[str, Any]:
    """The built-in worker's switch after the change; only shown when nothing is wanted."""
    async with _opened(settings) as context:
        if wanted:
            return await modify_built_in_worker(context, wanted)
        return await get_built_in_worker(context)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[OperationContext]:
    if settings.database is None and not (settings.data / "server.db").exists():
        raise ConfigurationError(
            f"There is no Octavo server in {settings.data.resolve()}: server.db is not there. Name its folder with "
            "--data, or start it once with `octavo server run`."
        )
    async with opened_parts(settings) as parts:
        context = OperationContext(parts, SYSTEM)
        yield context.in_space(await SpaceDirectory(parts.store).find(None))
