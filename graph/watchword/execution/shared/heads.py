"""Reads the head of a stream for a request with a cursor that is newer than the events this process knows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from watchword.errors import CursorExpired, WentBack
from watchword.events.cursor import Named
from watchword.events.log.event_log import WENT_BACK, EventLog
from watchword.process.background import Background


class Heads:
    """Raises the known position of a stream to a cursor. Requests that wait for the same stream share one query."""

    def __init__(self, event_log: EventLog, background: Background) -> None:
        self._event_log = event_log
        self._background = background
        self._reading: dict[str, asyncio.Task[None]] = {}

    async def reach(self, cursors: Sequence[str]) -> None:
        """Return once everything up to the cursors is known, as far as their streams are watched.

        Raises `BadUserInput` for a text that is no cursor of this server, and `CursorExpired` for a cursor of
        another log, of an event that the log does not have, or of a version that named no stream.
        """
        known = self._event_log.known
        for named in map(self._event_log.cursors.read_named, cursors):
            if named.stream not in known.streams:
                continue
            if self._is_ahead(named):
                await self._reach(named)
            elif not known.has(named.stream, named.place):
                await self._compare(named)

    def _is_ahead(self, named: Named) -> bool:
        return named.place.position > self._event_log.known.position(named.stream)

    async def _reach(self, named: Named) -> None:
        # A query that began before this request may have missed the cursor's event.
        if running := self._reading.get(named.stream):
            await asyncio.shield(running)
        if not self._is_ahead(named):
            return
        await asyncio.shield(self._reading.get(named.stream) or self._begin(named.stream))
        if self._is_ahead(named):
            raise CursorExpired(WENT_BACK)

    async def _compare(self, named: Named) -> None:
        """Check a cursor that is not ahead, and is not known either: the log may have gone back, and gone on from there."""
        stream, place = named.stream, named.place
        known = self._event_log.known
        try:
            await self._event_log.check(stream, place)
            await self._check_newest(stream)
        except WentBack:
            raise
        except CursorExpired:
            return  # it was pruned, so the log has gone on since
        if self._is_ahead(named):
            await self._reach(named)
        else:
            known.remember(stream, place)

    async def _check_newest(self, stream: str) -> None:
        """Forget everything if the log does not have the newest event that is known."""
        known = self._event_log.known
        try:
            await self._event_log.check(stream, known.newest(stream))
        except WentBack:
            known.forget()

    def _begin(self, stream: str) -> asyncio.Task[None]:
        reading = self._read(stream)
        task = self._reading[stream] = self._background.spawn(f"the head of {stream}", reading)
        task.add_done_callback(lambda _: self._reading.pop(stream, None))
        return task

    async def _read(self, stream: str) -> None:
        await self._event_log.heads([stream])
