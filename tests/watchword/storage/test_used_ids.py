"""An id can be used once, in whichever process on the database uses it first."""

from __future__ import annotations

import asyncio

from sqlalchemy import func, select

from tests.support.clock import MovedClock
from tests.watchword.auth.test_tables import differences
from watchword.storage import used_ids
from watchword.storage.database import Database
from watchword.storage.used_ids import MARGIN, use_once

LATER = MovedClock().now() + 60


async def use(
    database: Database, id: str = "1", *, kind: str = "dpop", owner: str = "a", until: float = LATER
) -> bool:
    async with database.write() as db:
        return await use_once(db, kind, owner, id, until)


async def count(database: Database) -> int:
    async with database.read() as db:
        return (await db.execute(select(func.count()).select_from(used_ids.used_ids))).scalar_one()


async def test_an_id_is_good_once(database: Database) -> None:
    assert await use(database)
    assert not await use(database)
    assert await use(database, "2")


async def test_ids_of_another_kind_or_owner_are_others(database: Database) -> None:
    assert await use(database, "c", owner="ab")
    assert await use(database, "bc", owner="a")
    assert await use(database, "c", owner="b", kind="dpopa")
    assert await use(database, "c", owner="ab", kind="client")


async def test_two_processes_use_it_once_between_them(database: Database) -> None:
    url = database.url.render_as_string(hide_password=False)
    other = Database(url)
    for id in map(str, range(20)):
        asked = [use(process, id) for process in (database, other) * 3]
        assert sorted(await asyncio.gather(*asked)) == [False] * 5 + [True]
    await other.close()


async def test_what_was_not_committed_was_not_used(database: Database) -> None:
    async with database.open() as db:
        assert await use_once(db, "dpop", "a", "1", LATER)
    assert await use(database)


async def test_it_is_kept_until_nobody_would_take_it(database: Database) -> None:
    await use(database)
    await used_ids.prune(database, LATER + MARGIN)
    assert not await use(database)
    await used_ids.prune(database, LATER + MARGIN + 1)
    assert await count(database) == 0


async def test_the_ids_themselves_are_not_kept(database: Database) -> None:
    await use(database, "a secret id")
    async with database.read() as db:
        assert "secret" not in str((await db.execute(select(used_ids.used_ids))).all())


async def test_the_migrated_table_is_the_declared_one(database: Database) -> None:
    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences, used_ids) == []
