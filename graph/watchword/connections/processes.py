"""The processes that serve one database: each says at intervals that it is there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from watchword.connections.presence import forget
from watchword.connections.tables import presence, processes, reports
from watchword.storage.columns import moment
from watchword.storage.database import Database
from watchword.transaction import Transaction

# Seconds between two signs of life, and seconds without one after which a process counts as dead.
BEAT_SECONDS = 10.0
DEAD_SECONDS = 35.0
# Seconds for which an answer is kept that the process which asked has not read.
REPORT_SECONDS = 60.0


class Sightings:
    """When this process saw a new sign of life of each process, by its own clock (Unix seconds).

    The clocks of machines differ. A process whose clock is behind would seem dead by the time that it writes.
    """

    def __init__(self) -> None:
        self._seen: dict[str, tuple[datetime, float]] = {}

    def alive(self, said: Mapping[str, datetime], now: float) -> list[str]:
        """Return those that are alive, of processes and the time that each has written."""
        self._seen = {id: (at, self._seen_at(id, at, now)) for id, at in said.items()}
        return [id for id, (_, at) in self._seen.items() if at >= now - DEAD_SECONDS]

    def _seen_at(self, id: str, said: datetime, now: float) -> float:
        known = self._seen.get(id)
        # Nothing but its own time shows when a process that was never seen before was there.
        at = said.timestamp() if known is None else now if known[0] != said else known[1]
        return min(at, now)


async def beat(unit: Transaction, process: str, sightings: Sightings) -> bool:
    """Say that this process is there, and forget those that are dead: what they held is over.

    Returns False if this process was not known: it has just begun, or the others took it for dead.
    """
    ours, seen_at = processes.c.id == process, moment(unit.now)
    update = sa.update(processes).where(ours).values(seen_at=seen_at).returning(processes.c.id)
    is_known = (await unit.db.execute(update)).first() is not None
    if not is_known:
        await unit.db.execute(sa.insert(processes).values(id=process, seen_at=seen_at))
    said = await _said(unit.db)
    for id in said.keys() - {process, *sightings.alive(said, unit.now)}:
        await leave(unit, id)
    # A process that was taken for dead may have written rows before it died.
    await forget(unit, presence.c.process.not_in(sa.select(processes.c.id)))
    old = reports.c.at < moment(unit.now - REPORT_SECONDS)
    await unit.db.execute(sa.delete(reports).where(old))
    return is_known


async def leave(unit: Transaction, process: str) -> None:
    """Forget a process that ends, or has died."""
    await unit.db.execute(sa.delete(processes).where(processes.c.id == process))
    await forget(unit, presence.c.process == process)


async def others(database: Database, process: str, now: float, sightings: Sightings) -> list[str]:
    """Return the ids of the other processes that are alive."""
    async with database.read() as db:
        said = await _said(db)
    return [id for id in sightings.alive(said, now) if id != process]


async def _said(db: AsyncSession) -> dict[str, datetime]:
    """Return when each process said that it is there, by its own clock."""
    found = await db.execute(sa.select(processes.c.id, processes.c.seen_at))
    return {row.id: row.seen_at for row in found}
