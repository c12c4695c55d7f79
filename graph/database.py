"""The database: one engine, sessions that read and sessions that write.

A session is borrowed for as long as its block lasts; nothing that waits for a client holds one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm.exc import StaleDataError

from graph.errors import Conflict

BUSY_SECONDS = 15
# PostgreSQL: serialization_failure and deadlock_detected.
RACED = {"40001", "40P01"}


class Database:
    """SQLite (WAL) or PostgreSQL (asyncpg), by URL."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = (
            _sqlite(url) if self.is_sqlite else create_async_engine(url, pool_pre_ping=True)
        )

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Lend a session for reading; whatever it changed is rolled back."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """Lend a session whose block is one transaction: committed at its end, or rolled back.

        Raises `Conflict` when another writer changed the same row meanwhile.
        """
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            try:
                await session.connection(execution_options={"begin": "BEGIN IMMEDIATE"})
                yield session
                await session.commit()
            except StaleDataError as error:
                raise Conflict("Somebody else changed this meanwhile. Read it again.") from error
            except DBAPIError as error:
                if _raced(error):
                    raise Conflict("Another writer was faster. Try again.") from error
                raise

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def _raced(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in RACED or "database is locked" in str(error.orig)


def _sqlite(url: str) -> AsyncEngine:
    engine = create_async_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine.sync_engine, "connect", _prepare)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    # The driver must not open transactions by itself: a writer has to take its lock at the start,
    # or two readers that both decide to write end in "database is locked".
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))
