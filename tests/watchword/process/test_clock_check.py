"""A machine whose clock is not the database's is told so, by how much, and until it is mended."""

from __future__ import annotations

import time

import pytest

from tests.support.clock import MovedClock
from tests.support.toy_server import until
from watchword.errors import Unsafe
from watchword.process import clock_check
from watchword.process.background import Background
from watchword.process.clock_check import EVERY_SECONDS, check, watch
from watchword.storage.database import Database


async def test_the_machines_own_clock_is_the_databases(database: Database) -> None:
    await check(database, 60)


@pytest.mark.parametrize(
    ("seconds", "said"), [(3_600, "seconds ahead of"), (-3_600, "seconds behind")]
)
async def test_another_clock_is_refused(seconds: int, said: str, postgres_url: str) -> None:
    database = Database(postgres_url)
    with pytest.raises(Unsafe, match=rf"clock is 3[56]\d\d {said} the database's: set both by NTP"):
        await check(database, 60, lambda: time.time() + seconds)
    await check(database, 7_200, lambda: time.time() + seconds)
    await database.close()


async def test_sqlite_has_no_clock_to_compare_with(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    await check(database, 1, lambda: 0.0)
    watch(database, background := Background(clock := MovedClock()), clock, 1)
    assert background.supervised == []
    await database.close()


async def test_a_server_says_that_its_clock_is_wrong_until_it_is_right(
    postgres_url: str, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, background, lead = Database(postgres_url), Background(clock), 600.0

    async def with_lead(of: Database, tolerance: float) -> None:
        await check(of, tolerance, lambda: time.time() + lead)

    monkeypatch.setattr(clock_check, "check", with_lead)
    watch(database, background, clock, 60)
    await until(lambda: bool(background.unwell))
    (task,) = background.unwell
    assert (task.why or "").startswith("This machine's clock is ")
    assert not task.is_needed
    lead = 0.0
    clock.move(EVERY_SECONDS)
    await until(lambda: not background.unwell)
    lead = -600.0
    clock.move(EVERY_SECONDS)
    await until(lambda: bool(background.unwell))
    await background.close()
    await database.close()
