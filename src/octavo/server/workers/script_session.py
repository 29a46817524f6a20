"""One script on one agent, from the start to its cleaned-up end: the loop of tentacle-services.md §9.

`ScriptSession.run` yields what the agent answers; whoever consumes it stores each answer before it asks for the next.
A session resumed after a crash is the same call again: tickets make it safe, and lines come from the sequence asked.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from octavo.contracts.scripts import ExitCode, ProcessState
from octavo.halibut import HalibutError, NotDelivered
from octavo.server.domain.backoff import PollBase, poll_delay_seconds
from octavo.server.workers.retries import NO_RETRIES, Notice, RetryPolicy, call_with_retries
from octavo.server.workers.script_client import Progress, Script, ScriptClient

log = logging.getLogger(__name__)

T = TypeVar("T")

COMPLETE_SECONDS = 60.0  # tidying up after a cancellation must not hold the task up (§9.7)
UNSURE_SECONDS = 5.0  # to find out whether a script that was cancelled while starting did start


class Cancelled(Exception):  # it is an outcome, named for what happened
    """The script was cancelled. `may_have_started` is false when surely no agent ran it."""

    def __init__(self, *, may_have_started: bool) -> None:
        super().__init__("Script execution was cancelled")
        self.may_have_started = may_have_started


@dataclass(slots=True)
class ScriptSession:
    """Drives one script. `cancel` is set by whoever wants it to end."""

    client: ScriptClient
    script: Script
    ticket: str
    base: PollBase
    policy: RetryPolicy
    cancel: asyncio.Event
    notify: Notice
    ends_lost_scripts: bool = True  # services 39; false where the caller asks again at another address
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep
    may_have_started: bool = False  # true from the first request that may have arrived; a resumed ticket begins so
    _rounds: int = field(default=0, init=False)
    _cancel_rounds: int = field(default=0, init=False)

    async def run(self, *, is_started: bool, sequence: int = 0) -> AsyncIterator[Progress]:
        """The agent's answers, oldest first; the last has `is_finished`. Then the caller calls `complete`.

        `is_started`: the ticket was started before (a resumed session of V1, which must not start again).

        Raises:
            Cancelled: before anything was started.
            HalibutError: the agent was lost, and did not come back in the time of the policy.
        """
        if is_started and not self.client.is_repeatable:
            progress = await self._status(sequence)
        else:
            progress = await self._start(sequence)
        while True:
            yield progress
            if progress.is_finished:
                break
            await self._rest()
            sequence = max(sequence, progress.next_sequence)
            progress = await (self._cancelling(sequence) if self.cancel.is_set() else self._status(sequence))
        if not self.client.waits_for_news:
            yield await self._last_lines(max(sequence, progress.next_sequence), progress)

    async def complete(self, sequence: int) -> Progress | None:
        """Tidy up on the agent: one try, whose failure only warns (§9.7)."""
        seconds = COMPLETE_SECONDS if self.cancel.is_set() else None
        try:
            async with asyncio.timeout(seconds):
                return await self.client.complete(self.ticket, sequence)
        except (HalibutError, TimeoutError) as error:
            log.warning("an agent did not tidy up", extra={"ticket": self.ticket, "error": str(error)})
            await self.notify("Failed to cleanup the script working directory on Tentacle")
            return None

    async def _start(self, sequence: int) -> Progress:
        """Start, or cancel what may have started meanwhile (§9.5)."""

        async def start() -> Progress:
            """`may_have_started` is undone only by the surety that the agent never had the request."""
            earlier, self.may_have_started = self.may_have_started, True
            try:
                return await self.client.start(self.ticket, self.script)
            except NotDelivered:
                self.may_have_started = earlier
                raise

        if self.cancel.is_set():
            if not self.may_have_started:
                raise Cancelled(may_have_started=False)
            return await self._end_earlier_start(sequence)
        policy = self.policy if self.client.is_repeatable else NO_RETRIES
        starting = self._until_cancelled(call_with_retries(start, policy, self.notify, self.pause))
        progress = await starting
        if progress is None:
            if not self.client.is_repeatable:
                raise Cancelled(may_have_started=True)
            if not self.may_have_started:
                raise Cancelled(may_have_started=False)
            # Connecting and transferring cannot be told apart while a call is under way: ask; −45 says it never ran.
            return await self._cancel_unsure_start(sequence)
        self.ticket = progress.ticket
        return progress

    async def _end_earlier_start(self, sequence: int) -> Progress:
        """Cancelled before this session began: an earlier one may have started the script, and it must end."""
        progress = await self._cancelling(sequence)
        if progress.state is ProcessState.COMPLETE and progress.exit_code == ExitCode.UNKNOWN_SCRIPT:
            raise Cancelled(may_have_started=False)
        return progress

    async def _cancel_unsure_start(self, sequence: int) -> Progress:
        try:
            async with asyncio.timeout(UNSURE_SECONDS):
                progress = await call_with_retries(
                    lambda: self.client.cancel(self.ticket, sequence), self.policy, self.notify, self.pause
                )
        except (HalibutError, TimeoutError):
            raise Cancelled(may_have_started=True) from None
        if progress.state is ProcessState.COMPLETE and progress.exit_code == ExitCode.UNKNOWN_SCRIPT:
            raise Cancelled(may_have_started=False)
        return progress

    async def _status(self, sequence: int) -> Progress:
        """The next answer; when the agent is lost, one attempt to end the script before giving up (services 39)."""
        policy = self.policy if self.client.is_repeatable else NO_RETRIES

        async def ask() -> Progress:
            return await self.client.get_status(self.ticket, sequence)

        try:
            progress = await self._until_cancelled(call_with_retries(ask, policy, self.notify, self.pause))
        except HalibutError:
            if self.ends_lost_scripts and not self.cancel.is_set():
                with contextlib.suppress(HalibutError):
                    await self.client.cancel(self.ticket, sequence)
            raise
        return progress if progress is not None else await self._cancelling(sequence)

    async def _cancelling(self, sequence: int) -> Progress:
        """Ask the agent to end the script; during cancellation this is what polls for the end (§9.2)."""
        policy = self.policy if self.client.is_repeatable else NO_RETRIES

        async def ask() -> Progress:
            progress = await self.client.cancel(self.ticket, sequence)
            if self.client.waits_for_news:
                return await self.client.get_status(self.ticket, sequence)
            return progress

        return await call_with_retries(ask, policy, self.notify, self.pause)

    async def _last_lines(self, sequence: int, progress: Progress) -> Progress:
        """Ask once more: a Tentacle may answer Complete before its last lines (§9.6)."""
        last = await call_with_retries(
            lambda: self.client.get_status(self.ticket, sequence),
            self.policy if self.client.is_repeatable else NO_RETRIES,
            self.notify,
            self.pause,
        )
        if last.exit_code == ExitCode.UNKNOWN_SCRIPT:
            return progress
        return last

    async def _rest(self) -> None:
        """The pause of §9.3, none where the agent itself waits for news; it starts over when cancelling."""
        if self.client.waits_for_news:
            return
        if self.cancel.is_set():
            self._cancel_rounds += 1
            await self.pause(poll_delay_seconds(self.base, self._cancel_rounds))
            return
        self._rounds += 1
        await self._until_cancelled(_resting(self.pause, poll_delay_seconds(self.base, self._rounds)))

    async def _until_cancelled(self, work: Coroutine[Any, Any, T]) -> T | None:
        """The result of `work`; None when a cancellation came first, which ends `work`."""
        working = asyncio.create_task(work, name=f"agent call for {self.ticket}")
        watching = asyncio.create_task(self.cancel.wait(), name=f"cancellation of {self.ticket}")
        try:
            await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else None
        finally:
            watching.cancel()
            if not working.done():
                working.cancel()
                with contextlib.suppress(asyncio.CancelledError, HalibutError):
                    await working


async def _resting(pause: Callable[[float], Awaitable[object]], seconds: float) -> None:
    await pause(seconds)
