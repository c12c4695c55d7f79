"""Remembers ids that may be used only once (of DPoP proofs, assertions, challenges) until they expire.

The ids are in the database, because every process must refuse an id that another has accepted.
While the database is unavailable, no id is accepted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from watchword.storage.columns import UtcDateTime, moment
from watchword.storage.database import Database

Use = Callable[[AsyncSession], Awaitable[None]]
"""Marks one particular id as used, in the session's transaction. Raises when it was used before."""

metadata = sa.MetaData()

used_ids = sa.Table(
    "watchword_used_ids",
    metadata,
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Index("ix_watchword_used_ids_expires_at", "expires_at"),
)

# Seconds by which the clock of another process may be behind: it still accepts an id that has expired here.
MARGIN = 120.0


async def use_once(db: AsyncSession, kind: str, owner: str, id: str, expires_at: float) -> bool:
    """Mark an id as used, in the session's transaction. Return False if it was used before.

    The id is remembered until `expires_at` (Unix seconds). A concurrent transaction with the same id
    waits for the end of this one. `kind` is the kind of id, and `owner` the key or client that it belongs to.
    """
    dialect = sqlite if db.get_bind().dialect.name == "sqlite" else postgresql
    row = {"hash": _hash(kind, owner, id), "expires_at": moment(expires_at)}
    statement = dialect.insert(used_ids).values(row).on_conflict_do_nothing()
    used = await db.execute(statement.returning(used_ids.c.hash))
    return used.first() is not None


async def use_nothing(_session: AsyncSession) -> None:
    """The `Use` for a request without an id."""


async def prune(database: Database, now: float) -> None:
    """Delete the ids that no process would accept any more."""
    async with database.write() as db:
        over = used_ids.c.expires_at < moment(now - MARGIN)
        await db.execute(sa.delete(used_ids).where(over))


def _hash(*parts: str) -> str:
    # Write the length before each part, so that different parts never give the same text.
    whole = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(whole.encode()).hexdigest()
