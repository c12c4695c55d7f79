"""Commands read and write as the operator, and never create a missing database."""

from __future__ import annotations

from pathlib import Path

import pytest

from watchword.cli.operator import operator
from watchword.config.settings import Settings
from watchword.errors import Unsafe
from watchword.events.event import Event
from watchword.events.log.event_log import EventLog
from watchword.principal import OPERATOR
from watchword.storage.database import Database


def settings(url: str) -> Settings:
    return Settings(_env_file=None, database_url=url)


async def test_what_it_publishes_is_in_the_log_and_it_is_the_operator(
    database_url: str, database: Database
) -> None:
    async with operator(settings(database_url)) as held, held.write() as unit:
        assert unit.actor is OPERATOR
        unit.publish(Event("things", "a", "CHANGED"))
    assert (await EventLog(database).heads(["things"]))["things"].position == 1


async def test_a_sqlite_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    with pytest.raises(Unsafe, match="start the server once"):
        async with operator(settings(f"sqlite+aiosqlite:///{path}")):
            pass
    assert not path.exists()
