"""The SQL statements that a database runs, in sessions and outside of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from watchword.storage.database import Database

# What SQLAlchemy and the drivers do for themselves.
OWN = ("BEGIN", "SELECT pg_catalog", "select pg_catalog", "show ")


@contextmanager
def recorded(database: Database) -> Iterator[list[str]]:
    """Yield a list that gets each statement that runs in the block, without BEGIN, COMMIT and ROLLBACK."""
    seen: list[str] = []

    def note(*arguments: Any) -> None:
        if not arguments[2].startswith(OWN):
            seen.append(arguments[2])

    prepare = database._statements.prepare

    def noting(statement: Any, given: Any) -> Any:
        prepared, values = prepare(statement, given)
        seen.append(prepared.sql)
        return prepared, values

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    database._statements.prepare = noting  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
        database._statements.prepare = prepare  # type: ignore[method-assign]
