"""Errors as the database layer raises them while its server cannot be asked."""

from __future__ import annotations

from typing import TypeVar

from watchword.storage.database import mark_unavailable

E = TypeVar("E", bound=BaseException)


def away(error: E) -> E:
    """Return an error as one of our own database."""
    mark_unavailable(error)
    return error
