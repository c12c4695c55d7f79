"""SQLite: a cursor that asks its connection's thread once for a statement.

The driver's own cursor asks it four times: to make the cursor, to run the statement, to fetch the rows, and to close
the cursor. While the event loop is busy, each time costs a turn of it.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable
from typing import Any

import aiosqlite

from watchword.libraries.aiosqlite_parts import connection_of_thread, in_thread

# Rows that are fetched together with the statement. More take other turns of the thread.
FETCHED = 500


class StatementCursor:
    """A driver's cursor: it runs a statement, fetches its first rows, and closes itself if there are no more, in one
    turn of the thread."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        """Nothing is asked of the thread before the first statement."""
        self.arraysize = 1
        self._connection = connection
        self._cursor: sqlite3.Cursor | None = None
        self._rows: deque[Any] = deque()
        # Whether the thread runs the statement, or rows are left that were not fetched.
        self._is_open = False

    def __await__(self) -> Generator[Any, None, StatementCursor]:
        yield from ()
        return self

    async def __aenter__(self) -> StatementCursor:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def __aiter__(self) -> AsyncIterator[Any]:
        while rows := await self.fetchmany(FETCHED):
            for row in rows:
                yield row

    @property
    def description(self) -> Any:
        """The columns of the rows; None if the statement has none."""
        return None if self._cursor is None else self._cursor.description

    @property
    def rowcount(self) -> int:
        """How many rows the statement wrote; -1 if it wrote none."""
        return -1 if self._cursor is None else self._cursor.rowcount

    @property
    def lastrowid(self) -> int | None:
        """The id of the last row that was inserted."""
        return None if self._cursor is None else self._cursor.lastrowid

    async def execute(self, sql: str, parameters: Iterable[Any] | None = None) -> StatementCursor:
        """Run a statement, and fetch its first rows."""
        return await self._begin("execute", sql, () if parameters is None else parameters)

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> StatementCursor:
        """Run a statement for each set of parameters."""
        return await self._begin("executemany", sql, parameters)

    async def fetchone(self) -> Any:
        """Return the next row; None if there are no more."""
        return next(iter(await self.fetchmany(1)), None)

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        """Return the next rows, at most so many."""
        size = self.arraysize if size is None else size
        if self._is_open and len(self._rows) < size:
            await self._ask(self._fetch, max(size - len(self._rows), FETCHED))
        return [self._rows.popleft() for _ in range(min(size, len(self._rows)))]

    async def fetchall(self) -> list[Any]:
        """Return all rows that are left."""
        if self._is_open:
            await self._ask(self._fetch, None)
        rows, self._rows = self._rows, deque()
        return [*rows]

    async def close(self) -> None:
        """Forget the rows that are left."""
        self._rows.clear()
        # If the caller was cancelled, the thread may still run the statement: it closes the cursor after that.
        if self._is_open:
            await self._ask(self._end)

    async def _begin(self, method: str, sql: str, parameters: Any) -> StatementCursor:
        self._is_open = True
        await self._ask(self._run, method, sql, parameters)
        return self

    def _ask(self, work: Callable[..., None], *given: object) -> Awaitable[None]:
        return in_thread(self._connection, work, *given)

    # In the connection's thread.

    def _run(self, method: str, sql: str, parameters: Any) -> None:
        self._end()
        cursor = connection_of_thread(self._connection).cursor()
        self._cursor, self._is_open = cursor, True
        try:
            getattr(cursor, method)(sql, parameters)
            self._fetch(FETCHED)
        except BaseException:
            self._end()
            raise

    def _end(self) -> None:
        self._is_open = False
        self._rows.clear()
        if self._cursor is not None:
            self._cursor.close()

    def _fetch(self, most: int | None) -> None:
        cursor = self._cursor
        assert cursor is not None, "a statement was run"
        found = cursor.fetchall() if most is None else cursor.fetchmany(most)
        self._rows.extend(found)
        self._is_open = most is not None and len(found) == most
        if not self._is_open:
            # It keeps the description, the last row's id and the count of rows.
            cursor.close()
