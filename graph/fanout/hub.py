"""The hub: what this process hears of the bus and reads of the log, and every mailbox of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from graph.background import Background
from graph.errors import CursorExpired
from graph.events import Event
from graph.fanout.bus import Bus
from graph.fanout.log import TOO_OLD, Log
from graph.fanout.mailbox import Mailbox
from graph.fanout.reader import Reader, healed


class Hub:
    """Keeps one reader for each stream that is followed here, and looks into the log now and then.

    `look_seconds` is how long an event can stay unheard of when the bus has lost it.
    """

    def __init__(
        self,
        source: Log,
        bus: Bus,
        background: Background,
        mailbox_limit: int,
        look_seconds: float,
    ) -> None:
        self._log = source
        self._bus = bus
        self._background = background
        self._mailbox_limit = mailbox_limit
        self._look_seconds = look_seconds
        self._readers: dict[str, Reader] = {}
        self._opening: dict[str, asyncio.Task[Reader]] = {}
        self._healing: set[str] = set()

    @property
    def size(self) -> int:
        """How many mailboxes there are."""
        return sum(reader.size for reader in self._readers.values())

    async def open(self) -> None:
        """Begin to hear, until the background is closed."""
        await self._bus.open(self.receive)
        # Without it, this process could miss a revocation that the bus has lost.
        self._background.every(self._look_seconds, "the look at the log", self.look, is_needed=True)

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
            opening = self._open(self._readers[stream])
            self._opening[stream] = self._background.spawn(f"opening of {stream}", opening)
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
            task = self._background.spawn(f"healing of {reader.stream}", healed(reader))
            task.add_done_callback(lambda _: self._healing.discard(reader.stream))
