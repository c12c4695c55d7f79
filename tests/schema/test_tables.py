"""What the migrations make is what the tables say."""

from __future__ import annotations

from graph.database import Database
from schema.tables import Base
from tests.graph.identity.test_tables import differences


async def test_the_migrated_tables_are_the_declared_ones(database: Database) -> None:
    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences, Base) == []
