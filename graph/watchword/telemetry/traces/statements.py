"""The spans of database statements: those of SQLAlchemy, and those that `Database.rows` runs without it.

No parameter is recorded, and no literal in a statement's text: code may have written a value into it
(https://opentelemetry.io/docs/specs/semconv/database/database-spans/).
"""

from __future__ import annotations

import re
from collections.abc import Coroutine
from typing import Any

from opentelemetry.trace import Span, SpanKind
from sqlalchemy import Connection, ExceptionContext, event

from watchword.storage.database import Database
from watchword.storage.prepared import Columns, Rows
from watchword.telemetry.traces.tracing import Tracing, ended, fail, recording

LONGEST = 2_000
# A quoted text, or a number that is no part of a name or of a parameter ($1).
_LITERAL = re.compile(r"'(?:[^']|'')*(?:'|\Z)|(?<![\w$\"])\d[\w.]*")
_UNSURE = re.compile(r"\\|\$\w*\$|--|/\*")
_VERB = re.compile(r"\s*(\w+)")
_TABLE = re.compile(r"\b(?:from|into|update|table)\s+\"?(\w+)", re.IGNORECASE)
# The key under which a connection holds the span of the statement that it runs.
_RUNNING = "watchword_span"


class TracedDatabase(Database):
    """A database whose statements have spans, if they belong to a span that records."""

    def __init__(self, url: str, *, tracing: Tracing, **limits: Any) -> None:
        """`limits` are those of a database."""
        super().__init__(url, **limits)
        self._tracing = tracing
        self._system = "sqlite" if self.is_sqlite else "postgresql"
        engine = self.engine.sync_engine
        event.listen(engine, "before_cursor_execute", self._begin)
        event.listen(engine, "after_cursor_execute", self._end)
        event.listen(engine, "handle_error", self._fail)

    def rows(self, statement: Columns, **given: Any) -> Coroutine[Any, Any, Rows]:
        running = super().rows(statement, **given)
        return running if recording() is None else self._recorded(running, statement, given)

    async def _recorded(
        self, running: Coroutine[Any, Any, Rows], statement: Columns, given: dict[str, Any]
    ) -> Rows:
        try:
            prepared, _ = self._statements.prepare(statement, given)
        except Exception:
            # It raises the same when it runs.
            return await running
        with ended(self._start(prepared.sql)):
            return await running

    def _start(self, sql: str) -> Span:
        name = summary(sql)
        attributes = {"db.system.name": self._system, "db.query.summary": name}
        if (shown := without_literals(sql)) is not None:
            attributes["db.query.text"] = shown
        return self._tracing.start(name, SpanKind.CLIENT, attributes)

    def _begin(self, connection: Connection, _cursor: object, sql: str, *_: object) -> None:
        if recording() is not None:
            connection.info[_RUNNING] = self._start(sql)

    def _end(self, connection: Connection, *_: object) -> None:
        if (span := connection.info.pop(_RUNNING, None)) is not None:
            span.end()

    def _fail(self, context: ExceptionContext) -> None:
        connection = context.connection
        if connection is None or connection.invalidated:
            return
        if (span := connection.info.pop(_RUNNING, None)) is not None:
            fail(span, type(context.original_exception).__name__)
            span.end()


def summary(sql: str) -> str:
    """Return what a statement does and to which table, such as `SELECT watchword_accounts`."""
    verb = _VERB.match(sql)
    if verb is None:
        return "statement"
    found = _TABLE.search(sql)
    return f"{verb[1].upper()} {found[1]}" if found else verb[1].upper()


def without_literals(sql: str) -> str | None:
    """Return the text of a statement with a question mark in the place of each literal, shortened.

    Return None if it is not sure what its quotes mean: after a backslash, between dollars, in a comment.
    """
    return None if _UNSURE.search(sql) else _LITERAL.sub("?", sql[:LONGEST])
