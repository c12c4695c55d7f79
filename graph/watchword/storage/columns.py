"""Times: a column type that works the same on SQLite and PostgreSQL, and times from clients."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, TypeDecorator

from watchword.errors import BadUserInput


class UtcDateTime(TypeDecorator[datetime]):
    """A column of aware datetimes, stored in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        return datetime

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


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
