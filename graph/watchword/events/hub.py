"""The hub: what this process hears of the bus and reads of the log, and every mailbox of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from watchword.errors import CursorExpired, WentBack
from watchword.events.bus.bus import Bus
from watchword.events.event import Event, Place
from watchword.events.log.changes import Seen
from watchword.events.log.event_log import EventLog
from watchword.events.mailbox import Mailbox
from watchword.events.reader import Reader
from watchword.process.background import Background
from watchword.storage.database import batches, is_unavailable

log = logging.getLogger("watchword.hub")


class Hub:
    """Keeps one reader for each stream that is followed here, and looks into the log now and then.

    `look_seconds` is how long an event can stay unheard of when the bus has lost it.
    """

    def __init__(
        self,
        event_log: EventLog,
        bus: Bus,
        background: Background,
        mailbox_limit: int,
        look_seconds: float,
    ) -> None:
        self._event_log = event_log
        self._bus = bus
        self._background = background
        self._mailbox_limit = mailbox_limit
        self._look_seconds = look_seconds
        self._readers: dict[str, Reader] = {}
        self._opening: dict[str, asyncio.Task[Reader]] = {}
        # Streams: without a mailbox, perhaps; moved since the last look; being healed; whose healing failed
        # and is tried again at the next look.
        self._unread: set[str] = set()
        self._moved: set[str] = set()
        self._healing: set[str] = set()
        self._unhealed: set[str] = set()
        self._seen: Seen | None = None

    @property
    def size(self) -> int:
        """How many mailboxes there are."""
        return sum(reader.size for reader in self._readers.values())

    async def open(self) -> None:
        """Begin to receive events, until the background is closed."""
        await self._bus.open(self.receive)
        # Without it, this process could miss a revocation that the bus has lost.
        self._background.every(self._look_seconds, "the look at the log", self.look, is_needed=True)

    def receive(self, event: Event) -> None:
        """Take one event from the bus. Never blocks."""
        if reader := self._readers.get(event.stream):
            place = reader.place
            reader.receive(event)
            if reader.place != place:
                self._moved.add(event.stream)

    async def follow(
        self,
        stream: str,
        key: str | None,
        after: Place | None = None,
        idle: Callable[[], object] | None = None,
    ) -> tuple[Reader, Mailbox]:
        """Return a mailbox that gets what happens in a stream, or to one key in it, and its reader.

        It begins right after a place, or now. Raises `CursorExpired` when the log does not have that
        place, as far as this is known already; or the reader does when it comes to read.
        """
        reader = await self._reader(stream)
        if after is not None and after.position >= reader.place.position and after != reader.place:
            # The cursor may be from another process that has heard of more than this one.
            await self._event_log.check(stream, after)
            reader.look(after)
        if self._readers.get(stream) is not reader:
            # The reader was given up meanwhile, because it had no mailbox yet.
            return await self.follow(stream, key, after, idle)
        start = reader.place if after is None else after
        mailbox = Mailbox(key, start, self._mailbox_limit, idle)
        reader.join(mailbox)
        return reader, mailbox

    async def look(self) -> None:
        """Ask the log what has changed, and catch up where the bus has left something out.

        What it costs follows what has happened, and not how many streams are followed. Only when
        the log may have gone back to an earlier state, all of them are compared with it.
        """
        await self._drop_unread()
        self._retry()
        moved, self._moved = self._moved, set()
        try:
            changes = await self._event_log.changes(self._seen)
            for stream, head in changes.heads.items():
                self._tell(stream, head)
            # A stream that moved by the bus must be among the changes; if not, its event may be gone.
            doubtful = moved - changes.heads.keys() if changes.is_sure else self._readers.keys()
            for some in batches(list(doubtful)):
                for stream, head in (await self._event_log.heads(some)).items():
                    self._tell(stream, head)
        except BaseException:
            self._moved |= moved
            raise
        self._seen = changes.seen

    def _tell(self, stream: str, head: Place) -> None:
        reader = self._readers.get(stream)
        if reader is None:
            return
        if stream in self._moved and head.position <= reader.place.position:
            # The stream moved while the log was asked; the next look compares it.
            return
        reader.look(head)

    def _retry(self) -> None:
        unhealed, self._unhealed = self._unhealed, set()
        for stream in unhealed:
            if reader := self._readers.get(stream):
                self._heal(reader)

    async def _drop_unread(self) -> None:
        unread, self._unread = self._unread, set()
        for stream in unread:
            reader = self._readers.get(stream)
            if reader is not None and reader.size:
                continue
            if stream in self._opening:
                self._unread.add(stream)
                continue
            # A reader that could not be opened is gone already, and the bus still follows its stream.
            self._readers.pop(stream, None)
            await self._bus.unfollow(stream)

    async def _reader(self, stream: str) -> Reader:
        if reader := self._readers.get(stream):
            if stream not in self._opening:
                return reader
        else:
            reader = Reader(stream, self._event_log, self._heal, self._leave)
            self._readers[stream] = reader
            self._leave(reader)
            opening = self._open(reader)
            self._opening[stream] = self._background.spawn(f"opening of {stream}", opening)
        # One caller that is cancelled must not cancel the opening for the others that wait for it.
        return await asyncio.shield(self._opening[stream])

    async def _open(self, reader: Reader) -> Reader:
        stream = reader.stream
        try:
            # First the bus and then the log: what happens between the two is in both.
            await self._bus.follow(stream)
            reader.open((await self._event_log.heads([stream]))[stream])
            self._moved.add(stream)
        except BaseException:
            del self._readers[stream]
            raise
        finally:
            del self._opening[stream]
        return reader

    def _leave(self, reader: Reader) -> None:
        self._unread.add(reader.stream)

    def _heal(self, reader: Reader) -> None:
        if reader.stream not in self._healing:
            self._healing.add(reader.stream)
            self._background.spawn(f"healing of {reader.stream}", self._healed(reader))

    async def _healed(self, reader: Reader) -> None:
        """Read what is missing; a database that does not answer is asked again at the next look."""
        try:
            while reader.has_hole:
                await self._go_on(reader)
        except Exception as error:
            self._unhealed.add(reader.stream)
            if not is_unavailable(error):
                raise
            log.warning("the log cannot be read; stream %s waits", reader.stream)
        finally:
            # At once, with nothing awaited since the reader was asked for a hole: one that is noticed
            # from here on begins another round.
            self._healing.discard(reader.stream)
            self._moved.add(reader.stream)

    async def _go_on(self, reader: Reader) -> None:
        try:
            await reader.catch_up()
        except CursorExpired as expired:
            said = "went back" if isinstance(expired, WentBack) else "was pruned"
            log.warning(
                "the log of stream %s %s: what this process had read up to position %d is not in it"
                " any more, and its subscribers fetch anew",
                reader.stream,
                said,
                reader.place.position,
            )
            await reader.begin_anew(expired)
