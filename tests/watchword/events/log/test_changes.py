"""A look reports each changed stream once, however late its transaction commits."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from watchword.events.event import Event
from watchword.events.log.changes import Look
from watchword.events.log.event_log import EventLog, append
from watchword.events.log.tables import streams
from watchword.storage.database import Database


class Looks:
    """Looks at a log again and again, as a hub does."""

    def __init__(self, database: Database) -> None:
        self._event_log = EventLog(database)
        self._last_look: Look | None = None

    async def look(self) -> dict[str, int]:
        changes = await self._event_log.changes(self._last_look)
        self._last_look = changes.look
        self.is_sure = changes.is_sure
        return {stream: place.position for stream, place in changes.heads.items()}


async def happen(database: Database, *names: str) -> None:
    async with database.write() as db:
        await append(db, [Event(name, "key", "made") for name in names], 0)


@pytest.fixture
async def looks(database: Database) -> Looks:
    await happen(database, "old", "toys")
    made = Looks(database)
    assert await made.look() == {}
    assert not made.is_sure
    return made


async def test_each_change_is_reported_once_and_nothing_else(
    looks: Looks, database: Database
) -> None:
    assert await looks.look() == {}
    await happen(database, "toys", "toys", "new")
    assert await looks.look() == {"toys": 3, "new": 1}
    assert await looks.look() == {}
    await happen(database, "old")
    await happen(database, "old")
    assert await looks.look() == {"old": 3}
    assert looks.is_sure


async def test_an_empty_log_can_be_looked_at(database: Database) -> None:
    looks = Looks(database)
    for _ in range(3):
        assert await looks.look() == {}
    await happen(database, "toys")
    assert await looks.look() == {"toys": 1}


async def test_a_transaction_that_commits_late_is_not_missed(postgres_url: str) -> None:
    database = Database(postgres_url)
    looks = Looks(database)
    await looks.look()
    async with database.open() as late:
        await append(late, [Event("late", "key", "made")], 0)
        await happen(database, "early")
        assert await looks.look() == {"early": 1}
        # This one begins to write after the look above, and before the other one commits.
        async with database.open() as later:
            await append(later, [Event("later", "key", "made")], 0)
            await late.commit()
            assert await looks.look() == {"late": 1}
            await happen(database, "early")
            assert await looks.look() == {"early": 2}
            await later.commit()
    assert await looks.look() == {"later": 1}
    assert await looks.look() == {}
    await database.close()


async def test_a_transaction_that_was_rolled_back_is_not_reported(
    looks: Looks, database: Database
) -> None:
    async with database.open() as db:
        await append(db, [Event("toys", "key", "made")], 0)
    assert await looks.look() == {}
    await happen(database, "toys")
    assert await looks.look() == {"toys": 2}


async def test_rows_from_another_cluster_are_reported_when_they_change(
    postgres_url: str,
) -> None:
    database = Database(postgres_url)
    await happen(database, "toys", "old")
    async with database.write() as db:
        # A number that no transaction of this cluster has had yet.
        await db.execute(sa.update(streams).values(changed=2**40))
    looks = Looks(database)
    for _ in range(2):
        assert await looks.look() == {}
    await happen(database, "toys")
    assert await looks.look() == {"toys": 2}
    assert await looks.look() == {}
    await database.close()


async def test_another_server_is_noticed(postgres_url: str) -> None:
    database = Database(postgres_url)
    looks = Looks(database)
    await looks.look()
    await looks.look()
    assert looks.is_sure
    # A restore into a running server does this.
    async with database.write() as db:
        await db.execute(sa.text("TRUNCATE watchword_log_streams, watchword_log_events"))
    await looks.look()
    assert not looks.is_sure
    await looks.look()
    assert looks.is_sure
    await database.close()
