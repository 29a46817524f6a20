"""The store: what a task's writes cost on both databases, beside plain `sqlite3` doing the same.

A task is written four times: queued, admitted with its script run, its log and the agent's cursor, its end. SQLite
flushes each commit to disk; PostgreSQL, as the tests run it, does not: its figure is the code's cost, not the disk's.
"""

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from bench.figures import Figure
from octavo.server.domain.script_runs import RunState, ScriptRun
from octavo.server.domain.task_log import Line
from octavo.server.domain.tasks import Claim, NewTask, NodeId, TaskEnd, TaskKind, TaskState
from octavo.server.store import Store
from octavo.server.store.script_runs import RunChange, change_script_run, insert_script_runs
from octavo.server.store.settings import find_setting, set_setting
from octavo.server.store.task_log import NewChunk, append_chunk
from octavo.server.store.tasks import admit_tasks, finish_task, insert_task
from services_under_test.postgresql import postgresql_server

TASKS = 400
COMMITS = 1_000
READS = 1_000
NODE = NodeId("node-bench")


async def measure() -> list[Figure]:
    """Tasks, commits and reads a second, alone and eight at a time."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder, postgresql_server() as server:
        floor_commits = _raw_commits_per_second(Path(folder))
        figures = await _figures(f"sqlite:///{folder}/server.db", "SQLite", floor_commits)
        server.execute("CREATE DATABASE bench")
        return figures + await _figures(server.url("bench"), "PostgreSQL (no fsync)", None)


async def _figures(url: str, name: str, floor_commits: float | None) -> list[Figure]:
    async with await Store.open(url) as store:
        await store.migrate()

        async def commit(number: int) -> None:
            async with store.writing() as connection:
                await set_setting(connection, f"key{number % 100}", {"a": number})

        async def read(number: int) -> None:
            async with store.reading() as connection:
                await find_setting(connection, f"key{number % 100}")

        async def run_task(number: int) -> None:
            await _run_task(store, number)

        floor_tasks = None if floor_commits is None else floor_commits / 4
        return [
            Figure(f"{name}: commits, one writer", await _rate(commit, COMMITS, 1), "/s", floor_commits),
            Figure(f"{name}: commits, 8 writers", await _rate(commit, COMMITS, 8), "/s", floor_commits),
            Figure(f"{name}: task records (4 commits), one", await _rate(run_task, TASKS, 1), "/s", floor_tasks),
            Figure(f"{name}: task records, 8", await _rate(run_task, TASKS, 8), "/s", floor_tasks, "≥ 150 /s"),
            Figure(f"{name}: reads, one", await _rate(read, READS, 1), "/s"),
            Figure(f"{name}: reads, 8", await _rate(read, READS, 8), "/s"),
        ]


async def _run_task(store: Store, number: int) -> None:
    now = datetime.now(UTC)
    new = NewTask(TaskKind.AD_HOC_SCRIPT, "Spaces-1", "bench", {"ScriptBody": "echo hello" * 20}, {"Steps": [1, 2, 3]})
    async with store.writing() as connection:
        task = await insert_task(connection, new, now, "admin", "Users-1")
    claim, ticket = Claim(task.id, 1), f"ticket-{task.id}"
    async with store.writing() as connection:
        await admit_tasks(connection, [task.id], NODE, now)
        run = ScriptRun(ticket, task.id, "1", "Workers-1", "linux-1", attempt=1, fence=1)
        await insert_script_runs(connection, [run], now)
    async with store.writing() as connection:
        line = Line("info", now.isoformat(), f"hello {number}")
        await append_chunk(connection, claim, NewChunk("1", [line], first_sequence=0, last_sequence=1), now)
        await change_script_run(connection, ticket, 1, RunChange(next_sequence=1, state=RunState.SUCCESS, exit_code=0))
    async with store.writing() as connection:
        await finish_task(connection, claim, TaskEnd(TaskState.SUCCESS), now)


async def _rate(deed: Callable[[int], Awaitable[None]], count: int, at_once: int) -> float:
    """How many deeds a second, `at_once` at a time."""

    async def work(first: int) -> None:
        for number in range(first, count, at_once):
            await deed(number)

    await deed(0)
    started = time.perf_counter()
    await asyncio.gather(*(work(first) for first in range(at_once)))
    return count / (time.perf_counter() - started)


def _raw_commits_per_second(folder: Path) -> float:
    """Plain `sqlite3` in the same folder with the same pragmas, one small upsert a commit."""
    connection = sqlite3.connect(folder / "floor.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT)")
    started = time.perf_counter()
    for number in range(COMMITS):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (f"key{number % 100}", f'{{"a":{number}}}'))
        connection.execute("COMMIT")
    elapsed = time.perf_counter() - started
    connection.close()
    return COMMITS / elapsed
