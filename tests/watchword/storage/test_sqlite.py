"""Connections to SQLite come back to the pool as they left it, and are closed with their threads."""

from __future__ import annotations

import asyncio
import threading

import pytest
from sqlalchemy import Integer, event, literal, select, text

from watchword.storage.database import Database


async def test_a_connection_that_comes_back_in_a_transaction_is_rolled_back(
    sqlite_url: str,
) -> None:
    database = Database(sqlite_url, pool_size=1)
    async with database.engine.connect() as connection:
        await connection.exec_driver_sql("CREATE TABLE toys (size INTEGER)")
        await connection.commit()
        # The driver opens this transaction, so SQLAlchemy does not know of it.
        raw = (await connection.get_raw_connection()).driver_connection
        await raw.execute("SAVEPOINT unknown")
        await raw.execute("INSERT INTO toys VALUES (1)")
    async with database.read() as db:
        assert (await db.execute(text("SELECT count(*) FROM toys"))).scalar_one() == 0
    await database.close()


# Counts for some tens of milliseconds: longer than the reads that run on the event loop.
_number = select(literal(1, Integer).label("number")).cte(recursive=True)
LONG = (
    select(
        _number.union_all(select(_number.c.number + 1).where(_number.c.number < 300_000)).c.number
    )
    .order_by(text("1 DESC"))
    .limit(1)
)


def _threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if "_connection_worker" in thread.name}


@pytest.mark.parametrize("moment", ["do_connect", "checkout"])
async def test_no_thread_is_left_after_close_when_a_read_was_cancelled(
    sqlite_url: str, moment: str
) -> None:
    before = _threads()
    database = Database(sqlite_url, pool_size=1)
    reached = asyncio.Event()
    event.listen(database.engine.sync_engine, moment, lambda *_: reached.set())
    reading = asyncio.create_task(database.rows(LONG))
    await reached.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await database.close()
    assert _threads() <= before
