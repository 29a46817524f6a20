"""The bus of a server that is one process: queues in memory."""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from octavo.server.bus.bus import Handler, NobodyAnswers
from octavo.server.bus.mailbox import Mailbox

log = logging.getLogger(__name__)

_Item = TypeVar("_Item")


class MemoryBus:
    """Delivers within the event loop; payloads are handed over, not copied."""

    def __init__(self) -> None:
        self._mailboxes: dict[str, list[Mailbox]] = {}
        self._patterns: dict[str, list[Mailbox]] = {}
        self._answerers: dict[str, list[_Answerer]] = {}
        self._turns = itertools.count()

    async def publish(self, subject: str, payload: bytes = b"") -> None:
        """Put the payload into every mailbox of the subject."""
        for mailbox in self._mailboxes.get(subject, ()):
            mailbox.put(payload)
        for pattern, mailboxes in self._patterns.items():
            if _matches(pattern, subject):
                for mailbox in mailboxes:
                    mailbox.put(payload)

    @asynccontextmanager
    async def subscribe(self, subject: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Messages from now until the block ends."""
        table = self._patterns if "*" in subject else self._mailboxes
        mailbox = Mailbox()
        table.setdefault(subject, []).append(mailbox)
        try:
            yield mailbox.messages()
        finally:
            mailbox.close()
            _remove(table, subject, mailbox)

    async def request(self, subject: str, payload: bytes, timeout_seconds: float) -> bytes:
        """Run the handler of one that answers, in turn."""
        answerers = self._answerers.get(subject)
        if not answerers:
            raise NobodyAnswers(f"Nobody answers {subject!r}.")
        answerer = answerers[next(self._turns) % len(answerers)]
        try:
            async with asyncio.timeout(timeout_seconds):
                return await answerer.ask(payload)
        except TimeoutError as error:
            raise NobodyAnswers(f"No answer to {subject!r} within {timeout_seconds} s.") from error

    @asynccontextmanager
    async def answer(self, subject: str, handler: Handler) -> AsyncIterator[None]:
        """Answer while the block runs."""
        async with asyncio.TaskGroup() as group:
            answerer = _Answerer(subject, handler, group)
            self._answerers.setdefault(subject, []).append(answerer)
            try:
                yield
            finally:
                _remove(self._answerers, subject, answerer)
                answerer.cancel()

    async def close(self) -> None:
        """End all subscriptions."""
        for mailbox in itertools.chain(*self._mailboxes.values(), *self._patterns.values()):
            mailbox.close()


class _Answerer:
    """One handler and the requests it works on, each in a task of the answering block."""

    def __init__(self, subject: str, handler: Handler, group: asyncio.TaskGroup) -> None:
        self._subject = subject
        self._handler = handler
        self._group = group
        self._running: set[asyncio.Task[None]] = set()

    async def ask(self, payload: bytes) -> bytes:
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        deed = self._group.create_task(self._work(payload, answer), name=f"answer {self._subject}")
        self._running.add(deed)
        deed.add_done_callback(self._running.discard)
        return await answer

    async def _work(self, payload: bytes, answer: asyncio.Future[bytes]) -> None:
        try:
            result = await self._handler(payload)
        except Exception:  # a root: the asker learns nothing and times out, as over a network
            log.exception("a request could not be answered", extra={"subject": self._subject})
            return
        if not answer.done():
            answer.set_result(result)

    def cancel(self) -> None:
        for deed in self._running:
            deed.cancel()


def _matches(pattern: str, subject: str) -> bool:
    expected, words = pattern.split("."), subject.split(".")
    return len(expected) == len(words) and all(a in ("*", b) for a, b in zip(expected, words, strict=True))


def _remove(table: dict[str, list[_Item]], subject: str, item: _Item) -> None:
    table[subject].remove(item)
    if not table[subject]:
        del table[subject]
