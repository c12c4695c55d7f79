"""The incident room on both databases, and its principals."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.clock import MovedClock
from tests.support.principals import NAMES, Room, open_room
from tests.support.statements import recorded
from watchword.storage.database import Database


@pytest.fixture
async def room(database: Database, clock: MovedClock) -> Room:
    return await open_room(database, clock)


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """The name of a principal; a test with this fixture runs once for each."""
    return str(request.param)


@pytest.fixture
def statements(database: Database) -> Iterator[list[str]]:
    """The list of SQL statements that run from now on, without BEGIN, COMMIT and ROLLBACK."""
    with recorded(database) as seen:
        yield seen
