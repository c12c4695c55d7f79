"""Migrations: applied once, by whoever comes first, and seen when they are missing."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import inspect

from graph.database import Database
from graph.migration import RUNTIME, pending, upgrade

PACKAGES = [RUNTIME, "schema.migrations"]


async def test_a_new_database_is_brought_up_and_then_left_alone(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'new.db'}")
    assert await pending(database, PACKAGES) == PACKAGES
    for _ in range(2):
        await upgrade(database, PACKAGES)
        assert await pending(database, PACKAGES) == []
    async with database.engine.connect() as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert {"accounts", "incidents", "graph_version", "schema_version"} <= set(tables)
    await database.close()


async def test_processes_that_start_together_take_turns(database: Database) -> None:
    if not database.is_sqlite:
        await asyncio.gather(*(upgrade(database, PACKAGES) for _ in range(4)))
    assert await pending(database, PACKAGES) == []
