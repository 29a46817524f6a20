"""Chunks of task logs: appended in the transaction that moves the agent's cursor, read by position.

Every line of a task has a position: 1, 2, … over all its units. A chunk's lines are packed by `domain/task_log.py` and
compressed. Chunks of a script carry the agent's sequence numbers, so that the same lines cannot be stored twice; notes
of the server itself take negative ones. Source: DESIGN §6 (task log), FOUNDATIONS «Life of a task».
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.server.domain.task_log import Line, pack_lines, unpack_lines
from octavo.server.domain.tasks import RUNNING_STATES, Claim, TaskEnd, TaskId
from octavo.server.store.schema import server_tasks, task_log_chunks
from octavo.server.store.tasks import FenceLost

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_LEVEL = 1  # 20 MB of log a second must pass; level 3 saves 5 % more and takes twice as long


@dataclass(frozen=True, slots=True)
class NewChunk:
    """Lines of one unit. `first_sequence` is the agent's number of the first; None for notes of the server.

    `last_sequence` may be beyond the lines: some of what an agent sends is for the server only.
    """

    unit: str
    lines: Sequence[Line]
    first_sequence: int | None = None
    last_sequence: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """Stored lines; `position` is that of the last one."""

    unit: str
    position: int
    lines: Sequence[Line]

    @property
    def first_position(self) -> int:
        """The position of the first line."""
        return self.position - len(self.lines) + 1


async def append_chunk(  # one statement fewer a task when its end comes with its last lines
    connection: AsyncConnection, claim: Claim, chunk: NewChunk, now: datetime, end: TaskEnd | None = None
) -> int:
    """Append lines to a running task's log, give it its end if there is one; the position of its last line.

    Raises:
        FenceLost: another node executes the task now, or it has ended.
    """
    payload = zstd.compress(pack_lines(chunk.lines), _LEVEL) if chunk.lines else b""
    position = await _advance(connection, claim, _Growth(len(chunk.lines), len(payload)), now, end)
    if chunk.lines:
        first = chunk.first_sequence if chunk.first_sequence is not None else -position
        row = {
            "task_id": claim.task_id,
            "unit": chunk.unit,
            "first_sequence": first,
            "last_sequence": max(first, chunk.last_sequence),
            "position": position,
            "line_count": len(chunk.lines),
            "occurred_at": now,
            "payload": payload,
        }
        await connection.execute(insert(task_log_chunks), row)
    return position


async def read_chunks(connection: AsyncConnection, task_id: TaskId, after: int = 0, limit: int = 64) -> list[Chunk]:
    """The next chunks with lines behind the position `after`, at most `limit`; the first may begin before it."""
    columns = task_log_chunks.c
    statement = (
        select(columns.unit, columns.position, columns.payload)
        .where(columns.task_id == task_id, columns.position > after)
        .order_by(columns.position)
        .limit(limit)
    )
    rows = (await connection.execute(statement)).all()
    return [Chunk(row.unit, row.position, unpack_lines(zstd.decompress(row.payload))) for row in rows]


async def delete_chunks(connection: AsyncConnection, task_id: TaskId) -> None:
    """Forget a task's log."""
    await connection.execute(delete(task_log_chunks).where(task_log_chunks.c.task_id == task_id))


@dataclass(frozen=True, slots=True)
class _Growth:
    lines: int
    size_bytes: int


async def _advance(
    connection: AsyncConnection, claim: Claim, growth: _Growth, now: datetime, end: TaskEnd | None
) -> int:
    values: dict[str, object] = {
        "claimed_id": claim.task_id,
        "claimed_fence": claim.fence,
        "grown_lines": growth.lines,
        "grown_bytes": growth.size_bytes,
        "now": now,
    }
    if end is not None:
        values |= {"new_state": end.state.value, "new_error": end.error}
    position = (await connection.execute(_ADVANCE if end is None else _ADVANCE_AND_END, values)).scalar()
    if position is None:
        raise FenceLost(f"{claim.task_id} is no longer executed under number {claim.fence}.")
    return int(position)


# Statements of every task, built once: building one costs twice what running it does (decision 0041).
_ADVANCE = (
    update(server_tasks)
    .where(
        server_tasks.c.id == bindparam("claimed_id"),
        server_tasks.c.fence == bindparam("claimed_fence"),
        server_tasks.c.state.in_([each.value for each in RUNNING_STATES]),
    )
    .values(
        log_position=server_tasks.c.log_position + bindparam("grown_lines"),
        log_bytes=server_tasks.c.log_bytes + bindparam("grown_bytes"),
        updated_at=bindparam("now"),
    )
    .returning(server_tasks.c.log_position)
)
_ADVANCE_AND_END = _ADVANCE.values(
    state=bindparam("new_state"), error_message=bindparam("new_error"), completed_at=bindparam("now")
)
