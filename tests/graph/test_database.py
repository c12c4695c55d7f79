"""Sessions of both databases: what is committed, what is rolled back, and who wins a race."""

from __future__ import annotations

import asyncio
import sys
import traceback
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from graph.database import Database, exclusive, is_unavailable, undisturbed
from graph.errors import Conflict

HASH = "$argon2id$"


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


@pytest.mark.parametrize(
    "refused", ["INSERT INTO secrets VALUES (:hash, 1)", "INSERT INTO secrets VALUES (:hash, NULL)"]
)
async def test_an_error_does_not_show_what_was_written(refused: str, database: Database) -> None:
    made = "CREATE TABLE secrets (hash VARCHAR(20) PRIMARY KEY, size INTEGER NOT NULL)"
    async with database.write() as session:
        await session.execute(text(made))
        await session.execute(text("INSERT INTO secrets VALUES (:hash, 1)"), {"hash": HASH})
    with pytest.raises(IntegrityError) as error:
        async with database.write() as session:
            await session.execute(text(refused), {"hash": HASH})
    shown = "".join(traceback.format_exception(error.value))
    assert "INSERT INTO secrets" in shown
    assert HASH not in shown


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


async def test_tasks_that_are_cancelled_at_any_moment_leave_nothing_locked(
    database: Database,
) -> None:
    await make_table(database)

    async def add() -> None:
        async with database.write() as session:
            await session.execute(text("UPDATE toys SET size = size + 1"))

    for steps in range(40):
        task = asyncio.create_task(add())
        for _ in range(steps):
            await asyncio.to_thread(lambda: None)
        # A task that ends may be cancelled more than once: by its owner, and by its owner's owner.
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


async def test_an_exclusive_number_is_held_until_the_transaction_ends(database: Database) -> None:
    await make_table(database)

    async def add() -> None:
        async with database.write() as session:
            await exclusive(session, 77)
            found = (await session.execute(text("SELECT size FROM toys"))).scalar_one()
            await session.execute(text(f"UPDATE toys SET size = {found + 1}"))

    await asyncio.gather(*(add() for _ in range(10)))
    assert await size(database) == 10


async def test_another_process_that_comes_and_goes_is_seen_and_takes_nothing_away(
    tmp_path: Path,
) -> None:
    path = tmp_path / "shared.db"
    database = Database(f"sqlite+aiosqlite:///{path}")
    async with database.write() as session:
        await session.execute(text("CREATE TABLE toys (name VARCHAR(20))"))
    write = (
        "import sqlite3, sys; toys = sqlite3.connect(sys.argv[1]);"
        " toys.execute('INSERT INTO toys VALUES (1)'); toys.commit(); toys.close()"
    )
    for count in (1, 2, 3):
        # Several at once, so that connections are made while others are open.
        async with database.read() as one, database.read() as two, database.read() as three:
            for session in (one, two, three):
                await session.execute(text("SELECT 1"))
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", write, str(path))
        assert await process.wait() == 0
        assert path.with_name("shared.db-wal").exists()
        async with database.read() as session:
            assert (await session.execute(text("SELECT count(*) FROM toys"))).scalar() == count
    await database.close()


async def test_a_writer_of_sqlite_that_waits_for_too_long_is_told_so(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graph.database.BUSY_SECONDS", 0.05)
    database = Database(sqlite_url)
    async with database.write():
        with pytest.raises(Conflict):
            async with database.write():
                pass
    # Whoever gave up is not in the way of who comes after.
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


async def refused_by(url: str) -> BaseException:
    """The error of the first statement on a database."""
    database = Database(url)
    try:
        async with database.read() as session:
            await session.execute(text("SELECT 1"))
    except Exception as error:
        return error
    finally:
        await database.close()
    raise AssertionError("it answers")


async def test_a_server_that_cannot_be_reached_is_away(tmp_path: Path) -> None:
    # Port 1 has no server, and a directory is no database.
    assert is_unavailable(await refused_by("postgresql+asyncpg://nobody@127.0.0.1:1/none"))
    assert is_unavailable(await refused_by(f"sqlite+aiosqlite:///{tmp_path}"))


async def test_a_connection_that_the_server_ends_says_that_it_is_away(postgres_url: str) -> None:
    database = Database(postgres_url)
    with pytest.raises(DBAPIError) as error:
        async with database.read() as session, database.read() as other:
            pid = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            await other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            await session.execute(text("SELECT 1"))
    assert is_unavailable(error.value)
    await database.close()


async def test_a_statement_that_is_wrong_does_not_say_that_the_database_is_away(
    database: Database,
) -> None:
    with pytest.raises(DBAPIError) as error:
        async with database.read() as session:
            await session.execute(text("SELECT nothing FROM nowhere"))
    assert not is_unavailable(error.value)


@pytest.mark.parametrize("error", [ConnectionRefusedError(), TimeoutError(), PoolTimeout()])
async def test_an_error_of_something_else_beside_a_session_does_not_either(
    error: Exception, database: Database
) -> None:
    with pytest.raises(type(error)):
        async with database.read() as session:
            await session.execute(text("SELECT 1"))
            raise error
    assert not is_unavailable(error)
