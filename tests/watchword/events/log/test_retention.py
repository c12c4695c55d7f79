"""Pruning deletes no more than it should, also when several processes prune at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa

from watchword.errors import CursorExpired
from watchword.events.event import BEGINNING, Event
from watchword.events.log import retention
from watchword.events.log.event_log import EventLog, append
from watchword.events.log.tables import events, streams
from watchword.storage.database import Database

NOW = 1_800_000_000.0
WAITING = sa.text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


async def happen(database: Database, count: int, *names: str, now: float = NOW) -> list[Event]:
    async with database.write() as db:
        happened = [Event(name, "key", "made") for name in names for _ in range(count)]
        return await append(db, happened, now)


async def bounds(database: Database, stream: str = "toys") -> tuple[int, int]:
    """Return a stream's pruned position, and the number of its kept events."""
    of_stream = sa.select(sa.func.count()).where(events.c.stream == stream)
    async with database.read() as db:
        pruned = sa.select(streams.c.pruned).where(streams.c.name == stream)
        return (await db.execute(pruned)).scalar_one(), (await db.execute(of_stream)).scalar_one()


@pytest.fixture
async def processes(postgres_url: str) -> AsyncIterator[list[Database]]:
    """The connections of three processes to one PostgreSQL."""
    made = [Database(postgres_url) for _ in range(3)]
    yield made
    for database in made:
        await database.close()


async def test_a_process_that_prunes_late_does_not_move_the_bound_back(
    processes: list[Database],
) -> None:
    gate, ahead, late = processes
    written = await happen(gate, 10, "toys")

    async def waiting(count: int) -> None:
        async with asyncio.timeout(20), gate.read() as db:
            while (await db.execute(WAITING)).scalar_one() < count:
                await db.rollback()

    async with gate.open() as holding:
        # Both have read the pruned position and wait for the row; the one that prunes further gets it first.
        await holding.execute(sa.select(streams).with_for_update())
        further = asyncio.create_task(EventLog(ahead).prune(0, 2))
        await waiting(1)
        less = asyncio.create_task(EventLog(late).prune(0, 7))
        await waiting(2)
    assert await asyncio.gather(further, less) == [8, 0]
    assert await bounds(gate) == (8, 2)
    event_log = EventLog(gate)
    for gone in written[:7]:
        with pytest.raises(CursorExpired):
            await event_log.read("toys", None, gone.place, 10)
    assert await event_log.read("toys", None, written[7].place, 10) == written[8:]
    # Pruning by age continues from there.
    assert await event_log.prune(NOW + 1, 100) == 2
    assert await bounds(gate) == (10, 0)


async def test_readers_see_no_gap_while_several_processes_prune(
    processes: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PRUNED_AT_ONCE", 3)
    [first] = await happen(processes[0], 1, "toys")
    event_log, done = EventLog(processes[0]), asyncio.Event()
    expired = 0

    async def prune(database: Database, most: int) -> None:
        while not done.is_set():
            await EventLog(database).prune(0, most)

    async def follow() -> None:
        nonlocal expired
        place = first.place
        while place.position < 200:
            try:
                for event in await event_log.read("toys", None, place, 50):
                    assert event.position == place.position + 1
                    place = event.place
            except CursorExpired:
                expired += 1
                place = (await event_log.heads(["toys"]))["toys"]

    pruning = [asyncio.create_task(prune(each, n)) for n, each in enumerate(processes, 5)]
    following = asyncio.create_task(follow())
    for _ in range(40):
        await happen(processes[0], 5, "toys")
    await asyncio.wait_for(following, 60)
    done.set()
    await asyncio.gather(*pruning)
    assert sum(await bounds(processes[0])) == 201


async def test_streams_with_nothing_to_prune_are_not_written_to(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await happen(database, 2, *(f"stream {number}" for number in range(30)))
    await happen(database, 3, "stream 7", "stream 8")
    opened: list[object] = []
    write = database.write

    def counted() -> Any:
        opened.append(None)
        return write()

    monkeypatch.setattr(database, "write", counted)
    event_log = EventLog(database)
    assert await event_log.prune(0, 5) == 0
    assert len(opened) == 0
    assert await event_log.prune(0, 4, {"stream 3": NOW}) == 2
    assert len(opened) == 2


async def test_more_events_than_one_transaction_deletes_are_deleted_in_several(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PRUNED_AT_ONCE", 3)
    await happen(database, 10, "toys", "others", now=NOW - 100)
    await happen(database, 1, "toys")
    event_log = EventLog(database)
    assert await event_log.prune(NOW - 50, 100) == 20
    assert await bounds(database) == (10, 1)
    assert await bounds(database, "others") == (10, 0)


async def test_needed_events_of_one_stream_do_not_keep_those_of_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PRUNED_AT_ONCE", 2)
    await happen(database, 5, "needed", now=NOW - 200)
    await happen(database, 5, "toys", now=NOW - 100)
    assert await EventLog(database).prune(NOW - 50, 1, {"needed": NOW - 300}) == 5
    assert await bounds(database, "needed") == (0, 5)


async def test_a_pruned_position_that_is_too_low_does_not_stall_pruning(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PRUNED_AT_ONCE", 2)
    await happen(database, 9, "toys", now=NOW - 100)
    async with database.write() as db:
        await db.execute(sa.delete(events).where(events.c.position <= 8))
    with pytest.raises(CursorExpired):
        await EventLog(database).read("toys", None, BEGINNING._replace(position=3), 10)
    await EventLog(database).prune(NOW - 50, 100)
    assert await bounds(database) == (9, 0)
