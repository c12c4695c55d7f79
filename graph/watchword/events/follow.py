"""The course of one run of a subscription: the stream that its resolver follows, and how far it is."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from watchword.errors import BadUserInput
from watchword.events.event import PRESENT, Event, Place
from watchword.events.hub import Hub
from watchword.events.log.event_log import EventLog
from watchword.events.mailbox import Mailbox
from watchword.events.reader import Reader
from watchword.process.deadline import Watchdog

LONGEST_LOOK_BACK = 1_000


DONE = sys.maxsize
IN_PRESENT = -1


class Progress(NamedTuple):
    """How far a subscriber is: everything before a place is done, and so much of the event there.

    `answered` is how many answers to that event were had, `DONE` when there are no more, and
    `IN_PRESENT` when everything up to the place is done but the present state, of which nothing counts
    until all of it has arrived.
    """

    place: Place
    answered: int = DONE


class Topic(NamedTuple):
    """What a resolver follows: a stream, or one key in it."""

    stream: str
    key: str | None


@dataclass(frozen=True, slots=True)
class Turn:
    """What the resolver had been given when it made an answer.

    `number` counts what it has been given; 0 is before the first. `before` is how far its subscriber
    was before this answer; None when it follows nothing. `event` is None between events.
    """

    number: int
    before: Progress | None
    event: Event | None


class OtherTopic(Exception):
    """The resolver of a group follows another stream or key than the members of the group do."""


class Follow:
    """Begins right after `start` or `resume` (a cursor), or where the resolver says.

    `idle` is called whenever the resolver waits for what has not happened yet, and every answer
    before that has been sent. With `only`, the resolver may follow nothing else. `start` is a place in
    `stream`: a resolver that follows another one this time, because grants have changed, begins anew.
    """

    __slots__ = (
        "_begin",
        "_event",
        "_hub",
        "_idle",
        "_is_left",
        "_is_resting",
        "_event_log",
        "_mailbox",
        "_number",
        "_only",
        "_progress",
        "_reader",
        "_repeated",
        "_resume",
        "_stream",
        "start",
        "watchdog",
    )

    def __init__(
        self,
        hub: Hub,
        event_log: EventLog,
        start: Progress | None = None,
        resume: str | None = None,
        idle: Callable[[], object] = lambda: None,
        only: Topic | None = None,
        stream: str | None = None,
    ) -> None:
        self._hub = hub
        self._event_log = event_log
        self.start = start
        self._resume = resume
        self._idle = idle
        self._only = only
        self._stream = stream
        self._reader: Reader | None = None
        self._mailbox: Mailbox | None = None
        # Looks after the time that the resolver takes for one event.
        self.watchdog: Watchdog | None = None
        self._is_left = False
        self._is_resting = False
        self._event: Event | None = None
        self._number = 0
        # How many answers to the current event the subscriber had before this run began.
        self._repeated = 0
        self._begin = self._progress = start

    def again(self) -> Follow:
        """Return a course that goes on from where this one is."""
        stream = self.topic.stream if self.topic else self._stream
        resume = self._resume
        return Follow(
            self._hub, self._event_log, self.progress, resume, self._idle, self._only, stream
        )

    @property
    def topic(self) -> Topic | None:
        """What is followed; None before that."""
        if self._reader is None or self._mailbox is None:
            return None
        return Topic(self._reader.stream, self._mailbox.key)

    @property
    def is_idle(self) -> bool:
        """Tell whether all that has happened is answered, and the resolver waits for more."""
        return self._is_resting and self.is_waiting

    @property
    def must_follow(self) -> bool:
        """Tell whether the resolver has to follow a given topic, so that it must not take long to begin."""
        return self._only is not None

    @property
    def is_waiting(self) -> bool:
        """Tell whether the resolver waits for what has not happened yet."""
        return self._mailbox is not None and self._mailbox.is_idle

    @property
    def progress(self) -> Progress | None:
        """Where another run would go on; None for the beginning."""
        now = self._now
        # Answers that come again have been had, even those that this run has not come to yet.
        return now if now is None or self._begin is None else max(now, self._begin)

    @property
    def turn(self) -> Turn:
        """What the resolver has been given last."""
        return Turn(self._number, self._now, self._event)

    @property
    def _now(self) -> Progress | None:
        mailbox, reader, reached = self._mailbox, self._reader, self._progress
        if reached is None or mailbox is None or reader is None:
            return reached
        if self._event is None and mailbox.is_empty and not self._is_left:
            # The other events of the stream up to here were for other keys.
            return max(reached, Progress(reader.place))
        return reached

    @property
    def is_in_event(self) -> bool:
        """Tell whether the resolver has been given an event, and has not asked for the next."""
        return self._event is not None

    def skip(self) -> tuple[Progress, Progress] | None:
        """Count the current event as done, because its resolver was stopped.

        Return a subscriber's progress before the event and after it; None between events.
        """
        if self._event is None or self._progress is None:
            return None
        before, self._progress = self._progress, Progress(self._event.place)
        self._event = None
        return before, self._progress

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Mark that everything so far has been sent: the run does nothing but wait for more."""
        self._is_resting = True
        if self.is_idle:
            self._idle()
        try:
            yield
        finally:
            self._is_resting = False

    def is_repeated(self, turn: Turn) -> bool:
        """Tell whether the subscriber had this answer before this run began."""
        if self.start is not None and turn.number == 0:
            return True
        return turn.before is not None and 0 <= turn.before.answered < self._repeated

    def answered(self, turn: Turn) -> Progress | None:
        """Note that the answer of a turn was made, and return the subscriber's progress with it.

        Call it after the resolver was asked for its next answer: if the resolver has taken the next
        event by then, this answer was the last to its own event.
        """
        event, before = turn.event, turn.before
        if event is None or before is None:
            return before
        if self._number != turn.number or self._event is None:
            return Progress(event.place)
        if before.answered != IN_PRESENT:
            self._progress = before._replace(answered=before.answered + 1)
        return self._progress

    def cursor(self, progress: Progress | None) -> str | None:
        """Return the cursor that stands for this progress."""
        if self.topic is None or progress is None:
            return None
        counts = {DONE: None, IN_PRESENT: 0}
        answered = counts.get(progress.answered, progress.answered)
        return self._event_log.cursors.write(*self.topic, progress.place, answered)

    async def follow(
        self, stream: str, key: str | None, last: int | None, present: bool
    ) -> AsyncIterator[Event]:
        """Yield what happens in a stream, or to one key in it.

        Raises `BadUserInput` and `CursorExpired` when there is no going on from the cursor, and
        `OtherTopic` when this may not be followed.
        """
        if self._only not in (None, Topic(stream, key)):
            raise OtherTopic(f"the resolver follows {stream!r}, and its subscribers do not")
        if self._reader is not None:
            raise RuntimeError("a subscription follows one stream: its cursors are of that stream")
        begin = self._begin = await self._beginning(stream, key, last)
        after = await self._after(stream, begin)
        reader, mailbox = await self._hub.follow(stream, key, after, self._notice)
        self._reader, self._mailbox = reader, mailbox
        try:
            if present and (begin is None or begin.answered == IN_PRESENT):
                yield self._give(Event(stream, key or "", PRESENT, {}, *mailbox.place), IN_PRESENT)
            while True:
                self._event, self._progress = None, Progress(mailbox.place)
                if self.watchdog is not None:
                    self.watchdog.end()
                yield self._give(await reader.next(mailbox), 0)
        finally:
            self._progress, self._is_left = self._now, True
            reader.leave(mailbox)

    def _give(self, event: Event, answered: int) -> Event:
        self._number += 1
        if self.watchdog is not None:
            self.watchdog.begin()
        self._event, self._progress = event, Progress(event.place, answered)
        begin = self._begin
        self._repeated = begin.answered if begin and begin.place == event.place else 0
        return event

    def _notice(self) -> None:
        if self._is_resting:
            self._idle()

    async def _beginning(self, stream: str, key: str | None, last: int | None) -> Progress | None:
        if self.start is not None:
            return self.start if self._stream in (None, stream) else None
        if self._resume is not None:
            place, answered = self._event_log.cursors.read(self._resume, stream, key)
            return Progress(place, {None: DONE, 0: IN_PRESENT}.get(answered, answered or 0))
        if last is None:
            return None
        if not 1 <= last <= LONGEST_LOOK_BACK:
            raise BadUserInput(f"last is between 1 and {LONGEST_LOOK_BACK}.", ["last"])
        return Progress(await self._event_log.before_last(stream, key, last), IN_PRESENT)

    async def _after(self, stream: str, begin: Progress | None) -> Place | None:
        """Return the place after which to follow, so that an event that is not done yet is read again."""
        if begin is None or begin.answered in (DONE, IN_PRESENT):
            return begin and begin.place
        return await self._event_log.before(stream, begin.place)
