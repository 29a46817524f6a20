"""Reading task logs: in parts, whole, and while they grow.

Source: DESIGN §6 (live by server-sent events, resumable on any node); resources.md §12 (details).
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from octavo.server.domain.script_runs import ScriptRun
from octavo.server.domain.task_log import Line, as_raw_text
from octavo.server.domain.tasks import Task, TaskId
from octavo.server.operations.context import OperationContext
from octavo.server.operations.tasks import read_task
from octavo.server.store.script_runs import list_script_runs
from octavo.server.store.task_log import read_chunks
from octavo.server.store.task_units import TaskUnit, list_units
from octavo.server.store.tasks import get_task

CHUNKS_AT_ONCE = 32
LOOK_SECONDS = 5.0  # for news whose wake-up was lost; also keeps proxies from closing an idle stream


@dataclass(frozen=True, slots=True)
class NumberedLine:
    """A line with its position in the task and the unit it belongs to."""

    position: int
    unit: str
    line: Line


@dataclass(frozen=True, slots=True)
class TaskProgress:
    """A task, its attempts, and its newest lines by unit. `left_out` counts the older lines of each unit."""

    task: Task
    runs: list[ScriptRun]
    lines: dict[str, deque[NumberedLine]] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    units: dict[str, TaskUnit] = field(default_factory=dict)  # of a deployment or runbook run


async def read_lines(context: OperationContext, task_id: TaskId, after: int = 0) -> AsyncIterator[NumberedLine]:
    """Every line behind the position `after`, oldest first; a few chunks are in memory at a time."""
    while True:
        async with context.store.reading() as connection:
            chunks = await read_chunks(connection, task_id, after, CHUNKS_AT_ONCE)
        for chunk in chunks:
            for position, line in enumerate(chunk.lines, chunk.first_position):
                if position > after:
                    yield NumberedLine(position, chunk.unit, line)
        if len(chunks) < CHUNKS_AT_ONCE:
            return
        after = chunks[-1].position


async def read_raw_log(context: OperationContext, task_id: str) -> AsyncIterator[str]:
    """The whole log as text, in pieces.

    Raises:
        NotFound: there is no such task in this space.
    """
    task = await read_task(context, task_id)
    yield f"Task ID:        {task.id}\nTask status:    {task.state.value}\nTask:           {task.description}\n\n"
    piece: list[Line] = []
    async for numbered in read_lines(context, task.id):
        piece.append(numbered.line)
        if len(piece) == 1000:
            yield as_raw_text(piece)
            piece.clear()
    yield as_raw_text(piece)
    if task.error:
        yield f"\n{task.error}\n"


async def read_progress(context: OperationContext, task_id: str, tail: int) -> TaskProgress:
    """The task with the newest `tail` lines of each unit; 0 leaves the log unread.

    Raises:
        NotFound: there is no such task in this space.
    """
    task = await read_task(context, task_id)
    async with context.store.reading() as connection:
        runs = await list_script_runs(connection, task.id)
        units = await list_units(connection, task.id)
    progress = TaskProgress(task, runs, units=units)
    if tail == 0:
        return progress
    async for numbered in read_lines(context, task.id):
        newest = progress.lines.setdefault(numbered.unit, deque(maxlen=tail))
        if len(newest) == tail:
            progress.left_out[numbered.unit] = progress.left_out.get(numbered.unit, 0) + 1
        newest.append(numbered)
    return progress


async def follow_log(context: OperationContext, task: Task, after: int) -> AsyncIterator[list[NumberedLine] | Task]:
    """New lines as they come, in batches; an empty batch when nothing came for a while; at the end the task itself."""
    async with context.bus.subscribe(f"task.{task.id}") as news:
        while True:
            async with context.store.reading() as connection:  # state before lines: none come after a final state
                task = await get_task(connection, task.id)
                chunks = await read_chunks(connection, task.id, after, CHUNKS_AT_ONCE) if task.lines > after else []
            for chunk in chunks:
                numbered = enumerate(chunk.lines, chunk.first_position)
                yield [NumberedLine(position, chunk.unit, line) for position, line in numbered if position > after]
                after = chunk.position
            if len(chunks) == CHUNKS_AT_ONCE or after < task.lines:
                continue
            if task.is_final:
                yield task
                return
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await anext(news)
            except TimeoutError:
                yield []
