"""The one reader of a stream in this process, however many subscribers follow the stream.

Events that the bus delivers in order go straight to the mailboxes. Repeated ones are ignored, early ones are
kept until their turn, and missing ones are read from the log. Each event carries the mark of the one before
it: if that differs from the mark of the event handed on last, the log may have gone back to an earlier state.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import chain

from watchword.errors import CursorExpired
from watchword.events.distribution import Distribution
from watchword.events.event import BEGINNING, Event, Place
from watchword.events.log.event_log import EventLog
from watchword.events.mailbox import Mailbox

# The most events that one query reads from the log.
BATCH = 500
# The most events that are kept until their turn. Those beyond are read from the log.
EARLY = 1_000


class Reader:
    """Hands one stream's events to the mailboxes that follow it, in order and each once.

    `current` is the place of the newest event that was handed on.
    """

    def __init__(
        self,
        stream: str,
        event_log: EventLog,
        heal: Callable[[Reader], object],
        unread: Callable[[Reader], object] = lambda _: None,
    ) -> None:
        """`heal` is called when events are missing, and must start `catch_up`. `unread` is called when the last
        mailbox has left."""
        self.stream = stream
        self.current: Place = BEGINNING
        self.is_open = False
        # The newest position that the bus or the log has reported.
        self._head = 0
        # Whether to check that the log still has the event at `current`.
        self._is_doubted = False
        self._event_log = event_log
        self._heal = heal
        self._unread = unread
        self._early: dict[int, Event] = {}
        self._mailboxes: defaultdict[str | None, set[Mailbox]] = defaultdict(set)
        self._distribution = Distribution()

    @property
    def size(self) -> int:
        """The number of mailboxes."""
        return sum(len(mailboxes) for mailboxes in self._mailboxes.values())

    @property
    def mailboxes(self) -> Iterator[Mailbox]:
        """The mailboxes that follow the stream."""
        return chain.from_iterable(self._mailboxes.values())

    @property
    def lag(self) -> int:
        """How many events are known to exist and were not handed on."""
        return max(0, self._head - self.current.position) if self.is_open else 0

    @property
    def has_hole(self) -> bool:
        """Tell whether the log must be read: events are missing, or the log may have gone back."""
        return self._is_doubted or self._head > self.current.position

    @property
    def is_read(self) -> bool:
        """Whether each mailbox has every event, and its subscriber has taken them all and waits."""
        return all(mailbox.is_idle for each in self._mailboxes.values() for mailbox in each)

    def open(self, head: Place) -> None:
        """Begin at the log's head. Events after it that have arrived already are handed on."""
        self.is_open = True
        self.current = head
        self._head = max(self._head, head.position)
        self._hand_on()
        self._notice()

    def receive(self, event: Event) -> None:
        """Take an event from the bus. Never blocks."""
        if event.position <= self.current.position:
            self._compare(event.place)
            return
        self._head = max(self._head, event.position)
        if len(self._early) < EARLY:
            self._early[event.position] = event
        self._hand_on()
        self._notice()

    def look(self, head: Place) -> None:
        """Take the stream's head as the log reports it, which shows what the bus has lost."""
        self._head = max(self._head, head.position)
        if self.is_open and head.position < self.current.position:
            self._is_doubted = True
        self._compare(head)
        self._notice()

    async def catch_up(self) -> None:
        """Read the missing events from the log.

        Raises `CursorExpired` if the log does not continue from `current`.
        """
        while self.has_hole:
            # Heads that are reported during the read go to `_head`, so that none is lost.
            head, self._head, self._is_doubted = self._head, self.current.position, False
            try:
                found = await self._event_log.read(self.stream, None, self.current, BATCH)
            except BaseException:
                self._head, self._is_doubted = max(self._head, head), True
                raise
            if found:
                self._head = max(self._head, head)
            # Otherwise the reported head does not exist in the log, and is forgotten.
            for event in found:
                if event.position > self.current.position:
                    self._early[event.position] = event
            self._hand_on()

    async def begin_anew(self, why: CursorExpired) -> None:
        """Continue at the log's head, and tell every mailbox why it cannot continue."""
        # A head that is reported during the query is compared afterwards.
        self._is_doubted, self._head = False, 0
        try:
            head = (await self._event_log.heads([self.stream]))[self.stream]
        except BaseException:
            self._is_doubted = True
            raise
        self.current = head
        self._head = max(self._head, head.position)
        self._early.clear()
        self._distribution.clear()
        for mailboxes in self._mailboxes.values():
            for mailbox in mailboxes:
                mailbox.lose(why.message)

    def join(self, mailbox: Mailbox) -> None:
        """Hand every event from now on to a mailbox. Earlier ones that it lacks are read from the log."""
        mailbox.behind = mailbox.current.position < self.current.position
        mailbox.coming = self._distribution.coming
        self._mailboxes[mailbox.key].add(mailbox)

    def leave(self, mailbox: Mailbox) -> None:
        """Stop handing events to a mailbox."""
        mailbox.release()
        mailboxes = self._mailboxes[mailbox.key]
        mailboxes.discard(mailbox)
        if not mailboxes:
            del self._mailboxes[mailbox.key]
        if not self._mailboxes:
            self._unread(self)

    async def next(self, mailbox: Mailbox) -> Event:
        """Return the mailbox's next event; wait for it without a limit.

        Raises `CursorExpired` if that event was pruned before it was read, or the log went back.
        """
        while True:
            if mailbox.lost is not None:
                raise CursorExpired(mailbox.lost)
            if event := mailbox.take():
                return event
            if mailbox.behind:
                await self._refill(mailbox)
            else:
                # The mailbox is empty, so all events up to here were taken or are for other keys.
                mailbox.current = max(mailbox.current, self.current)
                await mailbox.wait()

    async def _refill(self, mailbox: Mailbox) -> None:
        current, limit = self.current, min(BATCH, mailbox.limit)
        mailbox.keep()
        found: list[Event] = []
        is_all = False
        try:
            found = await self._event_log.read(self.stream, mailbox.key, mailbox.current, limit)
            is_all = len(found) < limit
        finally:
            mailbox.refill(found, is_all)
        if is_all and not found:
            mailbox.current = max(mailbox.current, current)

    def _hand_on(self) -> None:
        while self.is_open and (event := self._early.pop(self.current.position + 1, None)):
            if event.before != self.current.mark:
                self._is_doubted = True
                return
            self.current = event.place
            mailboxes = self._mailboxes
            self._distribution.put(event, [*mailboxes.get(None, ()), *mailboxes.get(event.key, ())])

    def _compare(self, reported: Place) -> None:
        """Start a check of the log if the log or the bus reports another event at the current position."""
        is_here = reported.position == self.current.position
        if self.is_open and is_here and reported != self.current:
            self._is_doubted = True
            self._notice()

    def _notice(self) -> None:
        if self.is_open and self.has_hole:
            here = self.current.position
            self._early = {at: event for at, event in self._early.items() if at > here}
            self._heal(self)
