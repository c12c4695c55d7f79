"""The one reader of a stream inside a process, however many subscribers follow it.

What the bus brings in order goes straight to the mailboxes. What it brings again is passed over,
what came too early waits for a moment, and a hole is read from the log. Each event names the mark of
the one before: when that is not the event that came last, the log went back to an earlier state.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from watchword.errors import CursorExpired
from watchword.events.event import BEGINNING, Event, Place
from watchword.events.log.event_log import EventLog
from watchword.events.mailbox import Mailbox

# Events that are read from the log at once.
BATCH = 500
# Events that came before their turn and are kept until it comes.
EARLY = 1_000


class Reader:
    """Hands one stream's events to the mailboxes that follow it, in order and each once.

    `place` is that of the event which was handed on last.
    """

    def __init__(
        self,
        stream: str,
        event_log: EventLog,
        heal: Callable[[Reader], object],
        unread: Callable[[Reader], object] = lambda _: None,
    ) -> None:
        """`heal` is called when events are missing, and must have `catch_up` run; `unread` is called
        when the last mailbox has left."""
        self.stream = stream
        self.place: Place = BEGINNING
        self.is_open = False
        self._seen = 0
        # Whether the log must be asked if it still has the event at `place`.
        self._is_doubted = False
        self._event_log = event_log
        self._heal = heal
        self._unread = unread
        self._early: dict[int, Event] = {}
        self._mailboxes: defaultdict[str | None, set[Mailbox]] = defaultdict(set)

    @property
    def size(self) -> int:
        """How many mailboxes there are."""
        return sum(len(mailboxes) for mailboxes in self._mailboxes.values())

    @property
    def has_hole(self) -> bool:
        """Tell whether the log has to be read: for what the mailboxes miss, or to be sure of it."""
        return self._is_doubted or self._seen > self.place.position

    def open(self, head: Place) -> None:
        """Begin at the present. What was received meanwhile counts from here."""
        self.is_open = True
        self.place = head
        self._seen = max(self._seen, head.position)
        self._hand_on()
        self._notice()

    def receive(self, event: Event) -> None:
        """Take an event from the bus. Never blocks."""
        if event.position <= self.place.position:
            self._compare(event.place)
            return
        self._seen = max(self._seen, event.position)
        if len(self._early) < EARLY:
            self._early[event.position] = event
        self._hand_on()
        self._notice()

    def look(self, head: Place) -> None:
        """Hear from the log how far it is: the safety net under the bus."""
        self._seen = max(self._seen, head.position)
        if self.is_open and head.position < self.place.position:
            self._is_doubted = True
        self._compare(head)
        self._notice()

    async def catch_up(self) -> None:
        """Read from the log what the bus did not bring.

        Raises `CursorExpired` when the log does not go on from here.
        """
        while self.has_hole:
            # Heads that are reported during the read are collected apart.
            told, self._seen, self._is_doubted = self._seen, self.place.position, False
            try:
                found = await self._event_log.read(self.stream, None, self.place, BATCH)
            except BaseException:
                self._seen, self._is_doubted = max(self._seen, told), True
                raise
            if found:
                self._seen = max(self._seen, told)
            # Otherwise the reported head does not exist in the log, and is forgotten.
            for event in found:
                if event.position > self.place.position:
                    self._early[event.position] = event
            self._hand_on()

    async def begin_anew(self, why: CursorExpired) -> None:
        """Continue at the present, and tell every mailbox why it cannot continue from its place."""
        # Heads that are reported during the query are checked afterwards.
        self._is_doubted, self._seen = False, 0
        try:
            head = (await self._event_log.heads([self.stream]))[self.stream]
        except BaseException:
            self._is_doubted = True
            raise
        self.place = head
        self._seen = max(self._seen, head.position)
        self._early.clear()
        for mailboxes in self._mailboxes.values():
            for mailbox in mailboxes:
                mailbox.lose(why.message)

    def join(self, mailbox: Mailbox) -> None:
        """Let a mailbox have what happens from now on; what it has missed is for the log."""
        mailbox.behind = mailbox.place.position < self.place.position
        self._mailboxes[mailbox.key].add(mailbox)

    def leave(self, mailbox: Mailbox) -> None:
        """Take a mailbox back."""
        mailboxes = self._mailboxes[mailbox.key]
        mailboxes.discard(mailbox)
        if not mailboxes:
            del self._mailboxes[mailbox.key]
        if not self._mailboxes:
            self._unread(self)

    async def next(self, mailbox: Mailbox) -> Event:
        """Return the mailbox's next event, however long that takes.

        Raises `CursorExpired` when it was pruned before the mailbox came to it, or the log went back.
        """
        while True:
            if mailbox.lost is not None:
                raise CursorExpired(mailbox.lost)
            if event := mailbox.take():
                return event
            if mailbox.behind:
                await self._refill(mailbox)
            else:
                # A subscriber that waits has seen everything up to here; the rest was for other keys.
                mailbox.place = max(mailbox.place, self.place)
                await mailbox.wait()

    async def _refill(self, mailbox: Mailbox) -> None:
        reached, limit = self.place, min(BATCH, mailbox.limit)
        mailbox.keep()
        found: list[Event] = []
        is_all = False
        try:
            found = await self._event_log.read(self.stream, mailbox.key, mailbox.place, limit)
            is_all = len(found) < limit
        finally:
            mailbox.refill(found, is_all)
        if is_all and not found:
            mailbox.place = max(mailbox.place, reached)

    def _hand_on(self) -> None:
        while self.is_open and (event := self._early.pop(self.place.position + 1, None)):
            if event.before != self.place.mark:
                self._is_doubted = True
                return
            self.place = event.place
            for key in (None, event.key):
                for mailbox in tuple(self._mailboxes.get(key, ())):
                    mailbox.put(event)

    def _compare(self, told: Place) -> None:
        """Have the log checked if another event is reported at our position."""
        if self.is_open and told.position == self.place.position and told != self.place:
            self._is_doubted = True
            self._notice()

    def _notice(self) -> None:
        if self.is_open and self.has_hole:
            here = self.place.position
            self._early = {at: event for at, event in self._early.items() if at > here}
            self._heal(self)
