"""Each process says that it is there; one that is silent for long is forgotten."""

from __future__ import annotations

from watchword.connections.processes import (
    DEAD_SECONDS,
    REPORT_SECONDS,
    Sightings,
    beat,
    leave,
    others,
)
from watchword.connections.tables import reports
from watchword.events.bus.memory import MemoryBus
from watchword.storage.columns import moment
from watchword.storage.database import Database
from watchword.transaction import transaction


async def beaten(
    database: Database, process: str, at: float, sightings: Sightings | None = None
) -> bool:
    async with transaction(database, MemoryBus(), at) as unit:
        return await beat(unit, process, sightings or Sightings())


async def test_those_who_were_seen_lately_are_alive(database: Database) -> None:
    assert not await beaten(database, "one", 0.0)
    assert not await beaten(database, "two", 0.0)
    assert await beaten(database, "one", DEAD_SECONDS)
    assert await others(database, "two", DEAD_SECONDS, Sightings()) == ["one"]
    assert await others(database, "one", DEAD_SECONDS, Sightings()) == ["two"]
    assert await others(database, "one", DEAD_SECONDS + 1, Sightings()) == []


async def test_a_process_whose_clock_is_behind_is_alive_while_it_says_so(
    database: Database,
) -> None:
    behind, ahead = Sightings(), Sightings()
    for at in (1_000.0, 1_010.0, 1_020.0, 1_055.0):
        # The first time, it cannot be told from a dead one.
        is_known = await beaten(database, "behind", at - 180, behind)
        assert is_known is (at > 1_010)
        await beaten(database, "ahead", at, ahead)
    assert await others(database, "ahead", 1_055.0, ahead) == ["behind"]
    assert await others(database, "behind", 875.0, behind) == ["ahead"]
    # It says nothing more.
    assert await others(database, "ahead", 1_055.0 + DEAD_SECONDS + 1, ahead) == []
    await beaten(database, "ahead", 1_055.0 + DEAD_SECONDS + 1, ahead)
    assert not await beaten(database, "behind", 912.0, behind)


async def test_a_forgotten_process_learns_that_it_was_forgotten(database: Database) -> None:
    await beaten(database, "one", 0.0)
    await beaten(database, "two", DEAD_SECONDS + 1)
    assert not await beaten(database, "one", DEAD_SECONDS + 1)


async def test_a_process_that_leaves_is_not_alive(database: Database) -> None:
    await beaten(database, "one", 0.0)
    async with transaction(database, MemoryBus(), 0.0) as unit:
        await leave(unit, "one")
    assert await others(database, "two", 0.0, Sightings()) == []


async def test_answers_that_nobody_reads_are_deleted(database: Database) -> None:
    async with database.write() as db:
        row = {"question": "q", "process": "p", "at": moment(0.0), "content": {}}
        await db.execute(reports.insert().values(**row))
    await beaten(database, "one", REPORT_SECONDS)
    async with database.read() as db:
        assert (await db.execute(reports.select())).first() is not None
    await beaten(database, "one", REPORT_SECONDS + 1)
    async with database.read() as db:
        assert (await db.execute(reports.select())).first() is None
