"""Tasks: queue, look at, cancel, rerun, set by hand, and say why one waits.

Queueing freezes the plan: what the task will do and where. Source: DESIGN §6; resources.md §12; endpoints.md §8.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.server.domain.admission import Hold, decide_admissions
from octavo.server.domain.permissions import Permission
from octavo.server.domain.plans import plan_as_json
from octavo.server.domain.tasks import FINAL_STATES, NewTask, NodeId, Task, TaskEnd, TaskKind, TaskState
from octavo.server.domain.waiting import Waiting
from octavo.server.operations.admission import NodeView, as_queued, read_facts
from octavo.server.operations.audit import record
from octavo.server.operations.context import OperationContext, require, require_everywhere
from octavo.server.operations.deployments import redeploy
from octavo.server.operations.moments import parse_moment
from octavo.server.operations.sight import place_sight, require_row, within_sight
from octavo.server.operations.task_plans import frozen_arguments, make_plan
from octavo.server.store.executions import find_execution_of_task
from octavo.server.store.nodes import list_nodes
from octavo.server.store.schema import server_tasks
from octavo.server.store.tasks import (
    TaskQuery,
    count_executing,
    get_task,
    insert_task,
    list_tasks,
    request_cancel,
    set_task_state,
)


async def queue_task(
    context: OperationContext,
    kind: TaskKind,
    arguments: Mapping[str, Any],
    *,
    description: str = "",
    not_before: str | None = None,
    expires_at: str | None = None,
) -> Task:
    """Queue a task of any kind and wake the engine.

    Raises:
        Invalid: the arguments cannot be right; nothing was queued.
        Forbidden: the caller may not.
    """
    require_everywhere(context, Permission.TASK_CREATE)  # a script or check reaches machines of any environment
    return await queue_permitted_task(
        context, kind, arguments, description=description, not_before=not_before, expires_at=expires_at
    )


async def queue_permitted_task(
    context: OperationContext,
    kind: TaskKind,
    arguments: Mapping[str, Any],
    *,
    description: str = "",
    not_before: str | None = None,
    expires_at: str | None = None,
) -> Task:
    """The same for a caller whose right was asked for already.

    Raises:
        Invalid: as `queue_task`.
    """
    frozen = await frozen_arguments(context, kind, arguments)
    async with context.store.writing() as connection:
        new = NewTask(
            kind=kind,
            space_id=context.space_id or None,
            description=description or _DESCRIPTIONS[kind],
            arguments=frozen,
            plan=plan_as_json(await make_plan(connection, context.space_id, kind, arguments)),
            not_before=parse_moment(not_before) if not_before else None,
            expires_at=parse_moment(expires_at) if expires_at else None,
        )
        caller = context.caller
        task = await insert_task(connection, new, context.clock.now(), caller.username, caller.user_id)
    await context.bus.publish("tasks", task.id.encode())
    return task


async def read_task(context: OperationContext, task_id: str) -> Task:
    """The task.

    Raises:
        NotFound: there is none in this space.
    """
    async with context.store.reading() as connection:
        task = await get_task(connection, task_id, context.space_id or None)
        await _require_on(context, connection, task, Permission.TASK_VIEW)
    return task


async def read_tasks(context: OperationContext, query: TaskQuery) -> tuple[list[Task], int]:
    """The tasks that match, newest first, and how many there are."""
    require(context, Permission.TASK_VIEW)
    seen = within_sight(context, Permission.TASK_VIEW, place_sight(server_tasks))
    if seen is not None:
        query = replace(query, conditions=[*query.conditions, seen])
    async with context.store.reading() as connection:
        return await list_tasks(connection, query)


async def cancel_task(context: OperationContext, task_id: str) -> Task:
    """Cancel a queued task at once; tell a running one to end.

    Raises:
        NotFound: there is none in this space.
    """
    async with context.store.writing() as connection:
        task = await get_task(connection, task_id, context.space_id or None)
        await _require_on(context, connection, task, Permission.TASK_CANCEL)
        now, username = context.clock.now(), context.caller.username
        before, after = await request_cancel(connection, task.id, now, username)
        if before is not after:
            message = f"Task {task.id} ({task.description}) was cancelled"
            await record(context, connection, "TaskCanceled", message, related=[task.id], space_id=task.space_id or "")
        task = await get_task(connection, task.id)
    await context.bus.publish(f"cancel.{task.id}", task.id.encode())
    await context.bus.publish(f"task.{task.id}")
    return task


async def rerun_task(context: OperationContext, task_id: str) -> Task:
    """Queue the same again, planned anew.

    Raises:
        NotFound: there is none in this space.
        Invalid: it is not at its end yet.
    """
    task = await read_task(context, task_id)
    if not task.is_final:
        raise Invalid(f"{task.id} is {task.state.value}. A task can be run again when it has ended.")
    inside = context.in_space(task.space_id or "")
    if task.kind in (TaskKind.DEPLOY, TaskKind.RUNBOOK_RUN):
        async with context.store.reading() as connection:
            execution = await find_execution_of_task(connection, task.id)
        if execution is None:
            raise Invalid(f"What {task.id} carried out is gone. Create it anew.")
        return await redeploy(inside, execution)
    return await queue_task(inside, task.kind, task.arguments, description=task.description)


async def set_state_by_hand(context: OperationContext, task_id: str, state: TaskState, reason: str) -> Task:
    """Give a task a final state whatever it does: for people who know better.

    Raises:
        NotFound: there is none in this space.
        Invalid: the state is not final.
    """
    if state not in FINAL_STATES:
        raise Invalid(f"A task can be set to a final state only, not to {state.value}.")
    async with context.store.writing() as connection:
        task = await get_task(connection, task_id, context.space_id or None)
        await _require_on(context, connection, task, Permission.TASK_CANCEL)
        await set_task_state(connection, task.id, TaskEnd(state, reason), context.clock.now())
        message = f"Task {task.id} was set to {state.value}: {reason}"
        await record(context, connection, "Modified", message, related=[task.id], space_id=task.space_id or "")
        changed = await get_task(connection, task.id)
    await context.bus.publish(f"cancel.{task.id}", task.id.encode())
    await context.bus.publish(f"task.{task.id}")
    return changed


async def _require_on(
    context: OperationContext, connection: AsyncConnection, task: Task, permission: Permission
) -> None:
    """Go on only if the caller has the permission for the task; one that they may not see is not there."""
    for each in dict.fromkeys((Permission.TASK_VIEW, permission)):
        await require_row(
            context,
            connection,
            server_tasks,
            task.id,
            permission=each,
            sight=place_sight(server_tasks),
            is_seen=each is not Permission.TASK_VIEW,
        )


async def find_waiting(context: OperationContext, task_id: str) -> Waiting | None:
    """Why a queued task waits; None when it does not, or could start at the engine's next look.

    Raises:
        NotFound: there is none in this space.
    """
    task = await read_task(context, task_id)
    if task.state is not TaskState.QUEUED:
        return None
    async with context.store.reading() as connection:
        nodes = await list_nodes(connection)
        node, task_cap = nodes[0] if nodes else (NodeId(""), 1)
        executing = await count_executing(connection, node)
        view = NodeView(node, task_cap, context.clock.now(), executing)
        (decision,) = decide_admissions([as_queued(task)], await read_facts(connection, [task], view))
    return decision.waiting if isinstance(decision, Hold) else None


async def list_queued_before(context: OperationContext, task_id: str) -> list[Task]:
    """The tasks that are ahead of a queued one, oldest first."""
    task = await read_task(context, task_id)
    if task.state is not TaskState.QUEUED:
        return []
    queued, _ = await read_tasks(context, TaskQuery(states=[TaskState.QUEUED]))
    return [each for each in reversed(queued) if each.queued_at < task.queued_at]


_DESCRIPTIONS = {
    TaskKind.AD_HOC_SCRIPT: "Script run from management console",
    TaskKind.HEALTH: "Check machine health",
    TaskKind.DEPLOY: "Deploy",
    TaskKind.RUNBOOK_RUN: "Run runbook",
}
