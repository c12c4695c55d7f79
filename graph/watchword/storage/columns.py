"""Times: a column type that works the same on SQLite and PostgreSQL, and times from clients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import DateTime, Dialect, TypeDecorator

from watchword.errors import BadUserInput

# The times that were read last from SQLite are kept.
MOST_KEPT = 4_096


class UtcDateTime(TypeDecorator[datetime]):
    """A column of aware datetimes, stored in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        return datetime

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[Any], datetime | None] | None:
        # asyncpg returns aware datetimes in UTC. Each step in Python would cost more than reading the row.
        return _from_text if dialect.name == "sqlite" else None


# Reading a time costs six times as much as finding it, and lists read the same rows again and again.
@lru_cache(MOST_KEPT)
def _from_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value + "+00:00")


def checked_moment(value: datetime, path: Sequence[str | int]) -> datetime:
    """Convert a client's datetime to UTC; one without a time zone is taken as UTC.

    Raises `BadUserInput` naming `path` when it is before the year 1 or after the year 9999 in UTC.
    """
    aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value
    try:
        return aware.astimezone(UTC)
    except OverflowError:
        raise BadUserInput(f"{path[-1]} is beyond the years 1 to 9999.", path) from None


def moment(seconds: float) -> datetime:
    """Convert Unix seconds to an aware datetime in UTC."""
    return datetime.fromtimestamp(seconds, UTC)
