"""Migrations: applied once, by whoever comes first, and seen when they are missing."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from importlib import invalidate_caches
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from tests.support.clock import MovedClock
from tests.support.identity import unit_of
from tests.support.migrations import upgrade_to
from tests.support.toy_server import until
from watchword.auth.accounts.accounts import find_account, rename, twins
from watchword.auth.sessions.sessions import Device, Sessions
from watchword.config.settings import Settings
from watchword.errors import Unsafe
from watchword.events.bus.memory import MemoryBus
from watchword.storage.database import Database
from watchword.storage.migration import LOCK, RUNTIME, pending, upgrade
from watchword.storage.packages import Migrations

PACKAGES = [RUNTIME, Migrations("incident_room.migrations", "incident_room_version")]
NAMES = [package.package for package in PACKAGES]


@pytest.fixture
async def before_0005(tmp_path: Path) -> Database:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'old.db'}")
    await upgrade_to(database, RUNTIME, "0004")
    return database


async def test_a_new_database_is_brought_up_and_then_left_alone(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'new.db'}")
    assert await pending(database, PACKAGES) == NAMES
    for _ in range(2):
        await upgrade(database, PACKAGES)
        assert await pending(database, PACKAGES) == []
    async with database.engine.connect() as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert {"watchword_accounts", "incidents", "watchword_version", "incident_room_version"} <= set(
        tables
    )
    await database.close()


async def test_processes_that_start_together_take_turns(database: Database) -> None:
    if not database.is_sqlite:
        await asyncio.gather(*(upgrade(database, PACKAGES) for _ in range(4)))
    assert await pending(database, PACKAGES) == []


async def test_a_process_says_that_it_waits_for_another_that_migrates(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    database, other = Database(postgres_url), Database(postgres_url)
    async with other.engine.connect() as holding:
        await holding.execute(text(f"SELECT pg_advisory_lock({LOCK})"))
        waiting = asyncio.create_task(upgrade(database, PACKAGES))
        await until(lambda: f"waiting for its advisory lock {LOCK}" in caplog.text)
        assert not waiting.done()
        await holding.execute(text(f"SELECT pg_advisory_unlock({LOCK})"))
        await waiting
    await database.close()
    await other.close()


async def test_an_sql_error_in_a_revision_names_its_file_and_leaves_nothing(
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # A process reads the revisions of a package once.
    name = f"wrong_migrations_{database.url.get_backend_name()}"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "0001_birds.py").write_text(
        """import sqlalchemy as sa
from alembic import op
revision, down_revision = "0001", None
def upgrade():
    op.create_table("birds", sa.Column("id", sa.Integer, primary_key=True))
    op.create_index("ix_nests", "nests", ["id"])
"""
    )
    monkeypatch.syspath_prepend(tmp_path)
    invalidate_caches()
    wrong = Migrations(name, "wrong_version")
    with pytest.raises(Unsafe) as raised:
        await upgrade(database, [RUNTIME, wrong])
    assert str(raised.value).startswith(
        f"The migration of the database by {name} failed in 0001_birds.py, line 6: "
    )
    assert "nests" in str(raised.value)
    assert "CREATE INDEX ix_nests" in caplog.text
    assert await pending(database, [RUNTIME, wrong]) == [name]
    async with database.engine.connect() as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert {"birds", "wrong_version"}.isdisjoint(tables)


OLDER, YOUNGER = "2025-01-01 00:00:00", "2026-01-01 00:00:00"
COMPOSED, APART, APART_TOO = "\u00e9\u00ea@x", "e\u0301e\u0302@x", "e\u0301\u00ea@x"


@pytest.mark.parametrize(
    ("kept", "owner"),
    [
        ({"a": (COMPOSED, OLDER), "b": (APART, YOUNGER)}, "a"),
        ({"a": (APART, OLDER), "b": (COMPOSED, YOUNGER)}, "b"),
        ({"a": (APART, OLDER), "b": (APART_TOO, YOUNGER)}, "a"),
        ({"a": (APART, OLDER)}, "a"),
    ],
)
async def test_accounts_whose_addresses_become_equal_are_told_of_and_all_sign_in(
    kept: dict[str, tuple[str, str]],
    owner: str,
    before_0005: Database,
    caplog: pytest.LogCaptureFixture,
) -> None:
    database = before_0005
    async with database.write() as db:
        for id, (email, at) in kept.items():
            insert = f"INSERT INTO watchword_accounts VALUES ('{id}', '{email}', '{email}', '{id}', '[]', '{at}', NULL, 1)"
            await db.execute(text(insert))
    await upgrade(database, PACKAGES)
    async with database.read() as db:
        for id, (email, _) in kept.items():
            # Each by its own address, exactly as it was typed before.
            found = await find_account(db, email)
            assert found is not None
            assert found.id == id
        found = await find_account(db, f" {COMPOSED.upper()}")
        assert found is not None
        assert (found.id, found.email) == (owner, COMPOSED)
        others = [account.id for account in await twins(db)]
    assert others == [id for id in kept if id != owner]
    for other in others:
        assert f"watchword accounts rename {other} NEW_ADDRESS" in caplog.text
        async with unit_of(database) as unit:
            await rename(unit, other, "other@x")
    async with database.read() as db:
        assert await twins(db) == []
        found = await find_account(db, APART)
        assert found is not None
        assert found.id == owner
    await database.close()


async def test_who_was_signed_in_before_an_upgrade_stays_signed_in(tmp_path: Path) -> None:
    database, token, clock = (
        Database(f"sqlite+aiosqlite:///{tmp_path / 'old.db'}"),
        "x" * 43,
        MovedClock(),
    )
    await upgrade_to(database, RUNTIME, "0002")
    now, later = ("2026-01-01 00:00:00", "2099-01-01 00:00:00")
    async with database.write() as db:
        for statement in (
            f"INSERT INTO watchword_accounts VALUES ('a', 'a@b.c', 'a@b.c', 'A', '[]', '{now}', NULL, 1)",
            f"INSERT INTO watchword_sessions VALUES ('s', 'a', '', '', '{now}', '{later}', '{later}', NULL)",
            f"INSERT INTO watchword_refresh_tokens VALUES ('{sha256(token.encode()).hexdigest()}', 's', NULL, NULL)",
        ):
            await db.execute(text(statement))
    await upgrade(database, PACKAGES)
    settings = Settings(_env_file=None, database_url=str(database.url))
    sessions = Sessions(database, MemoryBus(), settings)
    who = await sessions.refresh(token, Device("", ""), clock.now())
    assert (who.account.id, who.session.id) == ("a", "s")
    await sessions.refresh(who.refresh_token, Device("", ""), clock.now())
    await database.close()
