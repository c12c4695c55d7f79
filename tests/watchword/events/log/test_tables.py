"""The migrations create the event log's tables as they are declared."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from tests.watchword.auth.test_tables import differences
from watchword.events.event import Event
from watchword.events.log import tables
from watchword.events.log.event_log import append
from watchword.storage.database import Database


async def test_the_migrated_tables_are_the_declared_ones(database: Database) -> None:
    async with database.engine.connect() as connection:
        found = await connection.run_sync(differences, tables)
    # SQLite keeps the defaults with which a migration has added columns.
    assert [each for each in found if each[0][0] != "modify_default"] == []


async def test_a_migrated_database_has_one_epoch(database: Database) -> None:
    async with database.read() as db:
        [row] = await db.execute(sa.select(tables.epochs))
    assert len(bytes.fromhex(row.secret)) == 32
    assert row.epoch


async def test_two_events_cannot_have_one_position(database: Database) -> None:
    async with database.write() as db:
        await append(db, [Event("toys", "bear", "made")], 0)
    with pytest.raises(IntegrityError):
        async with database.write() as db:
            copy = sa.select(tables.events)
            await db.execute(
                sa.insert(tables.events).from_select(copy.selected_columns.keys(), copy)
            )
