"""The stream that one run of a resolver follows, and how far the run and its subscriber are.

Four names say where something is in a stream, here, in the other modules of `events/` and in `delivery/`:

* `resume_from`: the place or progress after which a run begins;
* `current`: the newest event that a run, a mailbox or a reader has passed on;
* `answered_to`: the progress up to which a subscriber has the answers;
* `head`: the newest event of the stream.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from watchword.errors import BadUserInput, CursorExpired
from watchword.events.event import PRESENT, Event, Place
from watchword.events.hub import Hub
from watchword.events.log.event_log import EventLog
from watchword.events.mailbox import Mailbox
from watchword.events.reader import Reader
from watchword.process.deadline import Watchdog

# The most events that `context.follow(…, last=n)` may ask for.
LONGEST_LOOK_BACK = 1_000

# Values of `Progress.answers` that are not counts.
DONE = sys.maxsize
IN_PRESENT = -1


class Progress(NamedTuple):
    """A point in a stream: after all events before `place`, and after some answers to the event there.

    `answers` counts the answers to the event at `place`. It is `DONE` when no more will come, and
    `IN_PRESENT` when the event is done but the present state that follows it has not been sent in full; an
    interrupted present state is sent again from its beginning.
    """

    place: Place
    answers: int = DONE


class Topic(NamedTuple):
    """What a resolver follows: a stream, or one key in it."""

    stream: str
    key: str | None


class Turn(NamedTuple):
    """What the resolver was working on when it made an answer.

    `number` counts the events that the resolver was given; it is 0 before the first. `current` is the
    run's progress before this answer; None if the resolver follows nothing. `event` is None between events.
    """

    number: int
    current: Progress | None
    event: Event | None


class OtherTopic(Exception):
    """The resolver of a group follows another stream or key than the members of the group do."""


class Follow:
    """Follows a stream for one run of a resolver.

    The run begins after `resume_from`, else after `cursor`, else where the resolver's arguments say.
    `resume_from` is a progress in `stream`: if the resolver follows another stream this time, because
    grants have changed, the run begins now. `idle` is called whenever every answer has been sent and the
    resolver waits for an event that has not happened yet. With `only`, following anything else raises
    `OtherTopic`.
    """

    __slots__ = (
        "_current",
        "_cursor",
        "_event",
        "_event_log",
        "_hub",
        "_idle",
        "_is_left",
        "_is_resting",
        "_mailbox",
        "_number",
        "_only",
        "_origin",
        "_reader",
        "_repeated",
        "_stream",
        "resume_from",
        "watchdog",
    )

    def __init__(
        self,
        hub: Hub,
        event_log: EventLog,
        resume_from: Progress | None = None,
        cursor: str | None = None,
        idle: Callable[[], object] = lambda: None,
        only: Topic | None = None,
        stream: str | None = None,
    ) -> None:
        self.resume_from = resume_from
        self._hub = hub
        self._event_log = event_log
        self._cursor = cursor
        self._idle = idle
        self._only = only
        self._stream = stream
        self._reader: Reader | None = None
        self._mailbox: Mailbox | None = None
        # Limits the time that the resolver takes for one event.
        self.watchdog: Watchdog | None = None
        self._is_left = False
        self._is_resting = False
        self._event: Event | None = None
        self._number = 0
        # The number of answers to the current event that the subscriber had before this run began.
        self._repeated = 0
        # Where the run begins, once the stream is known: `resume_from`, or what `cursor` or `last` says.
        self._origin = self._current = resume_from

    def continued(self) -> Follow:
        """Return the `Follow` of a run that continues where this one stopped."""
        stream = self.topic.stream if self.topic else self._stream
        return Follow(
            self._hub,
            self._event_log,
            self.answered_to,
            self._cursor,
            self._idle,
            self._only,
            stream,
        )

    @property
    def topic(self) -> Topic | None:
        """What the resolver follows; None before it follows anything."""
        if self._reader is None or self._mailbox is None:
            return None
        return Topic(self._reader.stream, self._mailbox.key)

    @property
    def must_follow(self) -> bool:
        """Tell whether the resolver must follow the topic `only`. The time until it does so is then limited."""
        return self._only is not None

    @property
    def is_waiting(self) -> bool:
        """Tell whether the resolver waits for an event that has not happened yet."""
        return self._mailbox is not None and self._mailbox.is_idle

    @property
    def is_idle(self) -> bool:
        """Tell whether the resolver waits for an event, and every answer so far has been sent."""
        return self._is_resting and self.is_waiting

    @property
    def behind(self) -> int:
        """How many events that have happened wait for the resolver. If it reads the log, those of other keys count too."""
        mailbox, reader = self._mailbox, self._reader
        if mailbox is None or reader is None:
            return 0
        if mailbox.behind:
            return max(0, reader.current.position - mailbox.current.position)
        return mailbox.size

    @property
    def is_in_event(self) -> bool:
        """Tell whether the resolver was given an event and has not asked for the next one."""
        return self._event is not None

    @property
    def event(self) -> Event | None:
        """The event that the resolver was given and has not finished; None between events."""
        return self._event

    @property
    def answered_to(self) -> Progress | None:
        """How far the subscriber's answers go; None before the first. Another run continues from here."""
        current = self.current
        # A run first repeats answers that the subscriber had before it began: count those as well.
        return current if current is None or self._origin is None else max(current, self._origin)

    @property
    def current(self) -> Progress | None:
        """How far this run is; None until it follows a stream, unless it was given `resume_from`."""
        current = self._current
        if self._event is not None:
            return current
        mailbox, reader = self._mailbox, self._reader
        if current is None or mailbox is None or reader is None:
            return current
        if mailbox.is_empty and not self._is_left:
            # The stream's events after the resolver's last one were for other keys.
            return max(current, Progress(reader.current))
        return current

    @property
    def turn(self) -> Turn:
        """What the resolver works on now."""
        return Turn(self._number, self.current, self._event)

    def skip(self) -> tuple[Progress, Progress] | None:
        """Count the current event as done, because its resolver was stopped.

        Return the progress before that event and after it; None between events.
        """
        if self._event is None or self._current is None:
            return None
        before, self._current = self._current, Progress(self._event.place)
        self._event = None
        return before, self._current

    def rest(self) -> None:
        """Note that the run only waits from now on, until `wake`: every answer so far has been sent."""
        self._is_resting = True
        if self.is_idle:
            self._idle()

    def wake(self) -> None:
        """Note that the run does not only wait any more."""
        self._is_resting = False

    def is_repeated(self, turn: Turn) -> bool:
        """Tell whether the subscriber had the answer of this turn before this run began."""
        if self.resume_from is not None and turn.number == 0:
            return True
        return turn.current is not None and 0 <= turn.current.answers < self._repeated

    def note_answer(self, turn: Turn) -> Progress | None:
        """Count the answer of a turn, and return the progress of a subscriber that has it.

        Call it after the resolver was asked for its next answer. If the resolver has taken the next event
        by then, this answer was the last one to its own event.
        """
        event, before = turn.event, turn.current
        if event is None or before is None:
            return before
        if self._number != turn.number or self._event is None:
            return Progress(event.place)
        if before.answers != IN_PRESENT:
            self._current = before._replace(answers=before.answers + 1)
        return self._current

    def cursor(self, answered_to: Progress | None) -> str | None:
        """Return the cursor of a subscriber with this progress; None if the resolver follows nothing."""
        if self._reader is None or self._mailbox is None or answered_to is None:
            return None
        place, answers = answered_to
        count = None if answers == DONE else max(answers, 0)
        return self._event_log.cursors.write(self._reader.stream, self._mailbox.key, place, count)

    async def events(
        self, stream: str, key: str | None, last: int | None, present: bool
    ) -> AsyncIterator[Event]:
        """Yield the events of a stream, or of one key in it, as `context.follow` describes.

        Raises `BadUserInput` or `CursorExpired` when the run cannot begin after its cursor, and
        `OtherTopic` when the resolver must follow another topic.
        """
        if self._only not in (None, Topic(stream, key)):
            raise OtherTopic(f"the resolver follows {stream!r}, and its subscribers do not")
        if self._reader is not None:
            raise RuntimeError("a subscription follows one stream: its cursors are of that stream")
        reader, mailbox = await self._start(stream, key, last)
        self._reader, self._mailbox, origin = reader, mailbox, self._origin
        try:
            if present and (origin is None or origin.answers == IN_PRESENT):
                first = Event(stream, key or "", PRESENT, {}, *mailbox.current)
                yield self._begin(first, IN_PRESENT)
            while True:
                self._event, self._current = None, Progress(mailbox.current)
                if self.watchdog is not None:
                    self.watchdog.end()
                yield self._begin(mailbox.take() or await reader.next(mailbox), 0)
        except CursorExpired:
            self._resumes["expired"] += 1
            raise
        finally:
            self._current, self._is_left = self.current, True
            reader.leave(mailbox)

    async def _start(
        self, stream: str, key: str | None, last: int | None
    ) -> tuple[Reader, Mailbox]:
        """Find out where the run begins, and follow the stream from there."""
        try:
            origin = self._origin = await self._find_origin(stream, key, last)
            place = await self._place_to_read_after(stream, origin)
            found = await self._hub.follow(stream, key, place, self._waits)
        except (CursorExpired, BadUserInput) as error:
            self._resumes["expired" if isinstance(error, CursorExpired) else "refused"] += 1
            raise
        self._resumes["resumed"] += 1
        return found

    @property
    def _resumes(self) -> Counter[str]:
        """The counts of subscribers that come back with a cursor, if this run is the first of one."""
        return self._hub.resumes if self._cursor and self.resume_from is None else Counter()

    def _begin(self, event: Event, answers: int) -> Event:
        self._number += 1
        if self.watchdog is not None:
            self.watchdog.begin()
        self._event, self._current = event, Progress(event.place, answers)
        origin = self._origin
        self._repeated = origin.answers if origin and origin.place == event.place else 0
        return event

    def _waits(self) -> None:
        if self._is_resting:
            self._idle()

    async def _find_origin(self, stream: str, key: str | None, last: int | None) -> Progress | None:
        if self.resume_from is not None:
            return self.resume_from if self._stream in (None, stream) else None
        if self._cursor is not None:
            place, answers = self._event_log.cursors.read(self._cursor, stream, key)
            return Progress(place, {None: DONE, 0: IN_PRESENT}.get(answers, answers or 0))
        if last is None:
            return None
        if not 1 <= last <= LONGEST_LOOK_BACK:
            raise BadUserInput(f"last is between 1 and {LONGEST_LOOK_BACK}.", ["last"])
        return Progress(await self._event_log.before_last(stream, key, last), IN_PRESENT)

    async def _place_to_read_after(self, stream: str, origin: Progress | None) -> Place | None:
        """Return the place after which to read. If answers to an event are still missing, it is read again."""
        if origin is None or origin.answers in (DONE, IN_PRESENT):
            return origin and origin.place
        return await self._event_log.before(stream, origin.place)
