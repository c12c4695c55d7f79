"""Presence: who is at a place now, over all processes. A place is what a schema names so, as an incident.

Accounts with a live subscription of a place are there. Each process writes its own part to the database, and
an event in the stream of presence tells the others that a place has changed.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from watchword.connections.tables import presence
from watchword.events.event import Event
from watchword.process.background import Background
from watchword.process.clock import Clock, sleep
from watchword.storage.columns import moment
from watchword.storage.database import Database, is_unavailable
from watchword.transaction import Transaction

log = logging.getLogger("watchword.connections")

PRESENCE = "watchword.presence"
"""The stream of changes of presence. The key of an event is the place."""
CHANGED = "CHANGED"
LONGEST_PLACE = 200
# Seconds after which a subject that holds no subscription of a place any more has left it. A client that loses
# its connection is back within them, and nobody sees it leave.
LEAVE_SECONDS = 3.0

Write = Callable[[], AbstractAsyncContextManager[Transaction]]


class Present(NamedTuple):
    """Somebody present: the subject of their tokens, and since when."""

    subject: str
    since: datetime


class Presence:
    """Who is present at which place by a connection of this process, and the rows that say so."""

    def __init__(
        self, process: str, database: Database, write: Write, clock: Clock, background: Background
    ) -> None:
        self._process = process
        self._database = database
        self._write = write
        self._clock = clock
        self._background = background
        # The subscriptions by place and subject. A subject that is leaving has none, and is still in here.
        self._here: dict[str, Counter[str]] = {}
        # The places with rows that may not be as they should.
        self._unwritten: set[str] = set()
        self._writing = asyncio.Lock()
        self._is_closed = False
        # When a subject last gave up its last subscription of a place (Unix seconds).
        self._left: dict[tuple[str, str], float] = {}

    @asynccontextmanager
    async def joined(self, place: str, subject: str) -> AsyncIterator[None]:
        """Be present at a place for a block, and for `LEAVE_SECONDS` more."""
        here = self._here.setdefault(place, Counter())
        is_new = subject not in here
        here[subject] += 1
        try:
            if is_new:
                await self._change(place)
            yield
        finally:
            here[subject] -= 1
            if not here[subject]:
                self._left[place, subject] = self._clock.now()
                self._background.spawn("the leaving of a place", self._leave(place, subject))

    async def who(self, place: str) -> list[Present]:
        """Return everybody present, over all processes, in the order of their arrival."""
        since = sa.func.min(presence.c.since).label("since")
        found = sa.select(presence.c.subject, since).where(presence.c.place == place)
        ordered = found.group_by(presence.c.subject).order_by(since, presence.c.subject)
        async with self._database.read() as db:
            return [Present(row.subject, row.since) for row in await db.execute(ordered)]

    async def write(self) -> None:
        """Write the rows that could not be written before."""
        async with self._writing:
            places, self._unwritten = self._unwritten, set()
            try:
                if places and not self._is_closed:
                    async with self._write() as unit:
                        for place in sorted(places):
                            await self._write_place(unit, place)
            except BaseException:
                self._unwritten |= places
                raise

    async def close(self) -> None:
        """Write nothing more: another process would take this one for alive. Waits for what is being written."""
        self._is_closed = True
        async with self._writing:
            pass

    def rewrite(self) -> None:
        """Let the next `write` write all rows: others took this process for dead, and deleted them."""
        self._unwritten |= self._here.keys()

    async def _change(self, place: str) -> None:
        self._unwritten.add(place)
        await self.write()

    async def _leave(self, place: str, subject: str) -> None:
        left = self._left[place, subject]
        await sleep(self._clock, LEAVE_SECONDS)
        here = self._here.get(place, Counter[str]())
        # It may have come back since, and may have left again: then a later call waits for it.
        if here.get(subject, 1) or self._left[place, subject] != left:
            return
        del here[subject], self._left[place, subject]
        if not here:
            del self._here[place]
        try:
            await self._change(place)
        except Exception as error:
            if not is_unavailable(error):
                raise
            log.warning("the database cannot be written to; presence is corrected later")

    async def _write_place(self, unit: Transaction, place: str) -> None:
        here = self._here.get(place, Counter[str]()).keys()
        ours = (presence.c.process == self._process) & (presence.c.place == place)
        found = await unit.db.execute(sa.select(presence.c.subject).where(ours))
        written = set(found.scalars())
        if gone := written - here:
            await unit.db.execute(sa.delete(presence).where(ours, presence.c.subject.in_(gone)))
        own = {"process": self._process, "place": place, "since": moment(unit.now)}
        if new := [{**own, "subject": subject} for subject in sorted(here - written)]:
            await unit.db.execute(sa.insert(presence), new)
        if gone or new:
            unit.publish(Event(PRESENCE, place, CHANGED))


async def forget(unit: Transaction, which: sa.ColumnElement[bool]) -> None:
    """Delete rows of presence, and publish that their places have changed."""
    gone = await unit.db.execute(sa.delete(presence).where(which).returning(presence.c.place))
    for place in sorted(set(gone.scalars())):
        unit.publish(Event(PRESENCE, place, CHANGED))
