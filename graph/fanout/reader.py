"""The one reader of a stream inside a process, however many subscribers follow it.

What the bus brings in order goes straight to the mailboxes. What it brings again is passed over,
what came too early waits for a moment, and a hole is read from the log.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from graph.database import is_unavailable
from graph.errors import CursorExpired
from graph.events import Event
from graph.fanout.log import TOO_OLD, Log
from graph.fanout.mailbox import Mailbox

log = logging.getLogger("watchword.hub")

# Events that are read from the log at once.
BATCH = 500
# Events that came before their turn and are kept until it comes.
EARLY = 1_000


class Reader:
    """Hands one stream's events to the mailboxes that follow it, in order and each once."""

    def __init__(self, stream: str, source: Log, heal: Callable[[Reader], object]) -> None:
        """`heal` hears that there is a hole, and sees to it that `catch_up` is run."""
        self.stream = stream
        self.position = 0
        self.is_open = False
        self._seen = 0
        self._log = source
        self._heal = heal
        self._early: dict[int, Event] = {}
        self._mailboxes: defaultdict[str | None, set[Mailbox]] = defaultdict(set)

    @property
    def size(self) -> int:
        """How many mailboxes there are."""
        return sum(len(mailboxes) for mailboxes in self._mailboxes.values())

    @property
    def has_hole(self) -> bool:
        """Tell whether something has happened that the mailboxes have not been told."""
        return self._seen > self.position

    def open(self, head: int) -> None:
        """Begin at the present. What was received meanwhile counts from here."""
        self.is_open = True
        self.position = head
        self._seen = max(self._seen, head)
        self._hand_on()
        self._notice()

    def receive(self, event: Event) -> None:
        """Take an event from the bus. Never blocks."""
        if event.position <= self.position:
            return
        self._seen = max(self._seen, event.position)
        if len(self._early) < EARLY:
            self._early[event.position] = event
        self._hand_on()
        self._notice()

    def look(self, head: int) -> None:
        """Hear from the log how far it is: the safety net under the bus."""
        self._seen = max(self._seen, head)
        self._notice()

    async def catch_up(self) -> None:
        """Read from the log what the bus did not bring."""
        while self.has_hole:
            try:
                found = await self._log.read(self.stream, None, self.position, BATCH)
            except CursorExpired:
                self._lose()
                return
            if not found:
                # Somebody told of what is not there.
                self._seen = self.position
            for event in found:
                self._early.setdefault(event.position, event)
            self._hand_on()

    def join(self, mailbox: Mailbox) -> None:
        """Let a mailbox have what happens from now on; what it has missed is for the log."""
        mailbox.behind = mailbox.position < self.position
        self._mailboxes[mailbox.key].add(mailbox)

    def leave(self, mailbox: Mailbox) -> None:
        """Take a mailbox back."""
        mailboxes = self._mailboxes[mailbox.key]
        mailboxes.discard(mailbox)
        if not mailboxes:
            del self._mailboxes[mailbox.key]

    async def next(self, mailbox: Mailbox) -> Event:
        """Return the mailbox's next event, however long that takes.

        Raises `CursorExpired` when it was pruned before the mailbox came to it.
        """
        while True:
            if mailbox.lost:
                raise CursorExpired(TOO_OLD)
            if event := mailbox.take():
                return event
            if mailbox.behind:
                await self._refill(mailbox)
            else:
                # Whoever waits has seen everything up to here, whatever of it was for others.
                mailbox.position = max(mailbox.position, self.position)
                await mailbox.wait()

    async def _refill(self, mailbox: Mailbox) -> None:
        reached = self.position
        limit = min(BATCH, mailbox.limit)
        found = await self._log.read(self.stream, mailbox.key, mailbox.position, limit)
        mailbox.refill(found)
        end = found[-1].position if len(found) == limit else 0
        at = end or max(reached, found[-1].position if found else 0)
        # What was handed on while the log was read did not go to this mailbox.
        mailbox.behind = at < self.position
        if not found:
            mailbox.position = max(mailbox.position, at)

    def _hand_on(self) -> None:
        while self.is_open and (event := self._early.pop(self.position + 1, None)):
            self.position = event.position
            for key in (None, event.key):
                for mailbox in tuple(self._mailboxes.get(key, ())):
                    mailbox.put(event)

    def _notice(self) -> None:
        if self.is_open and self.has_hole:
            self._early = {at: event for at, event in self._early.items() if at > self.position}
            self._heal(self)

    def _lose(self) -> None:
        log.warning("stream %s was pruned past what this process had read", self.stream)
        for mailboxes in self._mailboxes.values():
            for mailbox in mailboxes:
                mailbox.lose()
        self.position = self._seen


async def healed(reader: Reader) -> None:
    """Catch up; a database that does not answer is asked again at the next look."""
    try:
        await reader.catch_up()
    except (SQLAlchemyError, OSError) as error:
        if not is_unavailable(error):
            raise
        log.warning("the log cannot be read; stream %s waits", reader.stream)
