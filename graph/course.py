"""The course of one run of a subscription: the stream that its resolver follows, and how far it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from graph.errors import BadUserInput
from graph.events import PRESENT, Event, Place
from graph.fanout.hub import Hub
from graph.fanout.log import Log
from graph.fanout.mailbox import Mailbox
from graph.fanout.reader import Reader

LONGEST_LOOK_BACK = 1_000


class Course:
    """Begins right after `start` (a place) or `resume` (a cursor), or where the resolver says.

    `settled` is the place up to which everything has been answered; None before the beginning.
    `idle` is called whenever the resolver waits for what has not happened yet.
    """

    __slots__ = (
        "_hub",
        "_idle",
        "_log",
        "_mailbox",
        "_reader",
        "_resume",
        "at",
        "settled",
        "start",
    )

    def __init__(
        self,
        hub: Hub,
        log: Log,
        start: Place | None = None,
        resume: str | None = None,
        idle: Callable[[], object] | None = None,
    ) -> None:
        self._hub = hub
        self._log = log
        self.start = start
        self._resume = resume
        self._idle = idle
        self._reader: Reader | None = None
        self._mailbox: Mailbox | None = None
        self.at: Place | None = None
        self.settled = start

    @property
    def stream(self) -> str | None:
        """The stream that is followed; None before that."""
        return self._reader.stream if self._reader else None

    @property
    def is_idle(self) -> bool:
        """Tell whether the resolver has had everything that has happened, and waits."""
        return self._mailbox is not None and self._mailbox.is_idle

    @property
    def place(self) -> Place | None:
        """Where another run would go on: everything up to here is answered, or concerns nobody."""
        if self._reader and self._mailbox and self._mailbox.is_idle:
            return max(self._reader.place, self._mailbox.place)
        return self.settled

    def settle(self) -> None:
        """Note that the event which was followed last has been answered."""
        self.settled = self.at

    def cursor(self) -> str | None:
        """Return the cursor of whoever has seen the event which was followed last."""
        if self._reader is None or self._mailbox is None or self.at is None:
            return None
        return self._log.cursors.write(self._reader.stream, self._mailbox.key, self.at)

    async def follow(
        self, stream: str, key: str | None, last: int | None, present: bool
    ) -> AsyncIterator[Event]:
        """Yield what happens in a stream, or to one key in it.

        Raises `BadUserInput` and `CursorExpired` when there is no going on from the cursor.
        """
        if self._reader is not None:
            raise RuntimeError("a subscription follows one stream: its cursors are of that stream")
        is_new = self.start is None and self._resume is None
        after = await self._beginning(stream, key, last)
        reader, mailbox = await self._hub.follow(stream, key, after, self._idle)
        self._reader, self._mailbox = reader, mailbox
        try:
            if present and is_new:
                self.at = mailbox.place
                yield Event(stream, key or "", PRESENT, {}, *mailbox.place)
            while True:
                # Whoever asks for the next event is done with the one before.
                self.settled = mailbox.place
                event = await reader.next(mailbox)
                self.at = event.place
                yield event
        finally:
            reader.leave(mailbox)

    async def _beginning(self, stream: str, key: str | None, last: int | None) -> Place | None:
        if self.start is not None:
            return self.start
        if self._resume is not None:
            place, _ = self._log.cursors.read(self._resume, stream, key)
            return place
        if last is None:
            return None
        if not 1 <= last <= LONGEST_LOOK_BACK:
            raise BadUserInput(f"last is between 1 and {LONGEST_LOOK_BACK}.", ["last"])
        return await self._log.before_last(stream, key, last)
