"""A database that is away: servers that end, hang, cannot be reached or written, and networks that swallow everything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import literal, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from tests.support.deaf_proxy import DeafProxy, deaf_proxy
from tests.support.postgres import LivePostgres
from tests.support.toys import ask, make_table, size
from watchword.storage.database import (
    Database,
    is_unavailable,
    kind,
)
from watchword.storage.postgresql import StatementTooSlow


async def refused_by(url: str) -> BaseException:
    """Return the error of the first statement on a database."""
    database = Database(url)
    try:
        async with database.read() as db:
            await db.execute(text("SELECT 1"))
    except Exception as error:
        return error
    finally:
        await database.close()
    raise AssertionError("it answers")


async def test_a_server_that_cannot_be_reached_is_away(tmp_path: Path) -> None:
    # Nothing listens on port 1, and a directory is not a database.
    assert is_unavailable(await refused_by("postgresql+asyncpg://nobody@127.0.0.1:1/none"))
    assert is_unavailable(await refused_by(f"sqlite+aiosqlite:///{tmp_path}"))


async def test_a_connection_that_the_server_ends_says_that_it_is_away(postgres_url: str) -> None:
    database = Database(postgres_url)
    with pytest.raises(DBAPIError) as error:
        async with database.read() as db, database.read() as other:
            pid = (await db.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            await other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            await db.execute(text("SELECT 1"))
    assert is_unavailable(error.value)
    await database.close()


# What makes the next write fail, as a full disk and files or a server that must not be written do.
UNWRITABLE = {
    "SQLITE_FULL": "PRAGMA max_page_count = 1",
    "SQLITE_READONLY": "PRAGMA query_only = ON",
    "ReadOnlySQLTransactionError": "SET TRANSACTION READ ONLY",
}


@pytest.mark.parametrize("name", UNWRITABLE)
async def test_a_database_that_cannot_be_written_is_away_and_its_error_is_named(
    name: str, request: pytest.FixtureRequest
) -> None:
    kind_of_url = "sqlite_url" if name.startswith("SQLITE") else "postgres_url"
    database = Database(request.getfixturevalue(kind_of_url))
    with pytest.raises(DBAPIError) as error:
        async with database.write() as db:
            await db.execute(text(UNWRITABLE[name]))
            await db.execute(text("CREATE TABLE toys (name TEXT)"))
    assert (is_unavailable(error.value), kind(error.value)) == (True, name)
    await database.close()


async def test_a_connection_to_a_server_that_is_read_only_is_not_used_again(
    postgres_url: str,
) -> None:
    database, pids = Database(postgres_url), set()
    for _ in range(2):
        with pytest.raises(DBAPIError):
            async with database.write() as db:
                pids.add((await db.execute(text("SELECT pg_backend_pid()"))).scalar_one())
                await db.execute(text("SET TRANSACTION READ ONLY"))
                await db.execute(text("CREATE TABLE toys (name TEXT)"))
    assert len(pids) == 2
    await database.close()


async def test_a_statement_that_is_wrong_does_not_say_that_the_database_is_away(
    database: Database,
) -> None:
    with pytest.raises(DBAPIError) as error:
        async with database.read() as db:
            await db.execute(text("SELECT nothing FROM nowhere"))
    assert not is_unavailable(error.value)


@pytest.mark.parametrize("error", [ConnectionRefusedError(), TimeoutError(), PoolTimeout()])
async def test_an_error_of_something_else_beside_a_session_does_not_either(
    error: Exception, database: Database
) -> None:
    with pytest.raises(type(error)):
        async with database.read() as db:
            await db.execute(text("SELECT 1"))
            raise error
    assert not is_unavailable(error)


@asynccontextmanager
async def through_a_proxy(url: str, **limits: Any) -> AsyncIterator[tuple[Database, DeafProxy]]:
    """A PostgreSQL behind a network that can be cut, with short time limits."""
    async with deaf_proxy(url) as proxy:
        given = {"statement_seconds": 1, "pool_seconds": 1, "pool_size": 2} | limits
        database = Database(proxy.url, **given)
        try:
            yield database, proxy
        finally:
            await database.close()


async def test_a_network_that_swallows_everything_is_given_up_and_forgotten(
    postgres_url: str,
) -> None:
    async with through_a_proxy(postgres_url) as (database, proxy):
        assert await asyncio.gather(*(ask(database) for _ in range(2))) == [True, True]
        proxy.is_deaf = True
        # More than the pool has connections: some wait for a connection, some for an answer.
        for _ in range(2):
            assert not any(await asyncio.gather(*(ask(database) for _ in range(5))))
        proxy.is_deaf = False
        assert await asyncio.gather(*(ask(database) for _ in range(2))) == [True, True]


async def test_a_server_that_hangs_is_given_up_and_found_again() -> None:
    with LivePostgres() as server:
        url = server.url.replace("postgresql", "postgresql+asyncpg", 1)
        database = Database(url, statement_seconds=1, pool_seconds=1, pool_size=2)
        assert await ask(database)
        async with asyncio.timeout(60):
            server.hang()
            assert not any(await asyncio.gather(*(ask(database) for _ in range(5))))
            server.go_on()
            while not await ask(database):
                pass
            server.hang()
            await database.close()
            server.go_on()


async def test_a_statement_that_takes_too_long_ends_at_the_server_too(postgres_url: str) -> None:
    database = Database(postgres_url, statement_seconds=1, pool_size=2)
    pid = 0

    async def sleep() -> None:
        nonlocal pid
        async with database.read() as db:
            pid = (await db.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            await db.execute(text("SELECT pg_sleep(60)"))

    sleeping = asyncio.create_task(sleep())
    while not sleeping.done():
        assert await ask(database)
    # The database answered other statements meanwhile, so it is not unavailable, and callers do not retry for ever.
    assert isinstance(sleeping.exception(), StatementTooSlow)
    assert not is_unavailable(sleeping.exception())
    alive = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid")
    async with database.read() as db:
        # Use another connection: a late answer would be taken for the next statement's.
        assert (await db.execute(text("SELECT pg_backend_pid()"))).scalar_one() != pid
        while (await db.execute(alive, {"pid": pid})).scalar_one():
            pass
    await database.close()


async def test_without_a_limit_a_statement_takes_as_long_as_it_needs(postgres_url: str) -> None:
    database = Database(postgres_url, pool_seconds=0.4)
    async with database.read() as db:
        await db.execute(text("SELECT pg_sleep(0.6)"))
    await database.close()


@pytest.mark.parametrize(("lost", "sizes"), [("is_deaf", 0), ("is_mute", 1)])
async def test_a_commit_that_gets_no_answer_ends_and_is_whole(
    lost: str, sizes: int, postgres_url: str
) -> None:
    direct = Database(postgres_url)
    await make_table(direct)
    async with through_a_proxy(postgres_url) as (database, proxy):

        async def write() -> None:
            async with database.write() as db:
                await db.execute(text("UPDATE toys SET size = 1"))
                setattr(proxy, lost, True)

        task = asyncio.create_task(write())
        await proxy.heard.wait()
        # The client of the statement disconnects too.
        task.cancel()
        await asyncio.wait({task}, timeout=60)
        assert task.done()
        assert not isinstance(task.exception() if not task.cancelled() else None, AssertionError)
        setattr(proxy, lost, False)
        assert await size(direct) == sizes
        async with database.write() as db:
            await db.execute(text("UPDATE toys SET size = size + 1"))
        assert await size(direct) == sizes + 1
    await direct.close()


ONE = select(literal(1).label("one"))


async def test_a_statement_outside_a_session_gives_a_dead_network_up_and_finds_it_again(
    postgres_url: str,
) -> None:
    async def is_answered(database: Database) -> bool:
        try:
            return await database.rows(ONE) == [(1,)]
        except Exception as error:
            if not is_unavailable(error):
                raise
            return False

    async with through_a_proxy(postgres_url) as (database, proxy):
        assert await asyncio.gather(*(is_answered(database) for _ in range(2))) == [True, True]
        proxy.is_deaf = True
        for _ in range(2):
            assert not any(await asyncio.gather(*(is_answered(database) for _ in range(5))))
        proxy.is_deaf = False
        assert await asyncio.gather(*(is_answered(database) for _ in range(2))) == [True, True]
