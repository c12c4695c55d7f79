"""A table of toys, for tests of the database."""

from __future__ import annotations

from sqlalchemy import text

from watchword.storage.database import (
    Database,
    is_unavailable,
)


async def make_table(database: Database) -> None:
    async with database.write() as db:
        await db.execute(text("CREATE TABLE toys (name VARCHAR(20) PRIMARY KEY, size INTEGER)"))
        await db.execute(text("INSERT INTO toys VALUES ('bear', 0)"))


async def size(database: Database) -> int:
    async with database.read() as db:
        return int((await db.execute(text("SELECT size FROM toys"))).scalar_one())


async def ask(database: Database) -> bool:
    """Tell whether the database answers; the only allowed error is that it is unavailable."""
    try:
        async with database.read() as db:
            await db.execute(text("SELECT 1"))
    except Exception as error:
        if not is_unavailable(error):
            raise
        return False
    return True
