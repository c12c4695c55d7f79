"""The spans of database statements: those of SQLAlchemy, and those that `Database.rows` runs without it.

No parameter is recorded, and no literal in a statement's text: code may have written a value into it
(https://opentelemetry.io/docs/specs/semconv/database/database-spans/).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Literal

from opentelemetry.trace import Span, SpanKind
from sqlalchemy import event
from sqlalchemy.engine import ExecutionContext

from watchword.storage.database import Database
from watchword.storage.prepared import Columns, Rows
from watchword.telemetry.traces.tracing import Tracing, ended, is_traced

LONGEST = 2_000
# A quoted text, or a number that is no part of a name or of a parameter ($1).
_LITERAL = re.compile(r"'(?:[^']|'')*(?:'|\Z)|(?<![\w$\"])\d[\w.]*")
_UNSURE = re.compile(r"\\|\$\w*\$|--|/\*")
_VERB = re.compile(r"\s*(\w+)")
_TABLE = re.compile(r"\b(?:from|into|update|table)\s+\"?(\w+)", re.IGNORECASE)


class TracedDatabase(Database):
    """A database that makes spans of statements below a span that records."""

    def __init__(self, url: str, *, tracing: Tracing, **limits: Any) -> None:
        """`limits` are those of a database."""
        super().__init__(url, **limits)
        self._tracing = tracing
        self._system = "sqlite" if self.is_sqlite else "postgresql"
        engine = self.engine.sync_engine
        for kind in ("do_execute", "do_executemany"):
            event.listen(engine, kind, partial(self._execute, getattr(engine.dialect, kind)))
        event.listen(engine, "do_execute_no_params", self._execute_without_parameters)

    def rows(self, statement: Columns, **given: Any) -> Coroutine[Any, Any, Rows]:
        running = super().rows(statement, **given)
        return self._recorded(running, statement, given) if is_traced() else running

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

    def _execute(
        self,
        run: Callable[[Any, str, Any, ExecutionContext], None],
        cursor: Any,
        sql: str,
        parameters: Any,
        context: ExecutionContext,
    ) -> Literal[True] | None:
        """Run a statement inside a span, and tell SQLAlchemy that it was run; or leave it to SQLAlchemy."""
        if not is_traced():
            return None
        with ended(self._start(sql)):
            run(cursor, sql, parameters, context)
        return True

    def _execute_without_parameters(
        self, cursor: Any, sql: str, context: ExecutionContext
    ) -> Literal[True] | None:
        if not is_traced():
            return None
        with ended(self._start(sql)):
            context.dialect.do_execute_no_params(cursor, sql, context)
        return True


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
