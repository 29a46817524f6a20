"""What both standard script services answer: state, exit code, and the lines since a sequence number."""

import asyncio
from dataclasses import dataclass

from octavo.agent.jobs.job import Job
from octavo.agent.jobs.output_log import LogSlice, parse_entries
from octavo.contracts.scripts import ProcessOutput, ProcessState

#: A larger log travels in several answers; until the last one the script counts as running.
MAX_ANSWER_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """One status, before it takes the shape of a contract."""

    logs: tuple[ProcessOutput, ...]
    next_sequence: int
    state: ProcessState
    exit_code: int


async def answer_for(job: Job, after: int) -> Answer:
    """Where the job stands. The state is read before the log, so a complete answer lacks no line."""
    result = job.result
    piece = await asyncio.to_thread(job.read_log, after, MAX_ANSWER_BYTES)
    logs = await _parse(piece)
    if result.is_complete and piece.has_more:
        return Answer(logs, piece.next_sequence, ProcessState.RUNNING, 0)
    return Answer(logs, piece.next_sequence, result.state, result.exit_code)


async def _parse(piece: LogSlice) -> tuple[ProcessOutput, ...]:
    if len(piece.data) < 65536:
        return parse_entries(piece.data)
    return await asyncio.to_thread(parse_entries, piece.data)
