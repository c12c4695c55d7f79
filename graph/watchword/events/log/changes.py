"""Which streams changed since the last time, and whether the log is still the one of the last time.

On PostgreSQL transactions commit in another order than they are numbered in, so a number alone would
miss those that commit late. Each look keeps its snapshot, and the next one asks for what that snapshot
did not see. SQLite has one writer at a time, and a counter is enough.

A database that went back to an earlier state is noticed by two things. The newest change that was seen
must still be there, by its mark. And on PostgreSQL, where of two changes at the same time either may be
the later one, the server must be the same: no server goes back without having been started anew, and
no table without having been made anew.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from watchword.errors import CursorExpired, WentBack
from watchword.events.event import Place
from watchword.events.log.tables import streams

Check = Callable[[AsyncSession, str, Place], Awaitable[None]]
"""Raises `CursorExpired` when the log does not go on from a stream's place."""


@dataclass(frozen=True, slots=True)
class Change:
    """A stream's newest event, and when it was among the changes to all streams."""

    stream: str
    place: Place
    number: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen at one time: `snapshot` and `server` are PostgreSQL's, and empty on SQLite."""

    snapshot: str
    server: str
    newest: Change | None

    @property
    def start(self) -> int:
        """The number from which on transactions may not have been seen."""
        return int(self.snapshot.split(":")[0])

    @property
    def end(self) -> int:
        """The number from which on no transaction was seen."""
        return int(self.snapshot.split(":")[1])


@dataclass(frozen=True, slots=True)
class Changes:
    """The heads of the streams that changed. Unless it `is_sure`, others may have gone back."""

    heads: Mapping[str, Place]
    seen: Seen
    is_sure: bool


async def changes(db: AsyncSession, since: Seen | None, check: Check) -> Changes:
    """Return what changed since `since`. The first time nothing, with `is_sure` False."""
    is_sqlite = db.get_bind().dialect.name == "sqlite"
    # Take the snapshot before the changes: a commit between the two is then reported again next time.
    now = Seen("", "", None) if is_sqlite else Seen(*(await db.execute(_SERVER)).one(), None)
    if since is None or since.server != now.server or not await _holds(db, since, check):
        latest = _known(now).order_by(streams.c.changed.desc()).limit(1)
        last = (await db.execute(latest)).first()
        return Changes({}, replace(now, newest=last and _change(last)), False)
    rows = await db.execute(_after(now, since).order_by(streams.c.changed))
    found = [_change(row) for row in rows]
    newest = found[-1] if found else since.newest
    return Changes({each.stream: each.place for each in found}, replace(now, newest=newest), True)


async def _holds(db: AsyncSession, since: Seen, check: Check) -> bool:
    """Tell whether the newest change that was seen is still in the log."""
    try:
        if since.newest is not None:
            await check(db, since.newest.stream, since.newest.place)
    except WentBack:
        return False
    except CursorExpired:
        # The change was pruned in the ordinary way.
        return True
    return True


_SERVER = sa.select(
    sa.cast(sa.func.pg_current_snapshot(), sa.Text),
    sa.func.concat(
        sa.func.pg_postmaster_start_time(), "/", sa.func.pg_relation_filenode(streams.name)
    ),
)


def _known(now: Seen) -> sa.Select[Any]:
    columns = (streams.c.name, streams.c.position, streams.c.mark, streams.c.changed)
    # A number that no transaction has had yet is from another cluster, which the rows came from.
    return sa.select(*columns).where(streams.c.changed < now.end if now.snapshot else sa.true())


def _after(now: Seen, since: Seen) -> sa.Select[Any]:
    if not now.snapshot:
        last = since.newest.number if since.newest else 0
        return _known(now).where(streams.c.changed > last)
    number = sa.cast(sa.cast(streams.c.changed, sa.Text), _Xid)
    was_seen = sa.func.pg_visible_in_snapshot(
        number, sa.cast(sa.cast(since.snapshot, sa.Text), _Snapshot)
    )
    return _known(now).where(streams.c.changed >= since.start, sa.not_(was_seen))


class _Xid(sa.types.UserDefinedType[int]):
    """The number of a transaction, which does not wrap around."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


class _Snapshot(sa.types.UserDefinedType[str]):
    """Which transactions were over at a moment, as text `xmin:xmax:those under way`."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "pg_snapshot"


def _change(row: Any) -> Change:
    return Change(row.name, Place(row.position, row.mark), row.changed)
