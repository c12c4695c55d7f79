"""Liveness and readiness, with a database and without: a process may be alive and not ready."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from starlette.types import Scope

from tests.support.clock import MovedClock
from tests.support.deaf_proxy import deaf_proxy
from tests.support.toy_server import until
from watchword.errors import Unavailable
from watchword.process.background import Background
from watchword.storage.database import Database
from watchword.transports import health

READY = (200, {"status": "ok", "database": "ok"})
NOT_READY = (503, {"status": "unavailable", "database": "not reachable"})


@asynccontextmanager
async def asking(
    url: str, background: Background | None = None, pool_seconds: float = 5
) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of health routes that ask the database at this URL."""
    others = set(threading.enumerate())
    database = Database(url, statement_seconds=5, pool_seconds=pool_seconds)
    background = background or Background(MovedClock())
    app = FastAPI()
    app.include_router(health.routes(database, background))
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://watchword") as client:
        yield client
    await database.close()
    # aiosqlite does not join the thread of a connection that failed; the thread ends by itself.
    for thread in set(threading.enumerate()) - others:
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join)


async def ready(client: httpx2.AsyncClient) -> tuple[int, object]:
    response = await client.get("/health/ready")
    return response.status_code, response.json()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(params=["sqlite", "postgresql"])
def unreachable(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that does not exist."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/missing/watchword.db"
    return f"postgresql+asyncpg://alice:pa55word@127.0.0.1:{closed_port()}/watchword"


async def test_with_its_database_the_server_is_ready(database_url: str) -> None:
    async with asking(database_url) as client:
        assert await ready(client) == READY


async def test_without_its_database_the_server_is_not_ready(unreachable: str) -> None:
    async with asking(unreachable) as client:
        assert await ready(client) == NOT_READY


async def test_a_server_that_does_not_know_the_database_makes_nothing_ready(
    postgres_url: str,
) -> None:
    async with asking(f"{postgres_url}_of_somebody_else") as client:
        assert await ready(client) == NOT_READY


async def test_why_the_database_is_not_reachable_is_not_said(unreachable: str) -> None:
    async with asking(unreachable) as client:
        said = (await client.get("/health/ready")).text
    for detail in ("missing", "alice", "pa55word", "127.0.0.1", "Error"):
        assert detail not in said


@asynccontextmanager
async def asking_near(url: str, background: Background) -> AsyncIterator[httpx2.AsyncClient]:
    """A client that may see why something is not well, if its address begins with 127."""
    database = Database(url, statement_seconds=5, pool_seconds=5)
    async with near(database, background) as client:
        yield client
    await database.close()


@asynccontextmanager
async def near(database: Database, background: Background) -> AsyncIterator[httpx2.AsyncClient]:
    """A client like that of `asking_near`, of a server that has this database."""
    app = FastAPI()

    async def may_see(scope: Scope) -> bool:
        return str(scope["client"][0]).startswith("127.")

    app.include_router(health.routes(database, background, may_see))
    here, far = (
        httpx2.ASGITransport(app, client=(each, 1)) for each in ("127.0.0.1", "203.0.113.1")
    )
    async with (
        httpx2.AsyncClient(transport=here, base_url="http://watchword") as client,
        httpx2.AsyncClient(transport=far, base_url="http://watchword") as other,
    ):
        yield client
        assert "why" not in (await other.get("/health/ready")).json()


async def test_why_the_database_is_not_reachable_is_said_to_the_operator() -> None:
    url = f"postgresql+asyncpg://alice:pa55word@127.0.0.1:{closed_port()}/watchword"
    async with asking_near(url, Background(MovedClock())) as client:
        answer = await client.get("/health/ready")
    assert answer.json() == {
        "status": "unavailable",
        "database": "not reachable",
        "why": {"database": "ConnectionRefusedError"},
    }
    assert "pa55word" not in answer.text


async def test_that_all_connections_are_in_use_is_said_to_the_operator(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "ANSWER_SECONDS", 0.05)
    database = Database(postgres_url, pool_seconds=5, pool_size=1)
    background = Background(MovedClock())
    async with near(database, background) as client:
        async with database.read() as db:
            await db.execute(text("SELECT 1"))
            why = (await client.get("/health/ready")).json()["why"]
        assert await until_ready(client)
    assert why == {
        "database": "no answer in 0.05 s: all 1 connections are in use (WATCHWORD_DATABASE_POOL_SIZE)"
    }
    await background.close()
    await database.close()


async def test_why_a_task_fails_is_said_to_the_operator_without_the_message_of_a_driver(
    sqlite_url: str,
) -> None:
    clock = MovedClock()
    background = Background(clock)
    faults: list[Exception] = [ValueError("pa55word"), Unavailable("Redis does not answer.")]

    async def turn() -> None:
        raise faults[-1]

    background.every(1, "the look", turn)
    async with asking_near(sqlite_url, background) as client:
        assert "why" not in (await client.get("/health/ready")).json()
        clock.move(1)
        await until(lambda: bool(background.unwell))
        said = (await client.get("/health/ready")).json()
        assert said["why"] == {"the look": "Redis does not answer."}
        faults.pop()
        clock.move(2)
        await until(lambda: background.unwell[0].failures == 2)
        answer = await client.get("/health/ready")
        assert answer.json()["why"] == {"the look": "ValueError"}
        assert "pa55word" not in answer.text
    await background.close()


async def test_the_server_is_ready_as_soon_as_its_database_is_there(tmp_path: Path) -> None:
    async with asking(f"sqlite+aiosqlite:///{tmp_path}/home/watchword.db") as client:
        assert await ready(client) == NOT_READY
        (tmp_path / "home").mkdir()
        assert await ready(client) == READY


async def test_the_server_is_alive_with_and_without_its_database(
    database_url: str, unreachable: str
) -> None:
    for url in (database_url, unreachable):
        async with asking(url) as client:
            response = await client.get("/health/live")
            assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_ready_holds_no_connection_while_nobody_asks(database_url: str) -> None:
    async with asking(database_url) as client:
        # More probes than the pool has connections.
        assert {(await ready(client))[0] for _ in range(30)} == {200}


@pytest.mark.parametrize(
    ("is_needed", "code", "status"), [(True, 503, "unavailable"), (False, 200, "degraded")]
)
async def test_a_background_task_that_is_not_well_is_told_until_it_is(
    is_needed: bool, code: int, status: str, sqlite_url: str
) -> None:
    clock = MovedClock(1_800_000_000)
    background, faults = Background(clock), [ValueError("pa55word")]

    async def turn() -> None:
        while faults:
            raise faults.pop()

    background.every(1, "the look", turn, is_needed=is_needed)
    async with asking(sqlite_url, background) as client:
        assert await ready(client) == READY
        clock.move(1)
        await until(lambda: bool(background.unwell))
        assert await ready(client) == (
            code,
            {
                "status": status,
                "database": "ok",
                "tasks": {"the look": "not well since 2027-01-15T08:00:01+00:00"},
            },
        )
        clock.move(1)
        await until(lambda: not background.unwell)
        assert await ready(client) == READY
    await background.close()


async def test_a_database_that_hangs_makes_nothing_ready_and_keeps_nobody_waiting(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "ANSWER_SECONDS", 0.2)
    async with deaf_proxy(postgres_url) as proxy, asking(proxy.url) as client:
        assert await until_ready(client)
        proxy.is_deaf = True
        # Far more probes than the pool has connections; one connection waits for all of them.
        answers = await asyncio.gather(*(ready(client) for _ in range(50)))
        assert answers == [NOT_READY] * 50
        # The probes were answered without the database, which has not answered yet.
        assert "the health check of the database" in {
            task.get_name() for task in asyncio.all_tasks()
        }
        proxy.is_deaf = False
        assert await until_ready(client)


async def test_a_database_that_fails_after_its_probe_was_answered_logs_no_error(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(health, "ANSWER_SECONDS", 0.05)
    async with deaf_proxy(postgres_url) as proxy, asking(proxy.url, pool_seconds=0.5) as client:
        proxy.is_deaf = True
        assert await ready(client) == NOT_READY
        named = "the health check of the database"
        (task,) = [each for each in asyncio.all_tasks() if each.get_name() == named]
        await asyncio.wait({task})
        del task
        proxy.is_deaf = False
        assert await until_ready(client)
        gc.collect()
    assert caplog.records == []


async def until_ready(client: httpx2.AsyncClient) -> bool:
    async with asyncio.timeout(60):
        while await ready(client) != READY:
            pass
    return True
