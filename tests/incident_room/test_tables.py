"""The migrations create the tables as they are declared."""

from __future__ import annotations

from incident_room.tables import Base
from tests.watchword.auth.test_tables import differences
from watchword.storage.database import Database


async def test_the_migrated_tables_are_the_declared_ones(database: Database) -> None:
    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences, Base) == []
