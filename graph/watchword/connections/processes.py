"""The processes that serve one database: each says at intervals that it is there."""

from __future__ import annotations

from collections.abc import Callable

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


async def beat(unit: Transaction, process: str) -> bool:
    """Say that this process is there, and forget those that are dead: what they held is over.

    Returns False if this process was not known: it has just begun, or the others took it for dead.
    """
    ours, seen_at = processes.c.id == process, moment(unit.now)
    update = sa.update(processes).where(ours).values(seen_at=seen_at).returning(processes.c.id)
    is_known = (await unit.db.execute(update)).first() is not None
    if not is_known:
        await unit.db.execute(sa.insert(processes).values(id=process, seen_at=seen_at))
    dead = sa.select(processes.c.id).where(processes.c.seen_at < moment(unit.now - DEAD_SECONDS))
    for (id,) in (await unit.db.execute(dead)).all():
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


async def others(database: Database, process: str, clock: Callable[[], float]) -> list[str]:
    """Return the ids of the other processes that are alive."""
    async with database.read() as db:
        return await _alive(db, process, clock())


async def _alive(db: AsyncSession, process: str, now: float) -> list[str]:
    seen = processes.c.seen_at >= moment(now - DEAD_SECONDS)
    found = await db.execute(sa.select(processes.c.id).where(seen, processes.c.id != process))
    return list(found.scalars())
