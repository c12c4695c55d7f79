"""Migrations: applied once, by whoever comes first, and seen when they are missing."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from pathlib import Path

from alembic import command
from sqlalchemy import inspect, text

from graph.database import Database
from graph.fanout.memory import MemoryBus
from graph.identity.sessions import Device, Sessions
from graph.migration import RUNTIME, _config, pending, upgrade
from graph.settings import Settings
from tests.support.clock import MovedClock

PACKAGES = [RUNTIME, "schema.migrations"]


async def test_a_new_database_is_brought_up_and_then_left_alone(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'new.db'}")
    assert await pending(database, PACKAGES) == PACKAGES
    for _ in range(2):
        await upgrade(database, PACKAGES)
        assert await pending(database, PACKAGES) == []
    async with database.engine.connect() as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert {"accounts", "incidents", "graph_version", "schema_version"} <= set(tables)
    await database.close()


async def test_processes_that_start_together_take_turns(database: Database) -> None:
    if not database.is_sqlite:
        await asyncio.gather(*(upgrade(database, PACKAGES) for _ in range(4)))
    assert await pending(database, PACKAGES) == []


async def test_who_was_signed_in_before_an_upgrade_stays_signed_in(tmp_path: Path) -> None:
    database, token, clock = (
        Database(f"sqlite+aiosqlite:///{tmp_path / 'old.db'}"),
        "x" * 43,
        MovedClock(),
    )
    async with database.engine.connect() as connection:
        await connection.run_sync(lambda sync: command.upgrade(_config(sync, RUNTIME), "0002"))
        await connection.commit()
    now, later = ("2026-01-01 00:00:00", "2099-01-01 00:00:00")
    async with database.write() as session:
        for statement in (
            f"INSERT INTO accounts VALUES ('a', 'a@b.c', 'a@b.c', 'A', '[]', '{now}', NULL, 1)",
            f"INSERT INTO sessions VALUES ('s', 'a', '', '', '{now}', '{later}', '{later}', NULL)",
            f"INSERT INTO refresh_tokens VALUES ('{sha256(token.encode()).hexdigest()}', 's', NULL, NULL)",
        ):
            await session.execute(text(statement))
    await upgrade(database, PACKAGES)
    settings = Settings(_env_file=None, database_url=str(database.url))
    sessions = Sessions(database, MemoryBus(), settings)
    who = await sessions.refresh(token, Device("", ""), clock.now())
    assert (who.account.id, who.session.id) == ("a", "s")
    await sessions.refresh(who.refresh_token, Device("", ""), clock.now())
    await database.close()
