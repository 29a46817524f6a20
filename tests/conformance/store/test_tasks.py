"""Rows of tasks, script runs, logs, leases and nodes, on SQLite and PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import NotFound
from octavo.server.domain.script_runs import RunState, ScriptRun, ServiceVersion
from octavo.server.domain.task_log import Line
from octavo.server.domain.tasks import Claim, NewTask, NodeId, Task, TaskEnd, TaskId, TaskKind, TaskState
from octavo.server.store import Store
from octavo.server.store.leases import Lease, count_leases, end_leases, grant_leases, list_leases, renew_leases
from octavo.server.store.nodes import beat, end_node, end_other_nodes, list_live_nodes
from octavo.server.store.script_runs import (
    RunChange,
    change_script_run,
    claim_script_runs,
    insert_script_runs,
    list_script_runs,
)
from octavo.server.store.task_log import NewChunk, append_chunk, delete_chunks, read_chunks
from octavo.server.store.tasks import (
    FenceLost,
    TaskQuery,
    admit_tasks,
    claim_running,
    count_executing,
    end_queued_task,
    find_mutex_holders,
    find_task,
    finish_task,
    get_task,
    insert_task,
    list_queued,
    list_running,
    list_tasks,
    request_cancel,
    set_task_state,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
NODE = NodeId("node-a")
SCRIPT = NewTask(TaskKind.AD_HOC_SCRIPT, "Spaces-1", "Script", {"ScriptBody": "echo ä"}, {"steps": []})


async def queue(connection: AsyncConnection, new: NewTask = SCRIPT) -> Task:
    return await insert_task(connection, new, NOW, "admin", "Users-1")


async def execute(connection: AsyncConnection, new: NewTask = SCRIPT) -> Task:
    task = await queue(connection, new)
    await admit_tasks(connection, [task.id], NODE, NOW)
    return await get_task(connection, task.id)


def a_run(task: Task) -> ScriptRun:
    return ScriptRun("ticket-1", task.id, "1/1", "Workers-1", "build-1", 1, task.fence)


def a_claim(task: Task) -> Claim:
    return Claim(task.id, task.fence)


async def test_a_queued_task_is_found_by_its_id_in_its_space(store: Store) -> None:
    async with store.writing() as connection:
        task = await queue(connection)

        assert task.id == "ServerTasks-1"
        assert replace(await get_task(connection, "servertasks-1", "Spaces-1"), updated_at=None) == task
        assert await find_task(connection, task.id, "Spaces-2") is None
        assert await find_task(connection, "Machines-1") is None
        with pytest.raises(NotFound):
            await get_task(connection, "ServerTasks-99")


async def test_tasks_are_listed_newest_first_and_asked_ids_override_paging(store: Store) -> None:
    async with store.writing() as connection:
        first, second, third = [await queue(connection) for _ in range(3)]

        page, total = await list_tasks(connection, TaskQuery(space_id="Spaces-1", skip=1, take=1))
        by_id, _ = await list_tasks(connection, TaskQuery(ids=[first.id, third.id, "ServerTasks-99"], skip=300))
        other, _ = await list_tasks(connection, TaskQuery(states=[TaskState.FAILED]))

    assert ([task.id for task in page], total) == ([second.id], 3)
    assert [task.id for task in by_id] == [third.id, first.id]
    assert other == []


async def test_admitted_tasks_execute_under_a_new_fence_and_leave_the_queue(store: Store) -> None:
    async with store.writing() as connection:
        first, second = await queue(connection), await queue(connection)
        await admit_tasks(connection, [first.id], NODE, NOW)

        admitted = await get_task(connection, first.id)
        assert (admitted.state, admitted.fence, admitted.node) == (TaskState.EXECUTING, 1, NODE)
        assert [task.id for task in await list_queued(connection, 10)] == [second.id]
        assert await count_executing(connection, NODE) == 1
        assert await list_running(connection) == [(first.id, TaskState.EXECUTING, NODE)]


async def test_a_running_task_holds_its_mutex(store: Store) -> None:
    async with store.writing() as connection:
        task = await execute(connection, replace(SCRIPT, mutex_key="web+live"))

        assert await find_mutex_holders(connection, ["web+live", "free"]) == {"web+live": task.id}
        await finish_task(connection, a_claim(task), TaskEnd(TaskState.SUCCESS), NOW)
        assert await find_mutex_holders(connection, ["web+live"]) == {}
        assert await find_mutex_holders(connection, []) == {}


async def test_who_lost_the_fence_can_write_nothing_more(store: Store) -> None:
    async with store.writing() as connection:
        task = await execute(connection)
        await insert_script_runs(connection, [a_run(task)], NOW)

        taken_over = await claim_running(connection, task.id, NodeId("node-b"))
        await claim_script_runs(connection, task.id, 2)

        assert taken_over is not None
        assert taken_over.fence == 2
        with pytest.raises(FenceLost):
            await append_chunk(connection, a_claim(task), NewChunk("1/1", [Line("Info", "", "late")]), NOW)
        with pytest.raises(FenceLost):
            await change_script_run(connection, "ticket-1", 1, RunChange(state=RunState.SUCCESS))
        with pytest.raises(FenceLost):
            await finish_task(connection, a_claim(task), TaskEnd(TaskState.SUCCESS), NOW)
        await finish_task(connection, a_claim(taken_over), TaskEnd(TaskState.FAILED, "why"), NOW)
        assert await claim_running(connection, task.id, NODE) is None


async def test_cancelling_ends_a_queued_task_and_asks_a_running_one(store: Store) -> None:
    async with store.writing() as connection:
        queued, running = await queue(connection), await execute(connection)

        ended = await request_cancel(connection, queued.id, NOW, "admin")
        asked = await request_cancel(connection, running.id, NOW, "admin")
        again = await request_cancel(connection, queued.id, NOW, "admin")

        assert ended == (TaskState.QUEUED, TaskState.CANCELLED)
        assert asked == (TaskState.EXECUTING, TaskState.CANCELLING)
        assert again == (TaskState.CANCELLED, TaskState.CANCELLED)
        await finish_task(connection, a_claim(running), TaskEnd(TaskState.CANCELLED), NOW)
        with pytest.raises(NotFound):
            await request_cancel(connection, TaskId("ServerTasks-99"), NOW, "admin")


async def test_a_task_that_never_started_can_time_out_and_any_can_be_set_by_hand(store: Store) -> None:
    async with store.writing() as connection:
        queued, running = await queue(connection), await execute(connection)
        await end_queued_task(connection, queued.id, TaskEnd(TaskState.TIMED_OUT, "too late"), NOW)
        await set_task_state(connection, running.id, TaskEnd(TaskState.FAILED, "by hand"), NOW)

        timed_out, failed = await get_task(connection, queued.id), await get_task(connection, running.id)

    assert (timed_out.state, timed_out.error) == (TaskState.TIMED_OUT, "too late")
    assert (failed.state, failed.fence) == (TaskState.FAILED, running.fence + 1)


async def test_lines_are_read_by_position_over_all_units(store: Store) -> None:
    async with store.writing() as connection:
        task = await execute(connection)
        one = NewChunk("1/1", [Line("Info", "t", "a"), Line("Error", "t", "b")], first_sequence=1, last_sequence=2)
        two = NewChunk("1/2", [Line("Info", "t", "c")], first_sequence=1, last_sequence=1)
        note = NewChunk("1/1", [Line("Warning", "t", "note")])
        positions = [await append_chunk(connection, a_claim(task), chunk, NOW) for chunk in (one, two, note)]

    async with store.reading() as connection:
        everything = await read_chunks(connection, task.id)
        rest = await read_chunks(connection, task.id, after=1)
        end = await read_chunks(connection, task.id, after=4)

    assert positions == [2, 3, 4]
    assert [line.text for chunk in everything for line in chunk.lines] == ["a", "b", "c", "note"]
    assert [chunk.first_position for chunk in everything] == [1, 3, 4]
    assert [chunk.unit for chunk in rest] == ["1/1", "1/2", "1/1"]
    assert end == []


async def test_the_last_lines_may_bring_the_tasks_end(store: Store) -> None:
    async with store.writing() as connection:
        task = await execute(connection)
        end = TaskEnd(TaskState.FAILED, "exit code 3")
        await append_chunk(connection, a_claim(task), NewChunk("1/1", [Line("Info", "t", "a")], 1, 1), NOW, end)

        ended = await get_task(connection, task.id)
        assert (ended.state, ended.error, ended.lines) == (TaskState.FAILED, "exit code 3", 1)
        await delete_chunks(connection, task.id)
        assert await read_chunks(connection, task.id) == []


async def test_the_cursor_moves_only_from_where_it_stands(store: Store) -> None:
    async with store.writing() as connection:
        task = await execute(connection)
        await insert_script_runs(connection, [a_run(task)], NOW)
        started = RunChange(next_sequence=5, state=RunState.RUNNING, service=ServiceVersion.V1, agent_ticket="theirs")
        await change_script_run(connection, "ticket-1", 1, started, at_sequence=0)

        with pytest.raises(FenceLost):
            await change_script_run(connection, "ticket-1", 1, RunChange(next_sequence=9), at_sequence=0)
        (run,) = await list_script_runs(connection, task.id, "1/1")

    assert (run.next_sequence, run.state, run.service) == (5, RunState.RUNNING, ServiceVersion.V1)
    assert (run.agent_ticket, run.exit_code, run.machine_name) == ("theirs", None, "build-1")


async def test_leases_are_counted_until_they_are_given_back(store: Store) -> None:
    async with store.writing() as connection:
        task = await execute(connection)
        lease = Lease("Workers-1", task.id, "1/1")
        await grant_leases(connection, [lease, Lease("Workers-1", task.id, "1/2")], NOW)
        await renew_leases(connection, NODE)

        assert await count_leases(connection) == {"Workers-1": 2}
        await end_leases(connection, task.id, "1/2")
        assert await list_leases(connection, "Workers-1") == [lease]
        await end_leases(connection, task.id)
        assert await list_leases(connection) == []


async def test_a_node_lives_from_its_beat_to_its_end(store: Store) -> None:
    async with store.writing() as connection:
        for node in (NODE, NodeId("node-b")):
            await beat(connection, node, "host", 20, NOW)
        await beat(connection, NODE, "host", 20, NOW)

        assert await list_live_nodes(connection) == {NODE, "node-b"}
        await end_other_nodes(connection, NODE)
        assert await list_live_nodes(connection) == {NODE}
        await end_node(connection, NODE)
        assert await list_live_nodes(connection) == set()
