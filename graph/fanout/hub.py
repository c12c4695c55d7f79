"""The hub: what this process hears of the bus and reads of the log, and every mailbox of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from graph.clock import Clock, Timer
from graph.database import is_unavailable
from graph.errors import CursorExpired
from graph.events import Event
from graph.fanout.bus import Bus
from graph.fanout.log import TOO_OLD, Log
from graph.fanout.mailbox import Mailbox
from graph.fanout.reader import Reader, healed

log = logging.getLogger("watchword.hub")


class Hub:
    """Keeps one reader for each stream that is followed here, and looks into the log now and then.

    `look_seconds` is how long an event can stay unheard of when the bus has lost it.
    """

    def __init__(
        self, source: Log, bus: Bus, clock: Clock, mailbox_limit: int, look_seconds: float
    ) -> None:
        self._log = source
        self._bus = bus
        self._clock = clock
        self._mailbox_limit = mailbox_limit
        self._look_seconds = look_seconds
        self._readers: dict[str, Reader] = {}
        self._opening: dict[str, asyncio.Task[Reader]] = {}
        self._healing: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._timer: Timer | None = None

    @property
    def size(self) -> int:
        """How many mailboxes there are."""
        return sum(reader.size for reader in self._readers.values())

    async def open(self) -> None:
        """Begin to hear."""
        await self._bus.open(self.receive)
        self._look_later()

    async def close(self) -> None:
        """Hear no more."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._bus.close()

    def receive(self, event: Event) -> None:
        """Take one event from the bus. Never blocks."""
        if reader := self._readers.get(event.stream):
            reader.receive(event)

    async def follow(
        self,
        stream: str,
        key: str | None,
        after: int | None = None,
        idle: Callable[[], object] | None = None,
    ) -> tuple[Reader, Mailbox]:
        """Return a mailbox that gets what happens in a stream, or to one key in it, and its reader.

        It begins right after a position, or now. Raises `CursorExpired` when the log has not come
        to that position: it is from before a restore.
        """
        reader = await self._reader(stream)
        if self._readers.get(stream) is not reader:
            # It was given up at this very moment, because nobody had followed it yet.
            return await self.follow(stream, key, after, idle)
        if after is not None and after > reader.position:
            # Another process may have told its client what this one has not heard of yet.
            head = (await self._log.heads([stream]))[stream]
            if after > head:
                raise CursorExpired(TOO_OLD)
            if self._readers.get(stream) is not reader:
                return await self.follow(stream, key, after, idle)
        start = reader.position if after is None else after
        mailbox = Mailbox(key, start, self._mailbox_limit, idle)
        reader.join(mailbox)
        return reader, mailbox

    async def look(self) -> None:
        """Ask the log how far each stream is, and catch up where the bus has left something out."""
        await self._drop_unread()
        if not self._readers:
            return
        for stream, head in (await self._log.heads(self._readers)).items():
            if reader := self._readers.get(stream):
                reader.look(head)

    async def _drop_unread(self) -> None:
        for stream, reader in list(self._readers.items()):
            if not reader.size and stream not in self._opening:
                del self._readers[stream]
                await self._bus.unfollow(stream)

    async def _reader(self, stream: str) -> Reader:
        if reader := self._readers.get(stream):
            if stream not in self._opening:
                return reader
        else:
            self._readers[stream] = Reader(stream, self._log, self._heal)
            self._opening[stream] = self._spawn(self._open(self._readers[stream]))
        # Whoever waits may go; the others still want it.
        return await asyncio.shield(self._opening[stream])

    async def _open(self, reader: Reader) -> Reader:
        stream = reader.stream
        try:
            # First the bus and then the log: what happens between the two is in both.
            await self._bus.follow(stream)
            reader.open((await self._log.heads([stream]))[stream])
        except BaseException:
            del self._readers[stream]
            raise
        finally:
            del self._opening[stream]
        return reader

    def _heal(self, reader: Reader) -> None:
        if reader.stream not in self._healing:
            self._healing.add(reader.stream)
            task = self._spawn(healed(reader))
            task.add_done_callback(lambda _: self._healing.discard(reader.stream))

    def _look_later(self) -> None:
        when = self._clock.now() + self._look_seconds
        self._timer = self._clock.call_at(when, lambda: self._spawn(self._look()))

    async def _look(self) -> None:
        try:
            await self.look()
        except (SQLAlchemyError, OSError) as error:
            if not is_unavailable(error):
                log.exception("the log could not be looked into")
        finally:
            self._look_later()

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
