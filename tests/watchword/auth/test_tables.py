"""What the migrations make is what the tables say."""

from __future__ import annotations

import warnings
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from watchword.auth.tables import Base
from watchword.storage.database import Database


def differences(connection: Connection, base: Any) -> list[Any]:
    """Compare a migrated database with the metadata, as far as the metadata's own tables go."""
    names = set(base.metadata.tables)

    def is_ours(_object: Any, name: str | None, kind: str, _reflected: bool, _to: Any) -> bool:
        return kind != "table" or name in names

    options = {"include_object": is_ours, "compare_type": True, "compare_server_default": True}
    context = MigrationContext.configure(connection, opts=options)
    with warnings.catch_warnings():
        # The log's own tables have one.
        warnings.filterwarnings(
            "ignore", "Skipped unsupported reflection of expression-based index"
        )
        return list(compare_metadata(context, base.metadata))


async def test_the_migrated_tables_are_the_declared_ones(database: Database) -> None:
    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences, Base) == []
