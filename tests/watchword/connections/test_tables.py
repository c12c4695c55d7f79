"""The migrations create the tables that processes share."""

from __future__ import annotations

from tests.watchword.auth.test_tables import differences
from watchword.connections import tables
from watchword.storage.database import Database


async def test_the_migrated_tables_are_the_declared_ones(database: Database) -> None:
    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences, tables) == []
