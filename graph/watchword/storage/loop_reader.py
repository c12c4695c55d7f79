"""SQLite: short reads on the event loop's own thread.

Reading a few rows by an index takes less time than handing the statement to another thread and its rows back.
In WAL mode a reader waits for no writer. A read that turns out to be long is given up after about a millisecond
and belongs to a thread, and so does its statement for the next seconds.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from watchword.storage.prepared import Prepared

# SQLite counts the instructions of its virtual machine; a thousand take about 40 µs. A read is given up
# after this many turns of this many instructions.
INSTRUCTIONS = 5_000
MOST_TURNS = 5
# A statement counts as long too if its reads take longer than this, because the disk is slow. It must happen
# twice in succession: on a busy machine, any read may be interrupted by other processes.
SLOW_SECONDS = 0.01
# Seconds for which the statement of a long read is left to threads.
LONG_SECONDS = 5.0
KEPT_STATEMENTS = 256


class LoopReader:
    """A connection for reading, which never waits for a lock and cannot write."""

    def __init__(self, path: str) -> None:
        """`path` is the file of the database. It is opened at the first read."""
        self._uri = f"file:{quote(path)}?mode=rw"
        self._connection: sqlite3.Connection | None = None
        self._turns = 0

    def read(self, prepared: Prepared, values: Sequence[Any]) -> list[Any] | None:
        """Return the driver's rows of a statement. Returns None if a thread has to run it, and report its errors."""
        began = time.monotonic()
        if began < prepared.long_until:
            return None
        self._turns = 0
        try:
            connection = self._connection or self._open()
            found = connection.execute(prepared.sql, values).fetchall()
        except sqlite3.Error:
            if self._turns > MOST_TURNS:
                prepared.long_until = began + LONG_SECONDS
            return None
        is_slow = time.monotonic() - began > SLOW_SECONDS
        if is_slow and prepared.was_slow:
            prepared.long_until = began + LONG_SECONDS
        prepared.was_slow = is_slow
        return found

    def close(self) -> None:
        """Close the connection. Another read opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._uri,
            uri=True,
            timeout=0,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=KEPT_STATEMENTS,
        )
        connection.execute("PRAGMA query_only = ON")
        connection.set_progress_handler(self._is_long, INSTRUCTIONS)
        self._connection = connection
        return connection

    def _is_long(self) -> bool:
        self._turns += 1
        return self._turns > MOST_TURNS


def loop_reader(path: str | None) -> LoopReader | None:
    """Return a reader of a database in a file; None for one that is in the memory of its connection, or a URI."""
    if not path or path == ":memory:" or path.startswith("file:"):
        return None
    return LoopReader(path)
