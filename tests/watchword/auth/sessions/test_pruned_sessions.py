"""Sessions that are over are forgotten after a while."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, select

from tests.support.clock import MovedClock
from tests.support.identity import sign_in_desk
from watchword.auth.sessions.sessions import REMEMBERED, Device, prune
from watchword.auth.tables import RefreshToken, Session
from watchword.errors import Unauthenticated
from watchword.storage import database as databases
from watchword.storage.columns import moment
from watchword.storage.database import Database

DEVICE = Device("x" * 500, "203.0.113.7")


async def test_sessions_are_forgotten_a_day_after_they_are_over(
    database: Database, clock: MovedClock
) -> None:
    async def left() -> set[str]:
        await prune(database, desk.auth.settings, clock.now())
        async with database.read() as db:
            return set((await db.execute(select(Session.id))).scalars())

    async with sign_in_desk(database, clock) as desk:
        revoked, idle, live = [await desk.sign_in() for _ in range(3)]
        await desk.auth.sessions.sign_out(revoked.refresh_token, DEVICE, clock.now())
        assert len(await left()) == 3
        clock.move(REMEMBERED + 1)
        assert await left() == {idle.session.id, live.session.id}
        refreshed = await desk.auth.sessions.refresh(live.refresh_token, DEVICE, clock.now())
        clock.move(desk.auth.settings.refresh_idle_seconds)
        assert await left() == {live.session.id}
        clock.move(REMEMBERED + 1)
        assert await left() == set()
        with pytest.raises(Unauthenticated):
            await desk.auth.sessions.refresh(refreshed.refresh_token, DEVICE, clock.now())


async def test_any_number_of_ended_sessions_is_deleted_in_one_run(
    database: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "FORGOTTEN_AT_ONCE", 2)
    ends = {"refresh_idle_seconds": 600, "refresh_absolute_seconds": 900}
    async with sign_in_desk(database, clock, **ends) as desk:
        sessions = desk.auth.sessions
        for _ in range(5):
            revoked = (await desk.sign_in()).refresh_token
            await sessions.sign_out(revoked, DEVICE, clock.now())
            await desk.sign_in()
        used = [(await desk.sign_in()).refresh_token for _ in range(5)]
        clock.move(599)
        for token in used:
            await sessions.refresh(token, DEVICE, clock.now())
        live = await desk.sign_in()
        async with database.write() as db:
            (await db.get_one(Session, live.session.id)).expires_at = moment(2e9)
        for seconds, left in ((2, 16), (REMEMBERED - 600, 11), (600, 6), (300, 1), (300, 0)):
            clock.move(seconds)
            await prune(database, desk.auth.settings, clock.now())
            async with database.read() as db:
                assert len((await db.execute(select(Session.id))).all()) == left
        assert await known_tokens(database) == 0


async def test_pruning_without_ended_sessions_does_not_block_writers(
    database: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sign_in_desk(database, clock) as desk:
        await desk.sign_in()
        monkeypatch.setattr(database, "open", None)
        await prune(database, desk.auth.settings, clock.now())


async def test_ended_sessions_are_found_by_an_index(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock) as desk:
        looked: list[tuple[str, Any]] = []

        def look(_1: Any, _2: Any, statement: str, parameters: Any, *_: Any) -> None:
            if statement.startswith("SELECT watchword_sessions"):
                looked.append((statement, parameters))

        event.listen(database.engine.sync_engine, "before_cursor_execute", look)
        await prune(database, desk.auth.settings, clock.now())
        event.remove(database.engine.sync_engine, "before_cursor_execute", look)
        assert len(looked) == 3
        async with database.engine.connect() as connection:
            explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
            if not database.is_sqlite:
                # PostgreSQL scans a small table without its index.
                await connection.exec_driver_sql("SET enable_seqscan = off")
            for statement, parameters in looked:
                found = await connection.exec_driver_sql(f"{explain} {statement}", parameters)
                plan = "\n".join(str(row[-1]) for row in found)
                assert "ix_watchword_sessions_" in plan
                assert "SCAN watchword_sessions" not in plan
                assert "Seq Scan" not in plan


async def known_tokens(database: Database) -> int:
    async with database.read() as db:
        return len((await db.execute(select(RefreshToken))).scalars().all())
