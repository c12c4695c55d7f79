"""Live connections, subscriptions, groups and mailboxes are read as they are, over every transport."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from tests.support import toy_schema
from tests.support.clients import STREAMING, WebSocketClient
from tests.support.clock import MovedClock
from tests.support.metrics import values
from tests.support.toy_server import ToyServer, toy_server, until
from watchword.telemetry.metrics.live import read_live

MADE = "subscription { made { id } }"
KIND = {"websocket": "websocket", "sse": "stream", "multipart": "stream"}


def read(server: ToyServer) -> dict[tuple[str, ...], float]:
    return values(read_live(server.pipeline))


@pytest.mark.parametrize("transport", STREAMING)
async def test_a_connection_and_its_subscription_are_counted_while_they_are_open(
    transport: str, clock: MovedClock
) -> None:
    kind = KIND[transport]
    async with toy_server(clock) as server:
        async with aclosing(STREAMING[transport](server.url, MADE)) as answers:
            first = asyncio.ensure_future(anext(answers))
            await server.followed(1)
            found = read(server)
            assert found["watchword.connections", kind] == 1
            assert found["watchword.subscriptions", "alone"] == 1
            await server.publish("ball")
            await first
            assert read(server)["watchword.deliveries", "alone"] == 1
        await until(lambda: read(server)["watchword.connections", kind] == 0)
        found = read(server)
        assert found["watchword.subscriptions", "alone"] == 0
        closes = {key[2]: n for key, n in found.items() if key[0] == "watchword.connection.closes"}
        assert sum(closes.values()) == 1
        assert not {key for key in closes if key.startswith("4")}


@pytest.mark.parametrize("transport", ["sse", "multipart"])
async def test_a_stream_that_ends_by_itself_is_complete(transport: str, clock: MovedClock) -> None:
    async with toy_server(clock) as server:
        for query in ("subscription { numbers(to: 2) }", "subscription { failing }"):
            async for _ in STREAMING[transport](server.url, query):
                pass
        await until(lambda: not read(server)["watchword.connections", "stream"])
        found = read(server)
        assert found["watchword.connection.closes", "stream", "complete"] == 1
        assert found["watchword.connection.closes", "stream", "refused"] == 1


async def test_subscriptions_that_share_are_a_group_of_their_size(clock: MovedClock) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.init()
        for number in range(5):
            await client.subscribe(str(number), MADE)
        await until(lambda: server.pipeline.groups.sizes == [5])
        found = read(server)
        assert found["watchword.groups",] == 1
        assert found["watchword.group.sizes", "2-10"] == 1
        assert found["watchword.group.size.max",] == 5
        assert found["watchword.subscriptions", "grouped"] == 5
        assert found["watchword.subscriptions", "alone"] == 0
        await server.publish("ball")
        for _ in range(5):
            await client.receive()
        await until(lambda: read(server)["watchword.deliveries", "grouped"] == 5)


async def test_a_subscription_that_comes_back_is_counted_by_what_becomes_of_it(
    clock: MovedClock,
) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.init()
        await client.subscribe("1", MADE)
        await server.followed(1)
        await server.publish("ball")
        cursor = (await client.receive())["payload"]["extensions"]["cursor"]
        await client.subscribe("2", MADE, extensions={"resume": cursor})
        await until(lambda: read(server).get(("watchword.resumes", "resumed")) == 1)
        await client.subscribe("3", MADE, extensions={"resume": "invented"})
        assert (await client.receive())["type"] == "error"
        assert read(server)["watchword.resumes", "refused"] == 1
        await server.publish("doll")
        log = server.pipeline.services.event_log
        await log.prune(clock.now() + 1, 0)
        await client.subscribe("4", MADE, extensions={"resume": cursor})
        await until(lambda: read(server).get(("watchword.resumes", "expired")) == 1)


async def test_events_that_a_subscriber_has_not_taken_wait_in_its_mailbox(
    clock: MovedClock,
) -> None:
    async with toy_server(clock, mailbox_limit=2) as server:
        hub = server.pipeline.services.hub
        reader, mailbox = await hub.follow(toy_schema.STREAM, None)
        await server.publish("one")
        found = read(server)
        assert found["watchword.mailbox.events",] == 1
        assert found["watchword.mailbox.events.max",] == 1
        assert found["watchword.mailboxes.behind",] == 0
        await server.publish("two", "three")
        assert read(server)["watchword.mailboxes.behind",] == 1
        reader.leave(mailbox)
        assert read(server)["watchword.mailbox.events",] == 0


async def test_the_age_of_the_last_look_grows_until_the_next(clock: MovedClock) -> None:
    async with toy_server(clock) as server:
        await server.pipeline.services.hub.look()
        assert read(server)["watchword.log.look.age",] == 0
        # The background's own look comes with the clock: read the age as time passes without it.
        known = server.pipeline.services.event_log.known
        known.looked(clock.now() - 7)
        assert read(server)["watchword.log.look.age",] == 7


async def test_events_of_the_log_that_were_not_handed_on_are_its_lag(clock: MovedClock) -> None:
    async with toy_server(clock) as server:
        reader, mailbox = await server.pipeline.services.hub.follow(toy_schema.STREAM, None)
        assert read(server)["watchword.log.lag",] == 0
        reader._head = reader.current.position + 3
        assert read(server)["watchword.log.lag",] == 3
        reader.leave(mailbox)
