"""Errors as the database layer raises them while its server is unavailable."""

from __future__ import annotations

from typing import TypeVar

from watchword.storage.database import mark_unavailable

E = TypeVar("E", bound=BaseException)


def away(error: E) -> E:
    """Mark an error as one of our own database that is unavailable."""
    mark_unavailable(error)
    return error
