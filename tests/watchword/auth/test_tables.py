"""The migrations create the tables as they are declared."""

from __future__ import annotations

import warnings
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from watchword.auth.tables import Base
from watchword.storage.database import Database


def differences(connection: Connection, base: Any) -> list[Any]:
    """Compare a migrated database with the tables of this metadata."""
    names = set(base.metadata.tables)

    def is_ours(_object: Any, name: str | None, kind: str, _reflected: bool, _to: Any) -> bool:
        return kind != "table" or name in names

    options = {"include_object": is_ours, "compare_type": True, "compare_server_default": True}
    context = MigrationContext.configure(connection, opts=options)
    with warnings.catch_warnings():
        # SQLAlchemy cannot compare the one such index, which is the event log's.
        warnings.filterwarnings("ignore", ".* expression-based index")
        return list(compare_metadata(context, base.metadata))


async def test_the_migrated_tables_are_the_declared_ones(database: Database) -> None:
    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences, Base) == []
