"""An event log in memory, whose queries end when a test says so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from tests.support.shop import PRICES, STAFF
from watchword.errors import WentBack
from watchword.events.cursor import Cursors
from watchword.events.event import BEGINNING, Event, Place
from watchword.events.known import Known
from watchword.events.log.changes import Change, Changes, Look
from watchword.events.log.event_log import EventLog

STREAMS = (PRICES, STAFF)


class State(NamedTuple):
    """A state of a stream. After the log went back, its states are of a new past and count as newer."""

    past: int
    position: int


class Log:
    """What the database holds: the events of each stream, and when each was committed."""

    def __init__(self) -> None:
        self.past = 0
        self.number = 0
        self.events: dict[str, list[Event]] = {stream: [] for stream in STREAMS}
        self.changed: dict[str, int] = {}
        self.times: list[tuple[float, str, State]] = []

    def append(self, stream: str, now: float) -> Event:
        kept = self.events[stream]
        before = kept[-1].mark if kept else ""
        position = len(kept) + 1
        event = Event(stream, "k", "made", {}, position, f"{self.past}/{position}", before)
        kept.append(event)
        self.number += 1
        self.changed[stream] = self.number
        self.times.append((now, stream, self.state(stream)))
        return event

    def go_back(self, by: int) -> None:
        """Lose the newest events of each stream."""
        self.past += 1
        for stream, kept in self.events.items():
            del kept[max(0, len(kept) - by) :]
            self.changed[stream] = min(self.changed.get(stream, 0), self.number)
        self.number = 0
        for stream, kept in self.events.items():
            if kept:
                self.number += 1
                self.changed[stream] = self.number

    def head(self, stream: str) -> Place:
        kept = self.events[stream]
        return kept[-1].place if kept else BEGINNING

    def state(self, stream: str) -> State:
        return State(self.past, len(self.events[stream]))

    def has(self, stream: str, place: Place) -> bool:
        kept = self.events[stream]
        return place == BEGINNING or (
            place.position <= len(kept) and kept[place.position - 1].place == place
        )


class Slow(EventLog):
    """The log as one process reads it: a query sees the state of its beginning, and ends later."""

    def __init__(self, log: Log, known: Known, wait: Any) -> None:
        self.known = known
        self.cursors = Cursors("epoch", b"secret")
        self._log = log
        self._wait = wait

    async def heads(self, names: Iterable[str]) -> dict[str, Place]:
        found = {name: self._log.head(name) for name in names}
        await self._wait()
        self._learn(found)
        return found

    async def read(self, stream: str, key: Any, resume_from: Place, limit: int) -> list[Event]:
        is_there = self._log.has(stream, resume_from)
        found = self._log.events[stream][resume_from.position :][:limit]
        await self._wait()
        if not is_there:
            raise WentBack("went back")
        self._learn({stream: found[-1].place if found else resume_from})
        return found

    async def check(self, stream: str, place: Place) -> None:
        is_there = self._log.has(stream, place)
        await self._wait()
        if not is_there:
            raise WentBack("went back")
        self._learn({stream: place})

    async def changes(self, last: Look | None) -> Changes:
        log = self._log
        changed = sorted(log.changed.items(), key=lambda each: each[1])
        now = [Change(stream, log.head(stream), number) for stream, number in changed]
        now = [each for each in now if each.place != BEGINNING]
        newest = now[-1] if now else None
        is_sure = last is not None and (
            last.newest is None or log.has(last.newest.stream, last.newest.place)
        )
        since = last.newest.number if last is not None and last.newest is not None else 0
        heads = {each.stream: each.place for each in now if each.number > since}
        await self._wait()
        if not is_sure:
            return Changes({}, Look("", "", newest), False)
        self._learn(heads)
        return Changes(heads, Look("", "", newest or last.newest), True)  # type: ignore[union-attr]
