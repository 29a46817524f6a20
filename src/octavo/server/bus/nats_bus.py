"""The bus of a cluster: NATS core, nothing durable.

The client reconnects by itself for ever and subscribes again; what was published meanwhile is lost, which the seam
allows. A dead server is noticed after two missed pings. Source: FOUNDATIONS §2.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

import nats
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from octavo.base.errors import ConfigurationError
from octavo.server.bus.bus import Handler, NobodyAnswers
from octavo.server.bus.mailbox import Mailbox

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_SECONDS = 5
PING_SECONDS = 5  # with two missed pings: a cut connection is seen after about 10 s; NATS's default is minutes
MISSED_PINGS = 2
RECONNECT_WAIT_SECONDS = 1
FLUSH_TIMEOUT_SECONDS = 2
_ANSWERING_GROUP = "octavo"  # of those that answer one subject, one gets each request


class NatsBus:
    """One connection to a NATS server or cluster."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._mailboxes: set[Mailbox] = set()

    @classmethod
    async def open(cls, url: str, name: str = "octavo") -> Self:
        """Connect to `nats://host:port`; several, separated by commas, are one cluster.

        Raises:
            ConfigurationError: none of them answers.
        """
        try:
            client = await nats.connect(
                servers=[server.strip() for server in url.split(",")],
                name=name,
                error_cb=_note_error,
                disconnected_cb=_note_disconnected,
                reconnected_cb=_note_reconnected,
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                reconnect_time_wait=RECONNECT_WAIT_SECONDS,
                max_reconnect_attempts=1,
                ping_interval=PING_SECONDS,
                max_outstanding_pings=MISSED_PINGS,
            )
        except (NatsError, OSError, TimeoutError) as error:
            raise ConfigurationError(
                f"No NATS server answers at {url}: {error}. Is it running, and is the address right?"
            ) from error
        client.options["max_reconnect_attempts"] = -1  # failing at the start is for the operator; later we wait
        return cls(client)

    async def publish(self, subject: str, payload: bytes = b"") -> None:
        """Send; while the server is away the message may be lost."""
        try:
            await self._client.publish(subject, payload)
        except NatsError as error:
            log.warning("a message was lost", extra={"subject": subject, "error": repr(error)})

    @asynccontextmanager
    async def subscribe(self, subject: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Messages from now until the block ends."""
        mailbox = Mailbox()

        async def put(message: Msg) -> None:
            mailbox.put(message.data)

        self._mailboxes.add(mailbox)
        subscription = await self._client.subscribe(subject, cb=put)
        try:
            await self._reach_server()
            yield mailbox.messages()
        finally:
            mailbox.close()
            self._mailboxes.discard(mailbox)
            with suppress(NatsError):
                await subscription.unsubscribe()

    async def request(self, subject: str, payload: bytes, timeout_seconds: float) -> bytes:
        """Ask; NATS says at once when nobody listens."""
        try:
            message = await self._client.request(subject, payload, timeout=timeout_seconds)
        except NoRespondersError as error:
            raise NobodyAnswers(f"Nobody answers {subject!r}.") from error
        except NatsError as error:
            raise NobodyAnswers(f"No answer to {subject!r} within {timeout_seconds} s: {error!r}.") from error
        return bytes(message.data)

    @asynccontextmanager
    async def answer(self, subject: str, handler: Handler) -> AsyncIterator[None]:
        """Answer while the block runs, each request in a task of this block."""
        async with asyncio.TaskGroup() as group:
            running: set[asyncio.Task[None]] = set()

            async def start(message: Msg) -> None:
                deed = group.create_task(_respond(message, handler), name=f"answer {subject}")
                running.add(deed)
                deed.add_done_callback(running.discard)

            subscription = await self._client.subscribe(subject, queue=_ANSWERING_GROUP, cb=start)
            try:
                await self._reach_server()
                yield
            finally:
                with suppress(NatsError):
                    await subscription.unsubscribe()
                for deed in running:
                    deed.cancel()

    async def close(self) -> None:
        """End all subscriptions and the connection."""
        for mailbox in self._mailboxes:
            mailbox.close()
        with suppress(NatsError):
            await self._client.close()

    async def _reach_server(self) -> None:
        """Wait until the server knows our subscription, unless it is away: then it learns on reconnecting.

        Twice, because nats-py 2.16 writes a flush's PING at once while the SUB before it still waits for the client's
        writing task: the first answer shows only that this task has had its turn, the second that the SUB arrived.
        """
        with suppress(NatsError):
            await self._client.flush(FLUSH_TIMEOUT_SECONDS)
            await self._client.flush(FLUSH_TIMEOUT_SECONDS)


async def _respond(message: Msg, handler: Handler) -> None:
    try:
        await message.respond(await handler(message.data))
    except Exception:  # a root: the asker learns nothing and times out
        log.exception("a request could not be answered", extra={"subject": message.subject})


async def _note_error(error: Exception) -> None:
    log.warning("the message bus has trouble", extra={"error": repr(error)})


async def _note_disconnected() -> None:
    log.warning("the message bus is away; tasks go on, news from other nodes comes later")


async def _note_reconnected() -> None:
    log.info("the message bus is back")
