"""Events leave after the commit, and only then."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from graph.database import Database
from graph.events import Event
from graph.fanout.memory import MemoryBus
from graph.transaction import transaction

BEAR = Event("toys", "bear", "made")


async def test_events_leave_after_the_commit(database: Database) -> None:
    seen: list[Event] = []
    bus = MemoryBus()
    await bus.open(seen.append)
    async with transaction(database, bus, 0) as unit:
        await unit.session.execute(text("CREATE TABLE toys (name VARCHAR(20))"))
        unit.publish(BEAR)
        assert seen == []
    assert seen == [BEAR]
    async with database.read() as session:
        assert (await session.execute(text("SELECT count(*) FROM toys"))).scalar_one() == 0


async def test_a_rollback_forgets_its_events(database: Database) -> None:
    seen: list[Event] = []
    bus = MemoryBus()
    await bus.open(seen.append)
    with pytest.raises(RuntimeError):
        async with transaction(database, bus, 0) as unit:
            unit.publish(BEAR)
            raise RuntimeError
    assert seen == []
