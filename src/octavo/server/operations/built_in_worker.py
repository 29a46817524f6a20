"""The built-in worker's switch: the rule of `domain/built_in_worker.py` on the store's facts, and its settings."""

from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.server.domain.built_in_worker import BuiltInWorkerSwitch, built_in_worker_switch
from octavo.server.domain.permissions import Permission
from octavo.server.operations.audit import record
from octavo.server.operations.context import OperationContext, require
from octavo.server.operations.documents import Document, Json, parse
from octavo.server.store.schema import worker_pool_members, worker_pools
from octavo.server.store.settings import find_setting, set_setting

_SETTING = "built-in-worker"


@dataclass(frozen=True, slots=True)
class BuiltInWorkerSetting:
    """What an administrator decides: whether it may run at all, and as which account (None: the server's own)."""

    is_allowed: bool = True
    account: str | None = None


class _Wanted(Document):
    """The members of a PUT that can be changed."""

    noun: ClassVar[str] = "built-in worker"

    is_allowed: bool | None = None
    account: str | None = None


async def find_built_in_worker_setting(connection: AsyncConnection) -> BuiltInWorkerSetting:
    """What the administrator has set; the default when nothing was."""
    stored: Any = await find_setting(connection, _SETTING) or {}
    return BuiltInWorkerSetting(stored.get("IsAllowed", True), stored.get("Account"))


async def set_built_in_worker(connection: AsyncConnection, setting: BuiltInWorkerSetting) -> None:
    """Store what the administrator has decided."""
    await set_setting(connection, _SETTING, {"IsAllowed": setting.is_allowed, "Account": setting.account})


async def find_switch(connection: AsyncConnection, space_id: str) -> BuiltInWorkerSwitch:
    """The switch's position for work of this space: its default pool decides."""
    setting = await find_built_in_worker_setting(connection)
    members = (
        select(func.count())
        .select_from(worker_pool_members.join(worker_pools))
        .where(worker_pools.c.is_default.is_(True), worker_pools.c.space_id == space_id)
    )
    count = int((await connection.execute(members)).scalar_one())
    return built_in_worker_switch(is_allowed=setting.is_allowed, workers_in_default_pool=count)


async def get_built_in_worker(context: OperationContext) -> Json:
    """The switch and the settings as the API shows them."""
    async with context.store.reading() as connection:
        return await _present(context, connection)


async def modify_built_in_worker(context: OperationContext, data: object) -> Json:
    """Change the settings; a member that is absent stays as it is.

    Raises:
        Forbidden: the caller is no administrator.
    """
    require(context, Permission.ADMINISTER_SYSTEM)
    wanted = parse(_Wanted, data)
    async with context.store.writing() as connection:
        before = await find_built_in_worker_setting(connection)
        account = (wanted.account or None) if "account" in wanted.model_fields_set else before.account
        if account and not account.replace("-", "").replace("_", "").replace(".", "").isalnum():
            raise Invalid(f"'{account}' cannot be the name of an account on the server's machine.")
        after = BuiltInWorkerSetting(before.is_allowed if wanted.is_allowed is None else wanted.is_allowed, account)
        await set_built_in_worker(connection, after)
        changes = {"Before": _as_json(before), "After": _as_json(after)}
        await record(context, connection, "Modified", "The built-in worker's settings were changed", changes=changes)
        result = await _present(context, connection)
    await context.bus.publish("agents")
    return result


def _as_json(setting: BuiltInWorkerSetting) -> Json:
    return {"IsAllowed": setting.is_allowed, "Account": setting.account}


async def _present(context: OperationContext, connection: AsyncConnection) -> Json:
    switch = await find_switch(connection, context.space_id)
    setting = await find_built_in_worker_setting(connection)
    return {
        "State": switch.state.value,
        "Reason": switch.reason,
        "IsAllowed": setting.is_allowed,
        "Account": setting.account,
        "Links": {"Self": "/api/builtinworker"},
    }
