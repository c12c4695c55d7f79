"""Find the streams that changed since the last look, and notice a log that went back to an earlier state.

PostgreSQL commits transactions in another order than it numbers them, so a number alone would miss those
that commit late. Each look keeps the server's snapshot, and the next look asks for what that snapshot did
not see. SQLite has one writer at a time, so a counter is enough.

Two checks notice a database that went back to an earlier state. First, the newest change that was seen must
still be there, with its mark. Second, on PostgreSQL, the server's start time and the table's file must be the
same: to go back, a server must be restarted or the table created again. The first check is not enough there,
because either of two concurrent changes may be the later one.
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
"""Raises `CursorExpired` if the log does not continue from a place in a stream."""


@dataclass(frozen=True, slots=True)
class Change:
    """A stream's newest event, and its number among the changes to all streams."""

    stream: str
    place: Place
    number: int


@dataclass(frozen=True, slots=True)
class Look:
    """What one look saw. `snapshot` and `server` are PostgreSQL's, and empty on SQLite."""

    snapshot: str
    server: str
    newest: Change | None

    @property
    def unsure_from(self) -> int:
        """The lowest transaction number that may not have been seen (`xmin`)."""
        return int(self.snapshot.split(":")[0])

    @property
    def unseen_from(self) -> int:
        """The lowest transaction number that cannot have been seen (`xmax`)."""
        return int(self.snapshot.split(":")[1])


@dataclass(frozen=True, slots=True)
class Changes:
    """The heads of the streams that changed. Unless `is_sure`, any other stream may have gone back."""

    heads: Mapping[str, Place]
    look: Look
    is_sure: bool


async def changes(db: AsyncSession, last: Look | None, check: Check) -> Changes:
    """Return the streams that changed since the last look. Without one, return none, and `is_sure` False."""
    is_sqlite = db.get_bind().dialect.name == "sqlite"
    # Take the snapshot first: a commit between it and the query is then reported twice instead of missed.
    now = Look("", "", None) if is_sqlite else Look(*(await db.execute(_SERVER)).one(), None)
    if last is None or last.server != now.server or not await _holds(db, last, check):
        latest = _known(now).order_by(streams.c.changed.desc()).limit(1)
        row = (await db.execute(latest)).first()
        return Changes({}, replace(now, newest=row and _change(row)), False)
    rows = await db.execute(_since(now, last).order_by(streams.c.changed))
    found = [_change(row) for row in rows]
    newest = found[-1] if found else last.newest
    return Changes({each.stream: each.place for each in found}, replace(now, newest=newest), True)


async def _holds(db: AsyncSession, last: Look, check: Check) -> bool:
    """Tell whether the newest change that was seen is still in the log."""
    try:
        if last.newest is not None:
            await check(db, last.newest.stream, last.newest.place)
    except WentBack:
        return False
    except CursorExpired:
        # The change was pruned. The log did not go back.
        return True
    return True


_SERVER = sa.select(
    sa.cast(sa.func.pg_current_snapshot(), sa.Text),
    sa.func.concat(
        sa.func.pg_postmaster_start_time(), "/", sa.func.pg_relation_filenode(streams.name)
    ),
)


def _known(now: Look) -> sa.Select[Any]:
    columns = (streams.c.name, streams.c.position, streams.c.mark, streams.c.changed)
    # Rows restored from another cluster may have numbers that no transaction here has had yet: skip them.
    return sa.select(*columns).where(
        streams.c.changed < now.unseen_from if now.snapshot else sa.true()
    )


def _since(now: Look, last: Look) -> sa.Select[Any]:
    if not now.snapshot:
        number = last.newest.number if last.newest else 0
        return _known(now).where(streams.c.changed > number)
    xid = sa.cast(sa.cast(streams.c.changed, sa.Text), _Xid)
    was_seen = sa.func.pg_visible_in_snapshot(
        xid, sa.cast(sa.cast(last.snapshot, sa.Text), _Snapshot)
    )
    return _known(now).where(streams.c.changed >= last.unsure_from, sa.not_(was_seen))


class _Xid(sa.types.UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction number, which does not wrap around."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


class _Snapshot(sa.types.UserDefinedType[str]):
    """PostgreSQL's snapshot: which transactions had ended at a moment, as `xmin:xmax:running,…`."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "pg_snapshot"


def _change(row: Any) -> Change:
    return Change(row.name, Place(row.position, row.mark), row.changed)
