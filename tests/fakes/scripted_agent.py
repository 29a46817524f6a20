"""A script client whose answers a test writes down beforehand: values are returned, errors are raised."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from octavo.contracts.scripts import ProcessState
from octavo.server.domain.script_runs import ServiceVersion
from octavo.server.domain.task_log import Entry
from octavo.server.workers.script_client import Progress, Script

TIME = "2026-01-02T03:04:05.000+00:00"

Answer = Progress | Exception | Callable[[], Progress]


@dataclass
class ScriptedAgent:
    """Answers each method from its own row; `calls` remembers what was asked, in order."""

    version: ServiceVersion = ServiceVersion.V2
    is_repeatable: bool = True
    waits_for_news: bool = False
    starts: Sequence[Answer] = ()
    statuses: Sequence[Answer] = ()
    cancels: Sequence[Answer] = ()
    completes: Sequence[Answer | None] = (None,)
    calls: list[tuple[str, str, int]] = field(default_factory=list)
    called: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._rows: dict[str, deque[Answer | None]] = {
            "start": deque(self.starts),
            "get_status": deque(self.statuses),
            "cancel": deque(self.cancels),
            "complete": deque(self.completes),
        }

    async def start(self, ticket: str, script: Script) -> Progress:
        return self._progress("start", ticket, 0)

    async def get_status(self, ticket: str, sequence: int) -> Progress:
        return self._progress("get_status", ticket, sequence)

    async def cancel(self, ticket: str, sequence: int) -> Progress:
        return self._progress("cancel", ticket, sequence)

    async def complete(self, ticket: str, sequence: int) -> Progress | None:
        return self._answer("complete", ticket, sequence)

    def names(self) -> list[str]:
        """What was asked, in order."""
        return [name for name, _, _ in self.calls]

    def _progress(self, name: str, ticket: str, sequence: int) -> Progress:
        answer = self._answer(name, ticket, sequence)
        assert answer is not None
        return answer

    def _answer(self, name: str, ticket: str, sequence: int) -> Progress | None:
        self.calls.append((name, ticket, sequence))
        self.called.set()
        answer = self._rows[name].popleft()
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer


def running(*texts: str, after: int = 0, ticket: str = "t") -> Progress:
    """An answer of a script that goes on, with these new lines behind sequence `after`."""
    return _progress(ProcessState.RUNNING, 0, texts, after, ticket)


def complete(*texts: str, after: int = 0, exit_code: int = 0, ticket: str = "t") -> Progress:
    """An answer of a script that has ended."""
    return _progress(ProcessState.COMPLETE, exit_code, texts, after, ticket)


def _progress(state: ProcessState, exit_code: int, texts: Sequence[str], after: int, ticket: str) -> Progress:
    entries = [Entry("stdout", TIME, text) for text in texts]
    return Progress(ticket, state, exit_code, entries, after + len(texts), state is ProcessState.COMPLETE)
