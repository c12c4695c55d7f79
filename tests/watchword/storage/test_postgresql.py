"""Connections to PostgreSQL are asked whether they work only if they were idle for a while."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from tests.support.toy_server import until
from watchword.storage import postgresql
from watchword.storage.database import Database


class Pings:
    """Counts the pings of a database's connections."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        answers = postgresql._answers

        def counted(connection: Any) -> bool:
            self.count += 1
            return answers(connection)

        monkeypatch.setattr(postgresql, "_answers", counted)


async def pid(database: Database) -> int:
    async with database.read() as db:
        return int((await db.execute(text("SELECT pg_backend_pid()"))).scalar_one())


async def driver(database: Database) -> Any:
    """Return asyncpg's connection that the next transaction will be given."""
    async with database.read() as db:
        return (await (await db.connection()).get_raw_connection()).driver_connection


async def test_a_connection_is_pinged_only_after_a_pause(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pings = Pings(monkeypatch)
    monkeypatch.setattr(postgresql, "TRUSTED_SECONDS", 3600)
    database = Database(postgres_url)
    first = await pid(database)
    assert [await pid(database), pings.count] == [first, 0]
    monkeypatch.setattr(postgresql, "TRUSTED_SECONDS", -1)
    assert [await pid(database), pings.count] == [first, 1]
    await database.close()


async def test_a_trusted_connection_that_was_closed_is_replaced_without_a_ping(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pings = Pings(monkeypatch)
    monkeypatch.setattr(postgresql, "TRUSTED_SECONDS", 3600)
    database = Database(postgres_url)
    first, connection = await pid(database), await driver(database)
    killer = await asyncpg.connect(postgres_url.replace("+asyncpg", ""))
    await killer.execute("SELECT pg_terminate_backend($1)", first)
    await killer.close()
    # The server's last message comes before the end of the connection, and fails what is asked in between.
    await until(connection.is_closed)
    assert await pid(database) != first
    assert pings.count == 0
    await database.close()
