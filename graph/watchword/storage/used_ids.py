"""Which ids were used, for as long as they could be used again.

They are in the database, because two processes on one database must behave as one: what one has
taken, the other refuses. While it is away nothing is taken.
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
"""Uses up an id that is known already, with the session's transaction. Raises when it was used before."""

metadata = sa.MetaData()

used_ids = sa.Table(
    "used_ids",
    metadata,
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Index("ix_used_ids_expires_at", "expires_at"),
)

# Seconds by which the clock of another process, that still takes an id, may be behind.
MARGIN = 120.0


async def use_once(db: AsyncSession, kind: str, owner: str, id: str, expires_at: float) -> bool:
    """Use an id of its owner, with the session's transaction; tell whether it was not used before.

    It is kept until `expires_at` (Unix seconds). Another transaction that uses the same one waits
    until this has ended. `kind` says what sort of id it is, `owner` whose: a key, or a client.
    """
    dialect = sqlite if db.get_bind().dialect.name == "sqlite" else postgresql
    row = {"hash": _hash(kind, owner, id), "expires_at": moment(expires_at)}
    statement = dialect.insert(used_ids).values(row).on_conflict_do_nothing()
    used = await db.execute(statement.returning(used_ids.c.hash))
    return used.first() is not None


async def use_nothing(_session: AsyncSession) -> None:
    """There is no id to use up."""


async def prune(database: Database, now: float) -> None:
    """Forget the ids that nobody would take any more."""
    async with database.write() as db:
        over = used_ids.c.expires_at < moment(now - MARGIN)
        await db.execute(sa.delete(used_ids).where(over))


def _hash(*parts: str) -> str:
    # Each with its length: no two lists of parts are one text.
    whole = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(whole.encode()).hexdigest()
