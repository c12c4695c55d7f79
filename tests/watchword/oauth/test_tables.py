"""The tables of the authorization server are those that the migrations create, and guard their rows."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.support.clock import MovedClock
from tests.support.oauth import token_desk
from tests.watchword.auth.test_tables import differences
from watchword.errors import Conflict
from watchword.oauth.tables import Client
from watchword.storage.database import Database


async def test_the_migrated_tables_are_the_declared_ones(database: Database) -> None:
    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences, Client) == []


async def test_two_concurrent_changes_of_a_client_conflict(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock) as desk:
        member = await desk.register()
    async with database.read() as db:
        stale = await db.get_one(Client, member.id)
    async with database.write() as db:
        (await db.get_one(Client, member.id)).name = "Renamed"
    with pytest.raises(Conflict):
        async with database.write() as db:
            (await db.merge(stale)).name = "Lost"
    async with database.read() as db:
        assert (await db.get_one(Client, member.id)).name == "Renamed"


async def test_a_client_without_keys_has_null_in_the_database(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock) as desk:
        member = await desk.register()
    async with database.read() as db:
        found = await db.execute(select(Client.id).where(Client.jwks.is_(None)))
        assert found.scalars().all() == [member.id]
