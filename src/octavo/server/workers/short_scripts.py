"""Short scripts of the server's own, whose output is kept in memory."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from octavo.halibut import Endpoint
from octavo.server.domain.backoff import PollBase
from octavo.server.domain.task_log import Entry
from octavo.server.workers.retries import Notice, RetryPolicy
from octavo.server.workers.script_client import Script, ScriptClient
from octavo.server.workers.script_session import ScriptSession


@dataclass(frozen=True, slots=True)
class ShortScriptEnd:
    """How a script ended, and all it said."""

    exit_code: int
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class ShortScripts:
    """Runs such scripts on one machine. `notify` hears of requests that are repeated."""

    client: ScriptClient
    endpoint: Endpoint
    policy: RetryPolicy
    notify: Notice

    async def run(self, script: Script, cancel: asyncio.Event) -> ShortScriptEnd:
        """Run the script to its end, under its task's id as ticket.

        Raises:
            Cancelled: before it was started.
            HalibutError: the agent was lost.
        """
        base = PollBase.POLLING if self.endpoint.is_polling else PollBase.LISTENING
        session = ScriptSession(self.client, script, script.task_id, base, self.policy, cancel, self.notify)
        entries: list[Entry] = []
        fed, exit_code = 0, 0
        async for progress in session.run(is_started=False):
            entries += progress.entries[max(0, fed - progress.first_sequence + 1) :]
            fed, exit_code = max(fed, progress.next_sequence), progress.exit_code
        last = await session.complete(fed)
        if last is not None:
            entries += last.entries[max(0, fed - last.first_sequence + 1) :]
            exit_code = last.exit_code
        return ShortScriptEnd(exit_code, entries)
