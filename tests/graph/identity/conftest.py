"""A sign-in desk on SQLite, for what does not depend on the database."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from graph.database import Database
from tests.support.clock import MovedClock
from tests.support.identity import SignInDesk, sign_in_desk


@pytest.fixture
async def sqlite_desk(
    sqlite_template: Path, tmp_path: Path, clock: MovedClock
) -> AsyncIterator[SignInDesk]:
    shutil.copy(sqlite_template, tmp_path / "desk.db")
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'desk.db'}")
    async with sign_in_desk(database, clock) as desk:
        yield desk
    await database.close()
