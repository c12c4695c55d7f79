"""The migration that added marks gives them to old events, and corrects the pruned positions."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text

from tests.support.migrations import upgrade_to
from watchword.errors import CursorExpired
from watchword.events.event import BEGINNING
from watchword.events.log.event_log import EventLog
from watchword.storage.database import Database
from watchword.storage.migration import RUNTIME, upgrade

AT = "2026-01-01 00:00:00"


@pytest.fixture(params=["sqlite", "postgresql"])
async def old(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database from before the migration."""
    name = f"watchword_{secrets.token_hex(8)}"
    if request.param == "sqlite":
        made = Database(f"sqlite+aiosqlite:///{tmp_path / name}.db")
    else:
        server = request.getfixturevalue("postgres_server")
        await _administer(server, f"CREATE DATABASE {name}")
        url = server.replace("postgresql:", "postgresql+asyncpg:")
        made = Database(f"{url.rpartition('/')[0]}/{name}")
    await upgrade_to(made, RUNTIME, "0003")
    yield made
    await made.close()
    if request.param == "postgresql":
        await _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


async def _administer(server: str, statement: str) -> None:
    connection = await asyncpg.connect(server)
    await connection.execute(statement)
    await connection.close()


async def test_old_events_get_marks_and_streams_get_the_right_bounds(old: Database) -> None:
    rows = [("whole", 1), ("whole", 2), ("damaged", 8), ("damaged", 9)]
    async with old.write() as db:
        for stream in (
            "('whole', 2, 0)",
            "('empty', 0, 0)",
            "('all gone', 5, 5)",
            # Two processes pruned at the same time, in an old version: 6 and 7 are gone as well.
            "('damaged', 9, 5)",
        ):
            await db.execute(text(f"INSERT INTO watchword_log_streams VALUES {stream}"))
        for stream, position in rows:
            values = f"('{stream}', {position}, 'k', 'made', '{{}}', '{AT}')"
            await db.execute(text(f"INSERT INTO watchword_log_events VALUES {values}"))
    await upgrade(old, [RUNTIME])
    event_log = EventLog(old)
    heads = await event_log.heads(["whole", "empty", "all gone", "damaged"])
    assert [place.position for place in heads.values()] == [2, 0, 5, 9]
    assert heads["empty"] == BEGINNING
    for stream, head in heads.items():
        await event_log.check(stream, head)
    marks = [event.mark for event in await event_log.read("whole", None, BEGINNING, 10)]
    assert marks[-1] == heads["whole"].mark
    assert len({*marks, *(head.mark for head in heads.values())}) == 5
    assert {len(mark) for mark in marks} == {16}
    before = await event_log.before_last("damaged", None, 10)
    assert [event.position for event in await event_log.read("damaged", None, before, 10)] == [8, 9]
    with pytest.raises(CursorExpired, match="not kept"):
        await event_log.check("damaged", before._replace(position=6))
