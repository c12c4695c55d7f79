"""PostgreSQL: statements that take too long, connections that died, and errors without values in them."""

from __future__ import annotations

import re
import time
from typing import Any

from sqlalchemy import Engine, ExceptionContext, event
from sqlalchemy.exc import InvalidatePoolError

# Seconds for which a connection that was given back is lent again without asking whether it still works.
# A connection that the server or the system has closed is noticed without asking.
TRUSTED_SECONDS = 1.0
# SQLSTATE read_only_sql_transaction: the server is a standby, such as a primary after another one took its place.
READ_ONLY = "25006"
_USED_AT = "watchword_used_at"


class StatementTooSlow(Exception):
    """A statement exceeded its time limit while the database answered other statements."""


class Answers:
    """Knows when the database answered last, which distinguishes a slow statement from a dead database.

    Callers retry while the database is unavailable. If a slow statement counted as unavailability, they
    would retry it for ever.
    """

    def __init__(self, limit: float) -> None:
        """`limit` is the time limit of a statement, in seconds."""
        self._limit = limit
        self._newest = float("-inf")
        self._doubted = float("-inf")

    def listen(self, engine: Engine) -> None:
        """Watch an engine's statements and connections."""
        event.listen(engine, "checkout", self._check)
        event.listen(engine, "checkin", self._note)
        event.listen(engine, "after_cursor_execute", self.take)
        event.listen(engine, "handle_error", _hide_values)
        event.listen(engine, "handle_error", _leave_standby)
        event.listen(engine, "handle_error", self._give_up, retval=True)

    def take(self, *_: object) -> None:
        """Record that the database answered a statement."""
        self._newest = time.monotonic()

    def explain(self, late: TimeoutError) -> Exception:
        """Return what it means that a statement got no answer in its time: the error to raise.

        If the database has not answered anything lately, none of the connections is used again: each would
        cost a timeout.
        """
        if time.monotonic() - self._newest > self._limit / 2:
            self._doubted = time.monotonic()
            return late
        return StatementTooSlow(f"a statement took longer than {self._limit:g} s")

    def _give_up(self, context: ExceptionContext) -> StatementTooSlow | None:
        """Discard the connection of a statement that exceeded its limit."""
        late = context.original_exception
        if not isinstance(late, TimeoutError):
            return None
        # The statement may still run: PostgreSQL ends it when its connection closes.
        context.is_disconnect = True
        reason = self.explain(late)
        if not isinstance(reason, StatementTooSlow):
            return None
        context.invalidate_pool_on_disconnect = False
        return reason

    def _check(self, connection: Any, record: Any, _: object) -> None:
        """Raise `InvalidatePoolError` for a connection that does not work any more; SQLAlchemy opens another."""
        used = record.info.get(_USED_AT)
        if used is None:  # it has just been opened
            return
        if connection.driver_connection.is_closed() or used <= self._doubted:
            raise InvalidatePoolError
        if time.monotonic() - used > TRUSTED_SECONDS and not _answers(connection):
            raise InvalidatePoolError

    def _note(self, connection: Any, record: Any) -> None:
        record.info[_USED_AT] = time.monotonic()


def _leave_standby(context: ExceptionContext) -> None:
    """Discard a connection to a server that is read-only. If the URL names the other servers too, the next may find the primary."""
    if getattr(context.original_exception, "sqlstate", None) == READ_ONLY:
        context.is_disconnect, context.invalidate_pool_on_disconnect = True, False


def _answers(connection: Any) -> bool:
    try:
        connection.ping()
    except connection.dbapi.Error:
        return False
    return True


# What PostgreSQL and asyncpg say of a value of the wrong type, up to the value.
_BEFORE_VALUE = re.compile(
    r"(invalid input (?:for query argument|syntax for type|value for enum)[^:]*: ).*", re.DOTALL
)


def _hide_values(context: ExceptionContext) -> None:
    # PostgreSQL's DETAIL shows whole rows, and its messages show values of the wrong type. Secrets in them
    # must not get into logs.
    error: Any = context.sqlalchemy_exception or context.original_exception
    while error is not None:
        if hasattr(error, "sqlstate"):  # asyncpg's own, which says the detail with its message
            error.detail = None
        error.args = tuple(map(_without_values, error.args))
        error = getattr(error, "orig", None) or error.__cause__


def _without_values(part: object) -> object:
    if not isinstance(part, str):
        return part
    return _BEFORE_VALUE.sub(r"\1[hidden]", part.partition("\nDETAIL:")[0])
