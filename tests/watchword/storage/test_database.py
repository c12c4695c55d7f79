"""Database sessions on both databases: commits, rollbacks and races."""

from __future__ import annotations

import asyncio
import gc
import sys
import traceback
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Select, column, func, literal, select, table, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from tests.support.away import away
from tests.support.toys import ask, make_table, size
from watchword.errors import Conflict
from watchword.storage.database import (
    Database,
    exclusive,
    is_unavailable,
    undisturbed,
)
from watchword.storage.postgresql import StatementTooSlow

HASH = "$argon2id$"


async def test_a_write_is_committed_at_the_end_of_its_block(database: Database) -> None:
    await make_table(database)
    async with database.write() as db:
        await db.execute(text("UPDATE toys SET size = 1"))
    assert await size(database) == 1


async def test_a_write_that_fails_is_rolled_back(database: Database) -> None:
    await make_table(database)
    with pytest.raises(RuntimeError):
        async with database.write() as db:
            await db.execute(text("UPDATE toys SET size = 1"))
            raise RuntimeError
    assert await size(database) == 0


async def test_what_a_read_changed_is_rolled_back(database: Database) -> None:
    await make_table(database)
    async with database.read() as db:
        await db.execute(text("UPDATE toys SET size = 1"))
    assert await size(database) == 0


async def test_sqlite_writes_ahead_and_checks_foreign_keys(database: Database) -> None:
    if database.is_sqlite:
        async with database.read() as db:
            assert (await db.execute(text("PRAGMA journal_mode"))).scalar_one() == "wal"
            assert (await db.execute(text("PRAGMA foreign_keys"))).scalar_one() == 1


@pytest.mark.parametrize(
    "refused", ["INSERT INTO secrets VALUES (:hash, 1)", "INSERT INTO secrets VALUES (:hash, NULL)"]
)
async def test_an_error_does_not_show_what_was_written(refused: str, database: Database) -> None:
    made = "CREATE TABLE secrets (hash VARCHAR(20) PRIMARY KEY, size INTEGER NOT NULL)"
    async with database.write() as db:
        await db.execute(text(made))
        await db.execute(text("INSERT INTO secrets VALUES (:hash, 1)"), {"hash": HASH})
    with pytest.raises(IntegrityError) as error:
        async with database.write() as db:
            await db.execute(text(refused), {"hash": HASH})
    shown = "".join(traceback.format_exception(error.value))
    assert "INSERT INTO secrets" in shown
    assert HASH not in shown


@pytest.mark.parametrize("size", [":size", "CAST(CAST(:size AS TEXT) AS INTEGER)"])
async def test_an_error_does_not_show_a_value_of_the_wrong_type(
    size: str, database: Database
) -> None:
    # SQLite stores a value of any type in any column.
    if not database.is_sqlite:
        await make_table(database)
        with pytest.raises(DBAPIError, match=r"invalid input .*: \[hidden\]") as error:
            async with database.write() as db:
                await db.execute(text(f"UPDATE toys SET size = {size}"), {"size": HASH})
        assert HASH not in "".join(traceback.format_exception(error.value))


async def test_writers_at_the_same_time_lose_nothing(database: Database) -> None:
    await make_table(database)

    async def add() -> None:
        async with database.write() as db:
            await db.execute(text("UPDATE toys SET size = size + 1"))

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


async def test_tasks_that_are_cancelled_at_any_moment_leave_nothing_locked(
    database: Database,
) -> None:
    await make_table(database)

    async def add() -> None:
        async with database.write() as db:
            await db.execute(text("UPDATE toys SET size = size + 1"))

    for steps in range(40):
        task = asyncio.create_task(add())
        for _ in range(steps):
            await asyncio.to_thread(lambda: None)
        # A task may be cancelled more than once while it ends: by its owner, and by its owner's owner.
        for _ in range(3):
            task.cancel()
            await asyncio.wait({task}, timeout=0)
        await asyncio.wait({task})
    before = await size(database)
    await add()
    assert await size(database) == before + 1


async def test_what_must_not_be_disturbed_is_done_before_the_cancellation_goes_on() -> None:
    begun, end, seen = asyncio.Event(), asyncio.Event(), list[str]()

    async def work() -> str:
        begun.set()
        await end.wait()
        seen.append("done")
        return "result"

    async def owner() -> None:
        try:
            await undisturbed(work())
        finally:
            seen.append("left")

    task = asyncio.create_task(owner())
    await begun.wait()
    for _ in range(3):
        task.cancel()
        await asyncio.wait({task}, timeout=0)
    assert seen == []
    end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["done", "left"]


async def test_what_must_not_be_disturbed_gives_its_result_or_its_error() -> None:
    async def fail() -> None:
        raise RuntimeError("no")

    assert await undisturbed(asyncio.sleep(0, "result")) == "result"
    with pytest.raises(RuntimeError, match="no"):
        await undisturbed(fail())


@pytest.mark.parametrize("error", [away(OSError("cut")), RuntimeError("a defect")])
async def test_an_error_without_a_caller_is_logged_unless_the_database_is_away(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    begun, end = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await end.wait()
        raise error

    task = asyncio.create_task(undisturbed(work()))
    await begun.wait()
    task.cancel()
    end.set()
    await asyncio.wait({task})
    assert task.cancelled()
    del task
    # asyncio logs an error that nobody has retrieved when its task is collected.
    gc.collect()
    logged = [(each.name, each.exc_info and each.exc_info[1]) for each in caplog.records]
    assert logged == ([] if is_unavailable(error) else [("watchword.database", error)])


async def test_an_exclusive_number_is_held_until_the_transaction_ends(database: Database) -> None:
    await make_table(database)

    async def add() -> None:
        async with database.write() as db:
            await exclusive(db, 77)
            found = (await db.execute(text("SELECT size FROM toys"))).scalar_one()
            await db.execute(text(f"UPDATE toys SET size = {found + 1}"))

    await asyncio.gather(*(add() for _ in range(10)))
    assert await size(database) == 10


async def test_another_process_that_comes_and_goes_is_seen_and_takes_nothing_away(
    tmp_path: Path,
) -> None:
    path = tmp_path / "shared.db"
    database = Database(f"sqlite+aiosqlite:///{path}")
    async with database.write() as db:
        await db.execute(text("CREATE TABLE toys (name VARCHAR(20))"))
    write = (
        "import sqlite3, sys; toys = sqlite3.connect(sys.argv[1]);"
        " toys.execute('INSERT INTO toys VALUES (1)'); toys.commit(); toys.close()"
    )
    for count in (1, 2, 3):
        # Run several at once, so that connections are opened while others are in use.
        async with database.read() as one, database.read() as two, database.read() as three:
            for db in (one, two, three):
                await db.execute(text("SELECT 1"))
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", write, str(path))
        assert await process.wait() == 0
        assert path.with_name("shared.db-wal").exists()
        async with database.read() as db:
            assert (await db.execute(text("SELECT count(*) FROM toys"))).scalar() == count
    await database.close()


async def test_a_writer_of_sqlite_that_waits_for_too_long_is_told_so(sqlite_url: str) -> None:
    database = Database(sqlite_url, statement_seconds=0.05)
    async with database.write():
        with pytest.raises(Conflict):
            async with database.write():
                pass
    # A writer that gave up does not block the next one.
    async with database.write():
        pass
    await database.close()


async def test_a_writer_that_goes_while_it_waits_leaves_the_queue(database: Database) -> None:
    async def write() -> None:
        async with database.write():
            await asyncio.sleep(0)

    async with database.write():
        waiting = [asyncio.create_task(write()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(answer) for answer in answers][1:] == [type(None)] * 2


async def test_no_more_connections_are_made_than_the_pool_may_have(database_url: str) -> None:
    database = Database(database_url, pool_seconds=1, pool_size=2)
    async with database.read() as one, database.read() as two:
        for session in (one, two):
            await session.execute(text("SELECT 1"))
        assert not await ask(database)
    assert await ask(database)
    await database.close()


ONE = select(literal(1).label("one"))
PID = select(func.pg_backend_pid())


def sleep(seconds: float) -> Select[Any]:
    return select(func.pg_sleep(seconds))


async def test_a_statement_outside_a_session_fails_as_one_inside(database: Database) -> None:
    wrong = select(column("nothing")).select_from(table("nowhere"))
    with pytest.raises(DBAPIError) as inside:
        async with database.read() as db:
            await db.execute(wrong)
    with pytest.raises(DBAPIError) as outside:
        await database.rows(wrong)
    assert type(outside.value) is type(inside.value)
    assert str(outside.value) == str(inside.value)
    assert not is_unavailable(outside.value)
    assert await database.rows(ONE) == [(1,)]


async def test_a_statement_outside_a_session_sees_what_was_committed_and_leaves_no_transaction(
    database: Database,
) -> None:
    await make_table(database)
    toy = select(column("size")).select_from(table("toys"))
    for number in (1, 2):
        async with database.write() as db:
            await db.execute(text("UPDATE toys SET size = :size"), {"size": number})
        assert await database.rows(toy) == [(number,)]


async def test_a_statement_whose_connection_the_server_ended_is_run_again(
    postgres_url: str,
) -> None:
    database = Database(postgres_url, pool_size=1)
    killer = await asyncpg.connect(postgres_url.replace("+asyncpg", ""))
    for _ in range(2):
        [(pid,)] = await database.rows(PID)
        await killer.execute("SELECT pg_terminate_backend($1)", pid)
        [(other,)] = await database.rows(PID)
        assert other != pid
    running = asyncio.create_task(database.rows(sleep(2)))
    while not await killer.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE query LIKE 'SELECT pg_sleep(%' AND state = 'active'"
    ):
        pass
    assert len(await running) == 1
    await killer.close()
    await database.close()


async def test_a_statement_outside_a_session_that_is_too_slow_is_told_so(postgres_url: str) -> None:
    database = Database(postgres_url, statement_seconds=1, pool_size=2)
    sleeping = asyncio.create_task(database.rows(sleep(60)))
    while not sleeping.done():
        assert await database.rows(ONE) == [(1,)]
    assert isinstance(sleeping.exception(), StatementTooSlow)
    assert not is_unavailable(sleeping.exception())
    await database.close()


async def test_a_caller_that_goes_takes_its_connection_with_it(database: Database) -> None:
    count = select(func.count()).select_from(
        *[func.generate_series(1, 2000).table_valued("n").alias(name) for name in "ab"]
    )
    slow = (
        select(func.count()).select_from(
            *[func.json_each(f"[{'1,' * 1999}1]").table_valued("value").alias(n) for n in "ab"]
        )
        if database.is_sqlite
        else count
    )
    task = asyncio.create_task(database.rows(slow))
    async with asyncio.timeout(30):
        while database.engine.pool.checkedout() == 0:  # type: ignore[attr-defined] # noqa: ASYNC110
            await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    assert await database.rows(ONE) == [(1,)]
