"""Sessions of both databases: what is committed, what is rolled back, and who wins a race."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from graph.database import Database
from graph.errors import Conflict


async def make_table(database: Database) -> None:
    async with database.write() as session:
        await session.execute(
            text("CREATE TABLE toys (name VARCHAR(20) PRIMARY KEY, size INTEGER)")
        )
        await session.execute(text("INSERT INTO toys VALUES ('bear', 0)"))


async def size(database: Database) -> int:
    async with database.read() as session:
        return int((await session.execute(text("SELECT size FROM toys"))).scalar_one())


async def test_a_write_is_committed_at_the_end_of_its_block(database: Database) -> None:
    await make_table(database)
    async with database.write() as session:
        await session.execute(text("UPDATE toys SET size = 1"))
    assert await size(database) == 1


async def test_a_write_that_fails_is_rolled_back(database: Database) -> None:
    await make_table(database)
    with pytest.raises(RuntimeError):
        async with database.write() as session:
            await session.execute(text("UPDATE toys SET size = 1"))
            raise RuntimeError
    assert await size(database) == 0


async def test_what_a_read_changed_is_rolled_back(database: Database) -> None:
    await make_table(database)
    async with database.read() as session:
        await session.execute(text("UPDATE toys SET size = 1"))
    assert await size(database) == 0


async def test_sqlite_writes_ahead_and_checks_foreign_keys(database: Database) -> None:
    if database.is_sqlite:
        async with database.read() as session:
            assert (await session.execute(text("PRAGMA journal_mode"))).scalar_one() == "wal"
            assert (await session.execute(text("PRAGMA foreign_keys"))).scalar_one() == 1


async def test_writers_at_the_same_time_lose_nothing(database: Database) -> None:
    await make_table(database)

    async def add() -> None:
        async with database.write() as session:
            await session.execute(text("UPDATE toys SET size = size + 1"))

    await asyncio.gather(*(add() for _ in range(20)))
    assert await size(database) == 20


async def test_a_serialisation_failure_is_a_conflict(database: Database) -> None:
    if database.is_sqlite:
        return
    await make_table(database)
    with pytest.raises(Conflict):
        async with database.write() as first:
            await first.execute(text("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"))
            await first.execute(text("SELECT size FROM toys"))
            async with database.write() as second:
                await second.execute(text("UPDATE toys SET size = 5"))
            await first.execute(text("UPDATE toys SET size = 6"))
    assert await size(database) == 5
