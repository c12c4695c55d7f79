"""The bus between processes: Redis pub/sub, with one channel for each stream.

Redis may be killed at any moment: the hub reads lost events from the log. Publishing never waits for Redis. A
process that cannot reach it keeps its newest events until it can.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import ConnectionError, RedisError, TimeoutError

from watchword.events.bus.bus import OnEvent
from watchword.events.event import Event
from watchword.process.background import Background, Supervised

log = logging.getLogger("watchword.bus")

# The most events that wait to be published. The oldest are dropped: other processes read them from the log.
OUTBOX = 10_000
# Seconds without a message after which Redis is pinged, and seconds that it then has to answer.
QUIET = 5.0
# Seconds that `follow` waits until Redis confirms a subscription.
CONFIRM_SECONDS = 1.0
# Seconds for publishing the events that still wait when this process ends.
FAREWELL_SECONDS = 2.0
FAILURES = (RedisError, OSError)

Connect = Callable[[], Awaitable[Redis]]
"""Returns a client of the present master; raises `RedisError` or `OSError`. The client must not retry by
itself: the bus connects again, perhaps to another server."""


class RedisBus:
    """Carries events over Redis. `namespace` separates two installations that use the same server."""

    def __init__(
        self, connect: Connect, namespace: Callable[[], str], background: Background
    ) -> None:
        self._connect = connect
        self._namespace = namespace
        self._background = background
        self._receive: OnEvent | None = None
        # The streams that are followed; those to subscribe to or unsubscribe from; those that the present
        # connection is subscribed to; and the channels that Redis has not confirmed yet.
        self._streams: set[str] = set()
        self._changed: set[str] = set()
        self._subscribed: set[str] = set()
        self._unconfirmed: dict[str, asyncio.Future[None]] = {}
        self._pubsub: PubSub | None = None
        # Held while the subscriptions of the connection are changed.
        self._subscribing = asyncio.Lock()
        # Events that wait to be published, and events being sent, which are sent again if that fails.
        self._outbox: deque[tuple[str, bytes]] = deque(maxlen=OUTBOX)
        self._sending: deque[tuple[str, bytes]] = deque(maxlen=OUTBOX)
        self._published = asyncio.Event()

    async def open(self, receive: OnEvent) -> None:
        self._receive = receive
        for name, work in (("listener", self._listen), ("sender", self._send)):
            self._background.start(f"the {name} of the bus", work, is_away=_is_away)

    async def follow(self, stream: str) -> None:
        self._streams.add(stream)
        self._changed.add(stream)
        await self._subscribe()
        # Without a connection there is nothing to wait for: the next one subscribes to all streams.
        if confirmed := self._unconfirmed.get(self._channel(stream)):
            await asyncio.wait([confirmed], timeout=CONFIRM_SECONDS)

    async def unfollow(self, stream: str) -> None:
        self._streams.discard(stream)
        self._changed.add(stream)
        await self._subscribe()

    def publish(self, events: Sequence[Event]) -> None:
        if self._receive is None:
            return
        for event in events:
            # Deliver to this process at once. The hub ignores the event when Redis brings it back.
            self._receive(event)
            try:
                self._outbox.append((self._channel(event.stream), _encode(event)))
            except TypeError:
                log.exception("an event cannot be written; other processes read it from the log")
        self._published.set()

    async def close(self) -> None:
        self._receive = None
        if not self._outbox and not self._sending:
            return
        try:
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self._flush()
        except (*FAILURES, ValueError) as error:
            count = len(self._sending) + len(self._outbox)
            log.warning("%d events were not published: %s", count, type(error).__name__)

    async def _listen(self, task: Supervised) -> None:
        client = await self._connect()
        pubsub = client.pubsub()
        try:
            # Nothing is published on this channel. Subscribing to it opens the connection here, before
            # several concurrent calls of `follow` would each open one.
            await pubsub.subscribe(self._channel(""))
            self._pubsub, self._subscribed, self._changed = pubsub, set(), set(self._streams)
            await self._subscribe()
            await self._hear(pubsub, task)
        finally:
            self._pubsub = None
            for channel in tuple(self._unconfirmed):
                self._confirm(channel)
            # Wait for a running `_subscribe`: redis-py would reopen a closed connection for it.
            async with self._subscribing:
                await pubsub.aclose()  # type: ignore[no-untyped-call]
            await client.aclose()

    async def _subscribe(self) -> None:
        """Subscribe and unsubscribe at Redis for the streams that changed since the last call."""
        async with self._subscribing:
            if self._pubsub is None or not _is_connected(self._pubsub):
                # The next connection subscribes to everything.
                self._changed.clear()
                return
            # Only the changed streams: there may be very many others.
            changed, self._changed = self._changed, set()
            new = [stream for stream in changed & self._streams if stream not in self._subscribed]
            old = [stream for stream in changed & self._subscribed if stream not in self._streams]
            self._subscribed.update(new)
            self._subscribed.difference_update(old)
            try:
                if channels := [self._channel(stream) for stream in new]:
                    loop = asyncio.get_running_loop()
                    self._unconfirmed |= {channel: loop.create_future() for channel in channels}
                    await self._pubsub.subscribe(*channels)
                if channels := [self._channel(stream) for stream in old]:
                    await self._pubsub.unsubscribe(*channels)
            except FAILURES:
                # The listener notices the lost connection, and subscribes to all streams again.
                log.debug("the subscriptions could not be changed")

    async def _hear(self, pubsub: PubSub, task: Supervised) -> None:
        is_pinged = False
        while True:
            if not _is_connected(pubsub):
                raise ConnectionError("Redis is gone")
            message = await pubsub.get_message(timeout=QUIET)
            if message is not None:
                is_pinged = False
                task.well()
                self._take(message)
            elif is_pinged:
                raise TimeoutError("Redis says nothing")
            else:
                is_pinged = True
                async with self._subscribing:
                    if _is_connected(pubsub):
                        await pubsub.ping()

    def _take(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "message":
                self._take_event(message["data"])
            case "subscribe" | "unsubscribe":
                self._confirm(message["channel"].decode())

    def _take_event(self, data: bytes) -> None:
        try:
            event = _decode(data)
        except ValueError:
            log.warning("Redis delivered a message that is not an event")
            return
        if self._receive is not None:
            self._receive(event)

    def _confirm(self, channel: str) -> None:
        confirmed = self._unconfirmed.pop(channel, None)
        if confirmed is not None and not confirmed.done():
            confirmed.set_result(None)

    async def _send(self, task: Supervised) -> None:
        client = await self._connect()
        try:
            await client.ping()
            while True:
                task.well()
                if not self._sending:
                    await self._published.wait()
                await self._flush_to(client)
        finally:
            await client.aclose()

    async def _flush(self) -> None:
        client = await self._connect()
        try:
            await self._flush_to(client)
        finally:
            await client.aclose()

    async def _flush_to(self, client: Redis) -> None:
        self._published.clear()
        self._sending.extend(self._outbox)
        self._outbox.clear()
        pipeline = client.pipeline(transaction=False)
        for channel, data in self._sending:
            pipeline.publish(channel, data)
        await pipeline.execute()
        self._sending.clear()

    def _channel(self, stream: str) -> str:
        return f"watchword:{self._namespace()}:{stream}"


def _is_away(error: Exception) -> bool:
    return isinstance(error, FAILURES)


def _is_connected(pubsub: PubSub) -> bool:
    """Tell whether the connection is open. If not, the next command would make redis-py open another."""
    return pubsub.connection is not None and bool(pubsub.connection.is_connected)


def _encode(event: Event) -> bytes:
    """Return the event as bytes. Raises `TypeError` for a value that JSON does not have.

    The last item is an object for what not every event has. It is left out if it would be empty, and each release
    ignores members that it does not know. So a release can add a member, and the one before reads its messages.
    """
    fields = [event.stream, event.key, event.kind, dict(event.data), event.position]
    more = [] if event.trace is None else [{"trace": event.trace}]
    return orjson.dumps([*fields, event.mark, event.before, *more])


def _decode(message: bytes) -> Event:
    """Return the event. Raises `ValueError` for anything else: other programs may publish here."""
    match orjson.loads(message):
        # A later release may send more.
        case [
            str(stream),
            str(key),
            str(kind),
            dict(data),
            int(position),
            str(mark),
            str(before),
            *more,
        ]:
            return Event(stream, key, kind, data, position, mark, before, _trace(more))
    raise ValueError("no event")


def _trace(more: list[Any]) -> str | None:
    """Return the trace in the items after the seven that every event has. Anything else in its place counts as none."""
    match more:
        case [{"trace": str(trace)}, *_]:
            return trace
    return None
