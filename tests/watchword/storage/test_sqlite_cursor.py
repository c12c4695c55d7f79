"""A statement on SQLite takes one turn of its connection's thread, and behaves as the driver's own cursor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiosqlite
import pytest
from sqlalchemy import Column, Integer, MetaData, Table, event, insert, select, text
from sqlalchemy.exc import IntegrityError

from watchword.storage.database import Database
from watchword.storage.sqlite_cursor import FETCHED

TOYS = Table("toys", MetaData(), Column("id", Integer, primary_key=True), Column("size", Integer))
MANY = 3 * FETCHED


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    database = Database(sqlite_url, pool_size=1)
    async with database.engine.begin() as connection:
        await connection.run_sync(TOYS.metadata.create_all)
    yield database
    await database.close()


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[Callable[..., Any]]:
    """What connections have asked of their threads."""
    asked: list[Callable[..., Any]] = []
    ask: Any = aiosqlite.Connection._execute

    async def noted(self: aiosqlite.Connection, work: Callable[..., Any], *rest: Any) -> Any:
        asked.append(work)
        return await ask(self, work, *rest)

    monkeypatch.setattr(aiosqlite.Connection, "_execute", noted)
    return asked


async def _fill(database: Database, number: int = MANY) -> None:
    async with database.write() as db:
        await db.execute(insert(TOYS), [{"size": size} for size in range(number)])


async def test_a_transaction_takes_a_turn_for_each_statement(
    database: Database, turns: list[Callable[..., Any]]
) -> None:
    async with database.write() as db:
        await db.execute(insert(TOYS), [{"size": 1}, {"size": 2}])
        assert (await db.execute(select(TOYS.c.size))).scalars().all() == [1, 2]
    # BEGIN, INSERT, SELECT, COMMIT
    assert len(turns) == 4


async def test_all_rows_come_when_they_are_more_than_the_first_turn_fetches(
    database: Database, turns: list[Callable[..., Any]]
) -> None:
    await _fill(database)
    turns.clear()
    async with database.read() as db:
        assert (await db.execute(select(TOYS.c.size))).scalars().all() == [*range(MANY)]
    # BEGIN, SELECT, the other rows, and the rollback
    assert len(turns) == 4


async def test_rows_can_be_streamed(database: Database) -> None:
    await _fill(database)
    async with database.read() as db:
        rows = await db.stream_scalars(select(TOYS.c.size).execution_options(yield_per=100))
        assert [size async for size in rows] == [*range(MANY)]
    async with database.read() as db:
        streamed = await db.stream_scalars(select(TOYS.c.size))
        parts = [await streamed.fetchmany(FETCHED - 1) for _ in range(4)]
        assert [len(part) for part in parts] == [FETCHED - 1] * 3 + [3]


async def test_a_stream_that_is_left_early_locks_nothing(database: Database) -> None:
    await _fill(database)
    async with database.read() as db:
        rows = await db.stream_scalars(select(TOYS.c.size).execution_options(yield_per=100))
        assert await rows.fetchmany(3) == [0, 1, 2]
        await rows.close()
    async with database.engine.begin() as connection:
        await connection.execute(text("DROP TABLE toys"))


async def test_a_statement_tells_what_it_wrote(database: Database) -> None:
    async with database.engine.begin() as connection:
        made = await connection.execute(insert(TOYS).values(size=1))
        assert made.lastrowid == 1
        await connection.execute(insert(TOYS), [{"size": 2}, {"size": 3}])
        raised = TOYS.update().values(size=TOYS.c.size + 10)
        assert (await connection.execute(raised)).rowcount == 3
        returned = await connection.execute(raised.returning(TOYS.c.size))
        assert returned.scalars().all() == [21, 22, 23]


async def test_a_statement_that_fails_leaves_its_connection_usable(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(insert(TOYS).values(id=1, size=1))
        async with connection.begin_nested() as part:
            with pytest.raises(IntegrityError):
                await connection.execute(insert(TOYS).values(id=1, size=2))
            await part.rollback()
        assert (await connection.execute(select(TOYS.c.size))).scalars().all() == [1]


async def test_a_cursor_closes_after_a_statement_whose_caller_was_cancelled(
    database: Database,
) -> None:
    await _fill(database)
    lent = await database.engine.raw_connection()
    driver: Any = lent.driver_connection
    cursor = await driver.cursor()
    reading = asyncio.create_task(cursor.execute("SELECT size FROM toys"))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await cursor.close()
    assert await cursor.fetchall() == []
    # A statement that was not closed would hold a lock.
    await driver.execute("DROP TABLE toys")
    lent.close()


async def test_drivers_events_are_called_as_before(database: Database) -> None:
    seen: list[str] = []
    event.listen(
        database.engine.sync_engine, "before_cursor_execute", lambda _c, _u, sql, *_: seen.append(sql)
    )  # fmt: skip
    await _fill(database, 1)
    assert seen == ["BEGIN IMMEDIATE", "INSERT INTO toys (size) VALUES (?)"]
