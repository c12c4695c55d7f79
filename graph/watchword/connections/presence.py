"""Presence: who is at a place now, over all processes. A place is what a schema names so, as an incident.

Accounts with a live subscription of a place are there. The registry records it on the connection. Its stays are
projected into the database for the other processes, and an event in the stream of presence says that a place has changed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import datetime
from functools import partial
from itertools import islice
from typing import NamedTuple

import sqlalchemy as sa

from watchword.connections.live import LiveConnection
from watchword.connections.registry import Registry, Stay
from watchword.connections.tables import presence
from watchword.errors import BadUserInput, Unauthenticated, Unavailable
from watchword.events.event import Event
from watchword.formats.text import is_storable
from watchword.process.background import Background
from watchword.process.clock import Clock, sleep
from watchword.process.turns import Turns
from watchword.storage.columns import moment
from watchword.storage.database import Database
from watchword.transaction import Transaction

PRESENCE = "watchword.presence"
"""The stream of changes of presence. The key of an event is the place."""
CHANGED = "CHANGED"
LONGEST_PLACE = 200
# Seconds after which a subject that holds no subscription of a place any more has left it. A client that loses
# its connection is back within them, and nobody sees it leave.
LEAVE_SECONDS = 3.0
# The most places that one transaction writes: on SQLite, other writers wait meanwhile.
WRITTEN_AT_ONCE = 50

_SINCE = sa.func.min(presence.c.since).label("since")
_WHO = (
    sa.select(presence.c.subject, _SINCE)
    .where(presence.c.place == sa.bindparam("place"))
    .group_by(presence.c.subject)
    .order_by(_SINCE, presence.c.subject)
)
_DELETE = sa.delete(presence).where(
    presence.c.process == sa.bindparam("of"),
    presence.c.place == sa.bindparam("at"),
    presence.c.subject == sa.bindparam("who"),
)
Write = Callable[[], AbstractAsyncContextManager[Transaction]]


class Present(NamedTuple):
    """Somebody present: the subject of their tokens, and since when."""

    subject: str
    since: datetime


class Presence:
    """Keeps the rows of this process as its registry is, and reads those of all processes."""

    def __init__(
        self,
        registry: Registry,
        database: Database,
        write: Write,
        clock: Clock,
        background: Background,
    ) -> None:
        self._registry = registry
        registry.on_left = self._left
        self._database = database
        self._write = write
        self._clock = clock
        self._background = background
        self._writings: Turns[None] = Turns(background)
        self._readings: Turns[list[Present]] = Turns(background)
        # The places with rows that may not be as they should.
        self._unwritten: set[str] = set()
        self._is_closed = False

    @asynccontextmanager
    async def joined(
        self, connection: LiveConnection | None, place: str
    ) -> AsyncIterator[Callable[[], Awaitable[list[Present]]]]:
        """Let the subject of a connection be present at a place for a block, and for `LEAVE_SECONDS` more.

        The block gets a function that returns everybody present, over all processes, in the order of their arrival.
        If the connection is closed during the block, the presence ends with it. `connection` is None for an operation
        that is no subscription. Raises `Unauthenticated` for an anonymous subject, and `BadUserInput` for a name that
        no place can have.
        """
        if connection is None:
            raise RuntimeError("only a subscription's own resolver can be present at a place")
        _check(connection, place)
        if self._registry.enter(connection, place):
            self._unwritten.add(place)
        try:
            # Even if the subject is there already: its row may wait to be written.
            await self.write()
            yield partial(self.who, place)
        finally:
            self._registry.leave(connection, place)

    async def who(self, place: str) -> list[Present]:
        """Return everybody present, over all processes, in the order of their arrival."""
        # All that are at a place ask at once, at each change.
        return [*await self._readings.share(place, partial(self._read, place))]

    async def write(self) -> None:
        """Write the rows that are not as the registry is. Those who ask meanwhile share the next transaction."""
        await self._writings.share("write", self._write_all)

    async def close(self) -> None:
        """Write nothing more: another process would take this one for alive. Waits for what is being written."""
        self._is_closed = True
        # Unavailable: the background is closed, and nothing is being written.
        with suppress(Unavailable):
            await self.write()

    def rewrite(self) -> None:
        """Let the next `write` write all rows: others took this process for dead, and deleted them."""
        self._unwritten.update(self._registry.places)

    async def _read(self, place: str) -> list[Present]:
        found = await self._database.rows(_WHO, place=place)
        return [Present(row.subject, row.since) for row in found]

    def _left(self, stay: Stay) -> None:
        self._background.spawn("the leaving of a place", self._leave(stay, stay.departures))

    async def _leave(self, stay: Stay, departure: int) -> None:
        await sleep(self._clock, LEAVE_SECONDS)
        # It may have come back since, and may have left again: then a later call waits for it.
        if stay.held_by or stay.departures != departure:
            return
        self._registry.forget(stay)
        self._unwritten.add(stay.place)
        # If it fails, the next sign of life of this process tries it again, and logs why that fails.
        with suppress(Exception):
            await self.write()

    async def _write_all(self) -> None:
        while self._unwritten and not self._is_closed:
            await self._write_some({*islice(self._unwritten, WRITTEN_AT_ONCE)})

    async def _write_some(self, places: set[str]) -> None:
        self._unwritten -= places
        try:
            async with self._write() as unit:
                await self._write_places(unit, places)
        except BaseException:
            self._unwritten |= places
            raise

    async def _write_places(self, unit: Transaction, places: set[str]) -> None:
        process, here = self._registry.process, self._here(places)
        found = await unit.db.execute(sa.select(presence).where(presence.c.place.in_(places)))
        written: set[tuple[str, str]] = set()
        for row in found:
            key = row.place, row.subject
            if row.process == process:
                written.add(key)
            if key in here:
                # A client that was cut comes back to any process: it is here since it came to the first one.
                here[key] = min(here[key], row.since)
        gone, new = written - here.keys(), here.keys() - written
        if gone:
            left = [{"of": process, "at": place, "who": subject} for place, subject in gone]
            await unit.db.execute(_DELETE, left)
        if new:
            came = [
                {
                    "process": process,
                    "place": place,
                    "subject": subject,
                    "since": here[place, subject],
                }
                for place, subject in new
            ]
            await unit.db.execute(sa.insert(presence), came)
        for place in sorted({place for place, _ in gone | new}):
            unit.publish(Event(PRESENCE, place, CHANGED))

    def _here(self, places: set[str]) -> dict[tuple[str, str], datetime]:
        """Return who is at these places by connections of this process, as place and subject, and since when."""
        return {
            (place, subject): moment(since)
            for place in places
            for subject, since in self._registry.present(place).items()
        }


def _check(connection: LiveConnection, place: str) -> None:
    if connection.principal is None or connection.principal.is_anonymous:
        raise Unauthenticated("Sign in to be present.")
    if not 0 < len(place) <= LONGEST_PLACE or not is_storable(place):
        raise BadUserInput(f"The name of a place has 1 to {LONGEST_PLACE} usual characters.")


async def forget(unit: Transaction, which: sa.ColumnElement[bool]) -> None:
    """Delete rows of presence, and publish that their places have changed."""
    gone = await unit.db.execute(sa.delete(presence).where(which).returning(presence.c.place))
    for place in sorted(set(gone.scalars())):
        unit.publish(Event(PRESENCE, place, CHANGED))
