"""How far this process knows each stream: what it has committed, received, looked up or read. Pure.

Answers that are kept depend on streams. An execution takes a note of this knowledge before it begins. Its answer
is good for as long as nothing new has become known of its streams since the note.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable

from watchword.events.event import BEGINNING, Place

# The marks of so many of a stream's newest events are kept, to tell repeated events from those of another past.
MARKS = 256


class Known:
    """Knows the newest position of each watched stream. Streams that are not watched are ignored.

    Positions only rise. If the log goes back to an earlier state, everything is forgotten, and no earlier note
    holds any more. A log that has gone back shows another mark at a position that was seen before.
    """

    def __init__(self, now: Callable[[], float] = time.time, look_seconds: float = 0.5) -> None:
        """`now` returns the time in seconds; `look_seconds` is the interval at which the log is looked at."""
        self._now = now
        self._look_seconds = look_seconds
        self._looked_at: float | None = None
        self._positions: dict[str, int] = {}
        self._marks: dict[str, dict[int, str]] = {}
        # Counts what has become known. `_risen` has the count at which each stream rose last.
        self._count = 0
        self._risen: dict[str, int] = {}

    @property
    def streams(self) -> Collection[str]:
        """The watched streams."""
        return self._positions.keys()

    def watch(self, streams: Iterable[str]) -> None:
        """Watch these streams from now on."""
        for stream in streams:
            if stream not in self._positions:
                self._positions[stream] = 0
                self._marks[stream] = {}
                self._rise(stream)

    def position(self, stream: str) -> int:
        """Return the highest known position of a watched stream; 0 if none is known."""
        return self._positions[stream]

    def has(self, stream: str, place: Place) -> bool:
        """Tell whether a place of a watched stream is one of those that are remembered with their marks."""
        return place.position < 1 or self._marks[stream].get(place.position) == place.mark

    def newest(self, stream: str) -> Place:
        """Return the newest known place of a watched stream; `BEGINNING` if none is known."""
        position = self._positions[stream]
        mark = self._marks[stream].get(position)
        return BEGINNING if mark is None else Place(position, mark)

    def remember(self, stream: str, place: Place) -> None:
        """Remember a place of a watched stream that the log has, and that is not newer than what is known."""
        marks, newest = self._marks[stream], self._positions[stream]
        # The newest must not be the one that makes place for it.
        if (mark := marks.pop(newest, None)) is not None:
            marks[newest] = mark
        self._keep(marks, place)

    def note(self) -> int:
        """Return a note of what is known now. Take it before anything is read from the database."""
        return self._count

    def holds(self, note: int, streams: Iterable[str]) -> bool:
        """Tell whether nothing new has become known of these streams since a note was taken."""
        risen = self._risen
        # Asked for each request: a loop costs half of what a comprehension does.
        for stream in streams:  # noqa: SIM110
            # A stream that is not watched is not known at all.
            if risen.get(stream, note + 1) > note:
                return False
        return True

    def happened(self, stream: str, place: Place) -> None:
        """Take the place of an event that this process has committed or received from the bus."""
        if not self._take(stream, place) and place.position not in self._marks.get(stream, ()):
            # It is older than the newest known event, and is not among the newest: it may be late, or the log
            # may have gone back. It counts as new in either case.
            self._rise(stream)

    def read(self, stream: str, place: Place) -> None:
        """Take a place that a query has found in the log."""
        self._take(stream, place)

    def forget(self) -> None:
        """Forget everything, because the log may have gone back to an earlier state."""
        for stream in self._positions:
            self._positions[stream] = 0
            self._marks[stream].clear()
            self._rise(stream)

    def looked(self, at: float) -> None:
        """Note that a look at the log that began at this time was successful: all commits until then are known."""
        self._looked_at = at

    def now(self) -> float:
        """Return the time in seconds."""
        return self._now()

    def is_current(self, now: float) -> bool:
        """Tell whether the last successful look at the log is younger than twice the interval of looks."""
        looked_at = self._looked_at
        # A negative age means that the clock was set back, so the age is not known.
        return looked_at is not None and 0 <= now - looked_at < 2 * self._look_seconds

    @property
    def age(self) -> float | None:
        """Seconds since the last successful look at the log; None before the first."""
        return None if self._looked_at is None else self._now() - self._looked_at

    def _take(self, stream: str, place: Place) -> bool:
        """Note a place, and tell whether that changed what is known. Places of other streams change nothing."""
        known = self._positions.get(stream)
        if known is None or place.position < 1:
            return known is None
        mark = self._marks[stream].get(place.position)
        if mark is not None and mark != place.mark:
            self.forget()
        elif place.position <= known:
            return False
        self._positions[stream] = place.position
        self._keep(self._marks[stream], place)
        self._rise(stream)
        return True

    def _rise(self, stream: str) -> None:
        self._count += 1
        self._risen[stream] = self._count

    @staticmethod
    def _keep(marks: dict[int, str], place: Place) -> None:
        marks[place.position] = place.mark
        if len(marks) > MARKS:
            del marks[next(iter(marks))]
