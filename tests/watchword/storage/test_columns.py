"""Times are stored alike on both databases, whatever their time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Column, MetaData, Table, insert, select

from watchword.errors import BadUserInput
from watchword.storage.columns import UtcDateTime, checked_moment, moment
from watchword.storage.database import Database

TABLE = Table("moments", MetaData(), Column("at", UtcDateTime))


async def test_a_moment_comes_back_aware_and_in_utc(database: Database) -> None:
    east = datetime(2026, 5, 1, 12, 30, 15, 123456, timezone(timedelta(hours=9)))
    async with database.write() as db:
        await db.run_sync(lambda sync: TABLE.create(sync.connection()))
        await db.execute(insert(TABLE), [{"at": east}, {"at": None}])
    async with database.read() as db:
        found = list((await db.execute(select(TABLE.c.at))).scalars())
    assert found == [east, None]
    assert found[0].tzinfo == UTC


def test_unix_seconds_become_a_moment() -> None:
    assert moment(0) == datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-01T12:00:00+09:00", datetime(2026, 5, 1, 3, tzinfo=UTC)),
        ("2026-05-01T12:00:00", datetime(2026, 5, 1, 12, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_moment_from_outside_is_in_utc(text: str, expected: datetime) -> None:
    assert checked_moment(datetime.fromisoformat(text), ["at"]) == expected


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_moment_beyond_all_years_is_bad_input(text: str) -> None:
    with pytest.raises(BadUserInput) as refused:
        checked_moment(datetime.fromisoformat(text), ["input", "at"])
    assert refused.value.extensions["path"] == ["input", "at"]
