"""Events are published after the commit, and only then."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest
from sqlalchemy import text

from watchword.events.bus.memory import MemoryBus
from watchword.events.event import BEGINNING, Event
from watchword.events.log.event_log import EventLog
from watchword.storage.database import Database, Publishing
from watchword.transaction import UnpublishedWrite, transaction

BEAR = Event("toys", "bear", "made")


async def test_events_are_published_after_the_commit(database: Database) -> None:
    seen: list[Event] = []
    bus = MemoryBus()
    await bus.open(seen.append)
    async with transaction(database, bus, 0) as unit:
        await unit.db.execute(text("CREATE TABLE toys (name VARCHAR(20))"))
        unit.publish(BEAR)
        assert seen == []
    assert seen == [replace(BEAR, position=1)]
    assert await EventLog(database).read("toys", None, BEGINNING, 10) == seen
    async with database.read() as db:
        assert (await db.execute(text("SELECT count(*) FROM toys"))).scalar_one() == 0


async def test_events_of_a_rollback_are_not_published(database: Database) -> None:
    seen: list[Event] = []
    bus = MemoryBus()
    await bus.open(seen.append)
    with pytest.raises(RuntimeError):
        async with transaction(database, bus, 0) as unit:
            unit.publish(BEAR)
            raise RuntimeError
    assert seen == []
    assert await EventLog(database).heads(["toys"]) == {"toys": BEGINNING}


async def test_a_cancelled_transaction_is_committed_and_published_or_neither(
    database: Database,
) -> None:
    seen: list[Event] = []
    bus = MemoryBus()
    await bus.open(seen.append)
    async with database.write() as db:
        await db.execute(text("CREATE TABLE toys (name VARCHAR(20))"))

    async def make() -> None:
        async with transaction(database, bus, 0) as unit:
            await unit.db.execute(text("INSERT INTO toys VALUES ('bear')"))
            unit.publish(BEAR)

    for steps in range(40):
        task = asyncio.create_task(make())
        for _ in range(steps):
            await asyncio.to_thread(lambda: None)
        task.cancel()
        await asyncio.wait({task})
    async with database.read() as db:
        kept = (await db.execute(text("SELECT count(*) FROM toys"))).scalar_one()
    logged = await EventLog(database).read("toys", None, BEGINNING, 100)
    assert len(seen) == kept == len(logged)
    assert [event.position for event in seen] == list(range(1, kept + 1))


@pytest.mark.parametrize(
    "event",
    [
        Event("toys", "\ud800", "made"),
        Event("toys", "bear", "made", {"a": 2**64}),
        Event("toys", "bear", "made", {1: 1}),  # type: ignore[dict-item]
        Event("toys", "bear", "made", {"a": float("nan")}),  # type: ignore[dict-item]
    ],
)
async def test_an_event_that_a_bus_cannot_carry_is_refused_before_anything_is_committed(
    event: Event, database: Database
) -> None:
    with pytest.raises(TypeError):
        async with transaction(database, MemoryBus(), 0) as unit:
            unit.publish(BEAR)
            unit.publish(event)
    assert await EventLog(database).read("toys", None, BEGINNING, 10) == []


PUBLISHING = Publishing({"watchword_used_ids": "toys"}, is_enforced=True)
WRITE = text(
    "INSERT INTO watchword_used_ids (hash, expires_at) VALUES ('a', '2030-01-01 00:00:00+00:00')"
)


async def count(database: Database) -> int:
    async with database.read() as db:
        return int((await db.execute(text("SELECT count(*) FROM watchword_used_ids"))).scalar_one())


async def test_a_table_is_written_only_with_an_event_in_its_stream(database: Database) -> None:
    database.publishing = PUBLISHING
    for events in ([], [replace(BEAR, stream="other")]):
        with pytest.raises(UnpublishedWrite, match="watchword_used_ids.*'toys'"):
            async with transaction(database, MemoryBus(), 0) as unit:
                await unit.db.execute(WRITE)
                for event in events:
                    unit.publish(event)
    assert await count(database) == 0
    assert await EventLog(database).heads(["other"]) == {"other": BEGINNING}
    async with transaction(database, MemoryBus(), 0) as unit:
        await unit.db.execute(WRITE)
        unit.publish(BEAR)
    assert await count(database) == 1


async def test_in_production_a_write_without_an_event_is_committed_and_logged(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    database.publishing = replace(PUBLISHING, is_enforced=False)
    with caplog.at_level(logging.ERROR, "watchword.transaction"):
        async with transaction(database, MemoryBus(), 0) as unit:
            await unit.db.execute(WRITE)
    assert await count(database) == 1
    [record] = caplog.records
    assert "'watchword_used_ids'" in record.getMessage()


@pytest.mark.parametrize("ends", ["commit", "rollback"])
async def test_a_block_that_ends_its_transaction_by_itself_is_refused_in_tests_and_logged_in_production(
    ends: str, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with transaction(database, MemoryBus(), 0) as unit:
            await unit.db.execute(WRITE)
            await getattr(unit.db, ends)()
            unit.publish(BEAR)

    database.publishing = replace(PUBLISHING, is_enforced=False)
    with caplog.at_level(logging.ERROR, "watchword.transaction"):
        await run()
    [record] = caplog.records
    assert "by itself" in record.getMessage()
    before = await EventLog(database).heads(["toys"])
    async with database.write() as db:
        await db.execute(text("DELETE FROM watchword_used_ids"))
    database.publishing = PUBLISHING
    with pytest.raises(UnpublishedWrite, match="by itself"):
        await run()
    assert await EventLog(database).heads(["toys"]) == before


async def test_a_savepoint_does_not_end_the_transaction(database: Database) -> None:
    database.publishing = PUBLISHING
    async with transaction(database, MemoryBus(), 0) as unit:
        async with unit.db.begin_nested():
            await unit.db.execute(WRITE)
        unit.publish(BEAR)
    assert await count(database) == 1


async def test_a_transaction_knows_the_heads_of_its_streams_once_it_is_committed(
    database: Database,
) -> None:
    async with transaction(database, MemoryBus(), 0) as unit:
        unit.publish(BEAR)
        unit.publish(replace(BEAR, stream="other"))
        unit.publish(BEAR)
        assert unit.heads == {}
    assert unit.heads == await EventLog(database).heads(["toys", "other"])
    assert unit.heads["toys"].position == 2
