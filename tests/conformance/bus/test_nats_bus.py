"""bus/nats_bus.py: what only a bus with a server can meet."""

import asyncio

import pytest

from octavo.base.errors import ConfigurationError
from octavo.server.bus.nats_bus import NatsBus
from services_under_test.nats import NatsServer, nats_server
from services_under_test.processes import free_ports

ATTEMPTS = 500


async def test_a_server_that_is_not_there_is_named() -> None:
    (port,) = free_ports(1)

    with pytest.raises(ConfigurationError, match=f"No NATS server answers at nats://127.0.0.1:{port}"):
        await NatsBus.open(f"nats://127.0.0.1:{port}")


async def test_the_server_knows_a_subscription_when_its_block_begins(nats: NatsServer) -> None:
    """A client that lets its flush overtake the subscription loses about one first message in 300 here."""
    for number in range(ATTEMPTS):
        one, other = await NatsBus.open(nats.url), await NatsBus.open(nats.url)

        async with other.subscribe("tasks") as messages, asyncio.timeout(30):
            await one.publish("tasks", b"%d" % number)
            assert await anext(messages) == b"%d" % number

        await one.close()
        await other.close()


async def test_subscriptions_come_back_with_the_server() -> None:
    with nats_server() as before:
        bus = await NatsBus.open(before.url)
        subscription = bus.subscribe("tasks")
        messages = await subscription.__aenter__()
    await bus.publish("tasks", b"while the server is away")

    with nats_server(before.port):
        async with asyncio.timeout(30):
            heard = asyncio.ensure_future(anext(messages))
            while not heard.done():
                await bus.publish("tasks", b"after")
                await asyncio.wait([heard], timeout=0.05)

    assert heard.result() in (b"after", b"while the server is away")
    await bus.close()
    await subscription.__aexit__(None, None, None)
