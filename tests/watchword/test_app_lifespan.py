"""The app from its start to its stop: its background tasks, and that it releases everything."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.support.clock import MovedClock
from tests.support.redis import live_redis
from tests.support.toy_app import MOUNT, Running, prepared, running, started
from tests.support.toy_server import until
from watchword.app import create_app
from watchword.auth.revocation.identity_events import token_revoked
from watchword.auth.revocation.revocations import Revocations
from watchword.auth.service import REVOCATIONS_ARE_FRESH
from watchword.auth.sessions import sessions
from watchword.config.settings import Settings
from watchword.events.bus.memory import MemoryBus
from watchword.events.event import Event
from watchword.events.hub import Hub
from watchword.events.log.tables import streams
from watchword.oauth.authorize import codes
from watchword.process.background import LONGEST_PAUSE
from watchword.storage.database import Database
from watchword.transaction import transaction


@pytest.fixture
async def toys(sqlite_url: str, clock: MovedClock) -> AsyncIterator[Running]:
    async with running(sqlite_url, clock) as made:
        yield made


async def is_open(url: str) -> bool:
    """Tell whether the app still has a connection to the database."""
    database = Database(url)
    if database.is_sqlite:
        # SQLite removes this file when its last connection is closed.
        return os.path.exists(f"{database.url.database}-wal")  # noqa: ASYNC240
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    async with database.read() as db:
        found = await db.execute(text(others))
    await database.close()
    return bool(found.scalar_one())


async def closed(url: str) -> None:
    """Wait until the app has no connection. PostgreSQL notices a moment after the app has closed it."""
    async with asyncio.timeout(10):
        while await is_open(url):
            await asyncio.to_thread(lambda: None)


async def test_an_app_that_has_stopped_has_closed_its_database(
    database_url: str, clock: MovedClock
) -> None:
    async with running(database_url, clock) as toys:
        assert (await toys.client.get("/health/ready")).status_code == 200
        assert await is_open(database_url)
    await closed(database_url)


async def test_an_app_that_failed_while_it_ran_has_closed_its_database(
    database_url: str, clock: MovedClock
) -> None:
    with pytest.raises(RuntimeError, match="lightning"):
        async with running(database_url, clock):
            raise RuntimeError("lightning")
    await closed(database_url)


async def test_an_app_whose_bus_does_not_close_has_closed_its_database(
    database_url: str, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def close(_bus: MemoryBus) -> None:
        raise RuntimeError("the bus is stuck")

    monkeypatch.setattr(MemoryBus, "close", close)
    with pytest.raises(RuntimeError, match="stuck"):
        async with running(database_url, clock):
            pass
    await closed(database_url)


async def test_an_app_that_could_not_start_has_closed_its_database(
    database_url: str, clock: MovedClock
) -> None:
    database = Database(database_url)
    async with database.write() as db:
        await db.execute(text("DROP TABLE watchword_signing_keys"))
    await database.close()
    app = create_app(Settings(_env_file=None, database_url=database_url), MOUNT, clock)
    with pytest.raises(DBAPIError, match="watchword_signing_keys"):
        async with app.router.lifespan_context(app):
            raise AssertionError("it started without its keys")
    await closed(database_url)


async def test_a_token_stays_revoked_after_a_restart_whatever_the_log_keeps_of_others(
    sqlite_url: str, clock: MovedClock
) -> None:
    settings = await prepared(sqlite_url, clock, log_retention_events=1_000)
    database = Database(sqlite_url)
    async with started(settings, clock) as app:
        token = await app.token()
        headers = {"authorization": f"Bearer {token}"}
        assert (await app.client.post("/api/auth/logout", json={})).status_code == 204
        async with transaction(database, MemoryBus(), clock.now()) as unit:
            for number in range(1_001):
                unit.publish(token_revoked("app", str(number)))
                unit.publish(Event("zoo", "bear", "made"))
        clock.move(60)
        # Streams are pruned in the order of their names, so the other one was pruned before.
        async with asyncio.timeout(20):
            while not await pruned(database, "zoo"):
                pass
    await database.close()
    async with started(settings, clock) as app:
        [error] = (await app.ask("{ count }", **headers))["errors"]
    assert error["extensions"]["code"] == "TOKEN_REVOKED"


async def test_revocations_that_no_token_needs_are_forgotten_at_intervals(
    sqlite_url: str, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[float] = []
    monkeypatch.setattr(Revocations, "forget", lambda _, now: times.append(now))
    async with running(sqlite_url, clock):
        clock.move(60)
        await until(lambda: bool(times))
    assert times == [clock.now()]


@pytest.mark.parametrize("room", [sessions, codes])
async def test_outdated_rows_are_pruned_at_intervals(
    room: Any, sqlite_url: str, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[float] = []

    async def prune(*given: Any) -> None:
        times.append(given[-1])

    monkeypatch.setattr(room, "prune", prune)
    async with running(sqlite_url, clock):
        clock.move(60)
        await until(lambda: bool(times))
    assert times == [clock.now()]


async def pruned(database: Database, stream: str) -> int:
    async with database.read() as db:
        found = sa.select(streams.c.pruned).where(streams.c.name == stream)
        return int((await db.execute(found)).scalar_one())


async def strike(name: str) -> None:
    """Raise an unexpected error where a background task waits."""
    [task] = [task for task in asyncio.all_tasks() if task.get_name() == name]

    def waiter() -> asyncio.Future[Any] | None:
        return task._fut_waiter  # type: ignore[attr-defined,no-any-return]

    # The task may be about to run, because what it waited for has just happened.
    await until(lambda: (found := waiter()) is not None and not found.done())
    if found := waiter():
        found.set_exception(LookupError("lightning"))


@pytest.fixture
async def connected(sqlite_url: str, clock: MovedClock) -> AsyncIterator[Running]:
    """Run an app with every kind of background task."""
    with live_redis() as redis:
        async with running(sqlite_url, clock, bus_url=redis.url) as app:
            yield app


NEEDED = {"the check of the event log", "the follower of revocations"}
TASKS = NEEDED | {
    "the listener of the bus",
    "the sender of the bus",
    "the dropping of old revocations",
    "the rotation of the signing keys",
    "the pruning of the log",
    "the pruning of used ids",
    "the pruning of sessions",
    "the pruning of authorization codes",
}


async def test_each_background_task_is_restarted_and_readiness_reports_its_failure(
    connected: Running, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def unwell() -> tuple[int, list[str]]:
        response = await connected.client.get("/health/ready")
        return response.status_code, [*response.json().get("tasks", {})]

    async with asyncio.timeout(60):
        for name in sorted(TASKS):
            while (await unwell()) != (200, []):
                clock.move(LONGEST_PAUSE)
            await strike(name)
            while (said := await unwell())[1] != [name]:
                pass
            assert said[0] == (503 if name in NEEDED else 200)
            assert f"{name} failed and is restarted" in caplog.text
        while (await unwell()) != (200, []):
            clock.move(LONGEST_PAUSE)


async def test_an_app_that_has_stopped_leaves_no_task_and_no_timer(
    sqlite_url: str, clock: MovedClock
) -> None:
    with live_redis() as redis:
        before = asyncio.all_tasks()
        async with running(sqlite_url, clock, bus_url=redis.url) as app:
            await app.token()
            assert clock.waiting > 0
            assert {task.get_name() for task in asyncio.all_tasks() - before} >= TASKS
        assert clock.waiting == 0
        assert asyncio.all_tasks() == before


async def test_a_process_that_receives_no_revocations_accepts_no_token(
    toys: Running, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = {"authorization": f"Bearer {await toys.token()}"}

    async def ask() -> tuple[int, Any]:
        response = await toys.client.post("/graphql", json={"query": "{ count }"}, headers=headers)
        await asyncio.sleep(0)
        return response.status_code, response.json()

    with monkeypatch.context() as patched:

        async def look(_: Hub) -> None:
            raise LookupError

        patched.setattr(Hub, "_drop_unread", look)
        clock.move(1)
        async with asyncio.timeout(20):
            while (await toys.client.get("/health/ready")).status_code == 200:
                pass
        clock.move(REVOCATIONS_ARE_FRESH - 1)
        assert (await ask())[0] == 200
        clock.move(2)
        status, answer = await ask()
        assert (status, answer["errors"][0]["extensions"]["code"]) == (503, "UNAVAILABLE")
        assert await toys.ask("{ hello }") == {"data": {"hello": "hello world"}}
    async with asyncio.timeout(20):
        while (await ask())[0] == 503:
            clock.move(0.5)


async def test_a_server_names_trusted_documents_that_cannot_be_run_and_serves_the_others(
    sqlite_url: str, clock: MovedClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text('{"good": "{ hello }", "bad": "{ nothing }"}')
    async with running(sqlite_url, clock, documents=manifest) as toys:
        await until(lambda: "trusted documents cannot be run" in caplog.text)
        asked = {"documentId": "good"}
        answer = (await toys.client.post("/graphql", json=asked)).json()
    assert "1 of 2 trusted documents cannot be run" in caplog.text
    assert "bad: Cannot query field 'nothing'" in caplog.text
    assert answer == {"data": {"hello": "hello world"}}
