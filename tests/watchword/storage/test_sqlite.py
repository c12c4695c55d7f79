"""Connections to SQLite come back to the pool as they left it."""

from __future__ import annotations

from sqlalchemy import text

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
