"""The hub: brings the events of the bus and the log to the mailboxes of this process."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from watchword.errors import CursorExpired, WentBack
from watchword.events.bus.bus import Bus
from watchword.events.event import Event, Place
from watchword.events.log.changes import Look
from watchword.events.log.event_log import EventLog
from watchword.events.mailbox import Mailbox
from watchword.events.reader import Reader
from watchword.events.waker import Waker
from watchword.process.background import Background
from watchword.storage.database import batches, is_unavailable

log = logging.getLogger("watchword.hub")


class Backlog(NamedTuple):
    """How many events wait for subscribers: all together, and for the one with the most; and how many subscribers read
    the log instead."""

    events: int
    most: int
    behind: int


class Hub:
    """Keeps one reader for each stream that this process follows, and asks the log for changes at intervals.

    `look_seconds` is the interval: an event that the bus has lost arrives at most that many seconds late. The
    watched streams of the log's `known` always have a reader, so that their events are received even while
    nobody follows them.
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
        # Names of streams: those that may have no mailbox left, those with a reader that has advanced since the last
        # look, those being healed (missing events are read from the log), and those that could not be healed,
        # which is tried again at the next look.
        self._unread: set[str] = set()
        self._moved: set[str] = set()
        self._healing: set[str] = set()
        self._unhealed: set[str] = set()
        self._last_look: Look | None = None
        self._waker = Waker()
        self.resumes: Counter[str] = Counter()
        """How many subscriptions came back with a cursor, by what became of them."""

    @property
    def size(self) -> int:
        """The number of mailboxes."""
        return sum(reader.size for reader in self._readers.values())

    @property
    def is_whole(self) -> bool:
        """Whether each event that this process knows of is in the mailboxes that it is for."""
        # A reader that is being healed shows no hole.
        being_read = self._opening or self._healing or self._unhealed
        return not being_read and not any(each.has_hole for each in self._readers.values())

    def is_read(self, stream: str) -> bool:
        """Tell whether those that follow a stream have handled every event of it that this process knows of."""
        reader = self._readers.get(stream)
        return self.is_whole and (reader is None or reader.is_read)

    @property
    def lag(self) -> int:
        """How many events of the stream that is most behind are in the log and were not handed to mailboxes."""
        return max((reader.lag for reader in self._readers.values()), default=0)

    @property
    def backlog(self) -> Backlog:
        """The events that wait in all mailboxes."""
        mailboxes = [each for reader in self._readers.values() for each in reader.mailboxes]
        waiting = [each.size for each in mailboxes]
        behind = sum(each.behind for each in mailboxes)
        return Backlog(sum(waiting), max(waiting, default=0), behind)

    async def open(self) -> None:
        """Receive events until the background is closed."""
        await self._bus.open(self.receive)
        # Needed: without the looks, this process could miss a revocation that the bus has lost.
        self._background.every(
            self._look_seconds, "the check of the event log", self.look, is_needed=True
        )

    def receive(self, event: Event) -> None:
        """Take one event from the bus. Never blocks."""
        # Before it is delivered: a subscriber that has the event may ask for an answer, which must not be older.
        self._event_log.known.happened(event.stream, event.place)
        if reader := self._readers.get(event.stream):
            before = reader.current
            reader.receive(event)
            if reader.current != before:
                self._moved.add(event.stream)

    async def follow(
        self,
        stream: str,
        key: str | None,
        resume_from: Place | None = None,
        idle: Callable[[], object] | None = None,
    ) -> tuple[Reader, Mailbox]:
        """Return a new mailbox for the events of a stream, or of one key in it, and its reader.

        The events begin right after `resume_from`, or now. Raises `CursorExpired` if a check finds that the
        log does not have that place. A place that is not checked here is checked when the reader reads.
        """
        reader = await self._reader(stream)
        current = reader.current
        is_new = resume_from is not None and resume_from.position >= current.position
        if resume_from is not None and is_new and resume_from != current:
            # The cursor may be from another process that has received more events than this one.
            await self._event_log.check(stream, resume_from)
            reader.look(resume_from)
        if self._readers.get(stream) is not reader:
            # The reader was dropped during the check, because it had no mailbox yet.
            return await self.follow(stream, key, resume_from, idle)
        begin = reader.current if resume_from is None else resume_from
        mailbox = Mailbox(key, begin, self._mailbox_limit, idle, self._waker.wake_soon)
        reader.join(mailbox)
        return reader, mailbox

    async def look(self) -> None:
        """Ask the log which streams changed, and catch up where the bus has lost events.

        The cost depends on how many streams changed, not on how many are followed. Only if the log may have
        gone back to an earlier state, all followed streams are compared with it.
        """
        known = self._event_log.known
        await self._drop_unread()
        for stream in tuple(known.streams):
            await self._reader(stream)
        self._retry()
        moved, self._moved = self._moved, set()
        began = known.now()
        try:
            changes = await self._event_log.changes(self._last_look)
            if not changes.is_sure:
                known.forget()
            for stream, head in changes.heads.items():
                self._compare(stream, head)
            # If the bus brought an event of a stream that the log does not report as changed, the event may
            # be gone from the log.
            doubtful = moved - changes.heads.keys() if changes.is_sure else self._readers.keys()
            for some in batches(list(doubtful)):
                for stream, head in (await self._event_log.heads(some)).items():
                    self._compare(stream, head)
        except BaseException:
            self._moved |= moved
            raise
        self._last_look = changes.look
        known.looked(began)

    def _compare(self, stream: str, head: Place) -> None:
        reader = self._readers.get(stream)
        if reader is None:
            return
        if stream in self._moved and head.position <= reader.current.position:
            # An event arrived during the query. The next look compares this stream.
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
            if reader is not None and (reader.size or stream in self._event_log.known.streams):
                continue
            if stream in self._opening:
                self._unread.add(stream)
                continue
            # If the reader could not be opened, it is gone already, but the bus still follows its stream.
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
        # If one caller is cancelled, the opening must continue for the others that wait for it.
        return await asyncio.shield(self._opening[stream])

    async def _open(self, reader: Reader) -> Reader:
        stream = reader.stream
        try:
            # First follow the bus, then read the head: an event in between is in both, and none is missed.
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
            self._background.spawn(
                f"the reading of missed events of {reader.stream}", self._healed(reader)
            )

    async def _healed(self, reader: Reader) -> None:
        """Read the missing events. If the database does not answer, try again at the next look."""
        try:
            while reader.has_hole:
                await self._go_on(reader)
        except Exception as error:
            self._unhealed.add(reader.stream)
            if not is_unavailable(error):
                raise
            log.warning("the event log cannot be read; stream %s is read later", reader.stream)
        finally:
            # There is no await between the last `has_hole` and this line, so a hole that is noticed later
            # starts a new task.
            self._healing.discard(reader.stream)
            self._moved.add(reader.stream)

    async def _go_on(self, reader: Reader) -> None:
        try:
            await reader.catch_up()
        except CursorExpired as expired:
            if isinstance(expired, WentBack):
                self._event_log.known.forget()
            said = "went back" if isinstance(expired, WentBack) else "was pruned"
            log.warning(
                "the log of stream %s %s: what this process had read up to position %d is not in it"
                " any more, and its subscribers must fetch again",
                reader.stream,
                said,
                reader.current.position,
            )
            await reader.begin_anew(expired)
