"""Moments are the same on both databases, in any zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from sqlalchemy import Column, MetaData, Table, insert, select

from graph.columns import UtcDateTime, moment
from graph.database import Database

TABLE = Table("moments", MetaData(), Column("at", UtcDateTime))


async def test_a_moment_comes_back_aware_and_in_utc(database: Database) -> None:
    east = datetime(2026, 5, 1, 12, 30, 15, 123456, timezone(timedelta(hours=9)))
    async with database.write() as session:
        await session.run_sync(lambda sync: TABLE.create(sync.connection()))
        await session.execute(insert(TABLE), [{"at": east}, {"at": None}])
    async with database.read() as session:
        found = list((await session.execute(select(TABLE.c.at))).scalars())
    assert found == [east, None]
    assert found[0].tzinfo == UTC


def test_unix_seconds_become_a_moment() -> None:
    assert moment(0) == datetime(1970, 1, 1, tzinfo=UTC)
