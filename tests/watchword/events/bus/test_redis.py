"""The bus between processes, on a real Redis that is killed, frozen and sent garbage."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from redis.asyncio import Redis

from tests.support.ears import PATIENCE, Ear, ear, until
from tests.support.redis import LiveRedis, live_redis
from watchword.events.bus import redis
from watchword.events.bus.buses import bus as bus_of
from watchword.events.bus.redis import RedisBus
from watchword.events.event import Event
from watchword.events.hub import Hub
from watchword.events.log.event_log import EventLog
from watchword.process.background import Background
from watchword.process.clock import SystemClock
from watchword.storage.database import Database
from watchword.transaction import transaction


@pytest.fixture
def server() -> Iterator[LiveRedis]:
    with live_redis() as running:
        yield running


def event(key: str, stream: str = "toys", position: int = 1) -> Event:
    return Event(stream, key, "made", {"size": 3, "name": "Ü", "none": None}, position)


async def test_an_event_reaches_another_process_whole(server: LiveRedis) -> None:
    async with ear(server.url) as one, ear(server.url, "toys") as other:
        one.bus.publish([event("bear", position=7)])
        await other.hear("bear")
        assert other.heard == [event("bear", position=7)]


async def test_only_followed_streams_are_delivered(server: LiveRedis) -> None:
    async with ear(server.url) as one, ear(server.url, "toys", "books") as other:
        await other.bus.unfollow("books")
        one.bus.publish([event("atlas", "books"), event("hat", "clothes"), event("bear")])
        await other.hear("bear")
        assert other.keys == ["bear"]


async def test_two_installations_on_one_redis_do_not_mix(server: LiveRedis) -> None:
    async with (
        ear(server.url, namespace="a") as a,
        ear(server.url, namespace="b") as b,
        ear(server.url, "toys", namespace="b") as other,
    ):
        a.bus.publish([event("bear")])
        await until(lambda: not a.bus._outbox and not a.bus._sending)
        b.bus.publish([event("car")])
        await other.hear("car")
        assert other.keys == ["car"]


async def test_a_stream_that_is_unfollowed_and_followed_at_once_is_followed(
    server: LiveRedis,
) -> None:
    async with ear(server.url) as one, ear(server.url, "toys") as other:
        for number in range(20):
            await asyncio.gather(other.bus.unfollow("toys"), other.bus.follow("toys"))
            one.bus.publish([event(f"bear{number}")])
            await other.hear(f"bear{number}")


async def test_unfollowed_streams_leave_no_subscription(server: LiveRedis) -> None:
    async with ear(server.url, "toys", "books") as one:
        await asyncio.gather(
            one.bus.follow("toys"), one.bus.unfollow("toys"), one.bus.unfollow("books")
        )
        await one.bus.follow("clothes")
        with server.client as client:
            assert set(client.pubsub_channels()) == {b"watchword:here:", b"watchword:here:clothes"}


async def test_many_calls_of_follow_at_the_start_share_one_connection(server: LiveRedis) -> None:
    background = Background(SystemClock())
    bus = bus_of(server.url, lambda: "here", background)
    listening = Ear(bus)  # type: ignore[arg-type]
    streams = [f"stream{number}" for number in range(50)]
    await bus.open(listening.receive)
    await asyncio.gather(*(bus.follow(stream) for stream in streams))
    try:
        with server.client as client:
            await until(lambda: len(client.pubsub_channels()) == 51)
            assert len(client.client_list(_type="pubsub")) == 1
        async with ear(server.url) as other:
            other.bus.publish([event(stream, stream) for stream in streams])
            for stream in streams:
                await listening.hear(stream)
    finally:
        await background.close()
        await bus.close()


async def test_without_redis_publish_neither_fails_nor_waits(server: LiveRedis) -> None:
    async with ear(server.url, "toys") as one:
        server.kill()
        for number in range(redis.OUTBOX + 10):
            one.bus.publish([event(f"bear{number}")])
        assert len(one.heard) == redis.OUTBOX + 10
        assert len(one.bus._outbox) == redis.OUTBOX
        server.start()


async def test_a_bus_without_redis_opens_follows_and_closes(server: LiveRedis) -> None:
    server.kill()
    background = Background(SystemClock())
    bus = bus_of(server.url, lambda: "here", background)
    async with asyncio.timeout(PATIENCE):
        await bus.open(lambda event: None)
        await bus.follow("toys")
        bus.publish([event("bear")])
        await bus.unfollow("toys")
        await background.close()
        await bus.close()


async def test_after_a_restart_events_flow_again_with_those_published_meanwhile(
    server: LiveRedis,
) -> None:
    async with ear(server.url) as one, ear(server.url, "toys") as other:
        server.kill()
        one.bus.publish([event("bear")])
        await until(lambda: other.bus._pubsub is None)
        # A stream that is followed while Redis is down is delivered once it is up.
        await other.bus.follow("books")
        server.start()
        await until(lambda: other.bus._pubsub is not None)
        await until(lambda: not other.bus._unconfirmed)
        one.bus.publish([event("car"), event("atlas", "books")])
        await other.hear("car")
        await other.hear("atlas")
        await until(lambda: not one.bus._sending)
        assert one.heard == [event("bear"), event("car"), event("atlas", "books")]


async def test_following_while_redis_restarts_ends_with_the_right_subscriptions(
    server: LiveRedis,
) -> None:
    async with ear(server.url) as one, ear(server.url) as other:
        for _ in range(3):
            flurry = [
                asyncio.create_task(how(f"stream{number}"))
                for number in range(100)
                for how in (other.bus.follow, other.bus.unfollow, other.bus.follow)
            ]
            server.kill()
            server.start()
            await asyncio.gather(*flurry, other.bus.unfollow("stream0"))
            await until(lambda: other.bus._pubsub is not None)
        with server.client as client:
            await until(lambda: len(client.pubsub_channels()) == 100)
            assert b"watchword:here:stream0" not in client.pubsub_channels()
        await until(lambda: not one.bus._sending)
        one.bus.publish([event("bear", "stream99")])
        await other.hear("bear")


async def test_a_redis_that_hangs_is_given_up(
    server: LiveRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis, "QUIET", 0.1)
    monkeypatch.setattr(redis, "CONFIRM_SECONDS", 0.1)
    async with ear(server.url, "toys") as one:
        pid = server.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            await one.bus.follow("books")
            await until(lambda: one.bus._pubsub is None)
        finally:
            os.kill(pid, signal.SIGCONT)
        await until(lambda: one.bus._pubsub is not None)


async def test_a_quiet_redis_that_answers_is_kept(
    server: LiveRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis, "QUIET", 0.02)
    async with ear(server.url, "toys") as one:
        kept = one.bus._pubsub
        with server.client as client:
            await until(
                lambda: client.info("commandstats").get("cmdstat_ping", {"calls": 0})["calls"] > 3
            )
        assert one.bus._pubsub is kept


async def test_closing_publishes_the_events_that_wait(server: LiveRedis) -> None:
    async with ear(server.url, "toys") as other:
        async with ear(server.url) as one:
            one.bus.publish([event(f"bear{number}") for number in range(1_000)])
        await other.hear("bear999")
        assert len(set(other.keys)) == 1_000


async def test_closing_while_publishing_loses_nothing(server: LiveRedis) -> None:
    async with ear(server.url, "toys") as other:
        async with ear(server.url) as one:
            one.bus.publish([event(f"bear{number}") for number in range(1_000)])
            await until(lambda: bool(one.bus._sending))
        await other.hear("bear999")
        assert len(set(other.keys)) == 1_000


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"5",
        b'"abcde"',
        b"{}",
        b"[1,2,3]",
        b'["toys","bear","made",{},"7"]',
        b'["toys","bear","made",5,7]',
        b'["toys","bear","made",{},7,8]',
    ],
)
async def test_a_message_that_is_no_event_is_logged_and_ignored(
    server: LiveRedis, garbage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with ear(server.url) as one, ear(server.url, "toys") as other:
        kept = other.bus._pubsub
        with server.client as client:
            assert client.publish("watchword:here:toys", garbage) == 1
        one.bus.publish([event("bear")])
        await other.hear("bear")
        assert other.heard == [event("bear")]
        assert other.bus._pubsub is kept
    assert "Redis delivered a message that is not an event" in caplog.text


async def test_an_event_that_cannot_be_written_does_not_delay_the_next(
    server: LiveRedis, caplog: pytest.LogCaptureFixture
) -> None:
    async with ear(server.url, "toys") as one, ear(server.url, "toys") as other:
        one.bus.publish([Event("toys", "huge", "made", {"size": 2**70}, 1), event("bear")])
        await other.hear("bear")
        assert one.keys[:2] == ["huge", "bear"]
    assert "an event cannot be written" in caplog.text


async def test_after_a_receiver_has_failed_events_are_received_again(
    server: LiveRedis, caplog: pytest.LogCaptureFixture
) -> None:
    async with ear(server.url) as one, ear(server.url, "toys") as other:
        receive, kept = other.bus._receive, other.bus._pubsub

        def fail(event: Event) -> None:
            other.bus._receive = receive
            raise LookupError

        other.bus._receive = fail
        one.bus.publish([event("bear")])
        await until(lambda: other.bus._pubsub not in (kept, None))
        await until(lambda: not other.bus._unconfirmed)
        one.bus.publish([event("car")])
        await other.hear("car")
    assert "the listener of the bus failed and is restarted" in caplog.text


async def test_an_outage_is_logged_once(
    server: LiveRedis, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0
    async with ear(server.url, "toys") as one:
        connect = one.bus._connect

        async def counted() -> object:
            nonlocal tries
            tries += 1
            return await connect()

        monkeypatch.setattr(one.bus, "_connect", counted)
        server.kill()
        await until(lambda: tries > 3)
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    outage = "of the bus waits until its server works again: ConnectionError"
    assert said.count(f"the listener {outage}") == 1
    # The sender may notice too.
    assert sorted(said)[1:] in ([], [f"the sender {outage}"])


async def test_nothing_is_lost_or_doubled_between_two_hubs_while_redis_is_killed(
    server: LiveRedis, postgres_url: str
) -> None:
    keys = [f"bear{number}" for number in range(300)]
    async with AsyncExitStack() as stack:
        writer, _ = await stack.enter_async_context(process(server.url, postgres_url))
        _, hub = await stack.enter_async_context(process(server.url, postgres_url))
        reader, mailbox = await hub.follow("toys", None)
        heard: list[Event] = []

        async def listen() -> None:
            while len(heard) < len(keys):
                heard.append(await reader.next(mailbox))

        listening = asyncio.create_task(listen())
        for number, key in enumerate(keys):
            if number == 100:
                server.kill()
            if number == 200:
                server.start()
            async with transaction(writer.database, writer.bus, SystemClock().now()) as unit:
                unit.publish(Event("toys", key, "made"))
        async with asyncio.timeout(PATIENCE):
            await listening
        assert [happened.key for happened in heard] == keys
        assert [happened.position for happened in heard] == list(range(1, len(keys) + 1))
        assert mailbox.is_idle or mailbox.take() is None


class Writer:
    def __init__(self, database: Database, bus: RedisBus) -> None:
        self.database = database
        self.bus = bus


@asynccontextmanager
async def process(redis_url: str, postgres_url: str) -> AsyncIterator[tuple[Writer, Hub]]:
    """Open the hub of one server process, with its own connections."""
    database = Database(postgres_url)
    event_log = EventLog(database)
    await event_log.open()
    background = Background(SystemClock())
    bus = bus_of(redis_url, lambda: event_log.cursors.epoch, background)
    assert isinstance(bus, RedisBus)
    hub = Hub(event_log, bus, background, 1_000, 0.1)
    await hub.open()
    try:
        await until(lambda: bus._pubsub is not None)
        yield Writer(database, bus), hub
    finally:
        await background.close()
        await bus.close()
        await database.close()


async def test_redis_py_still_tells_whether_a_subscription_is_connected(server: LiveRedis) -> None:
    async with Redis.from_url(server.url) as client, client.pubsub() as pubsub:
        assert not redis._is_connected(pubsub)
        await pubsub.subscribe("x")
        assert redis._is_connected(pubsub)
