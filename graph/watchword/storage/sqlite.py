"""SQLite: how its connections are opened, begun and given back."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
from functools import partial
from typing import Any

import aiosqlite
from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import PoolResetState

from watchword.libraries.aiosqlite_parts import do_not_wait_for
from watchword.storage.sqlite_cursor import StatementCursor

# The driver's own default: rows that a cursor fetches in one turn of its thread.
ROWS_AT_ONCE = 64


class Stopping:
    """The closed connections of one engine. Their threads were told to stop, and may still run.

    A thread that ends after its event loop was closed fails, and prints a traceback.
    """

    def __init__(self) -> None:
        self._futures: set[asyncio.Future[Any]] = set()

    def open(self, path: str, **options: Any) -> aiosqlite.Connection:
        """Return a connection that is not connected yet. `options` are those of `sqlite3.connect`."""
        driver = _Driver(partial(sqlite3.connect, path, **options), self._futures)
        do_not_wait_for(driver)
        return driver

    async def wait(self) -> None:
        """Wait until each connection that was told to stop has stopped."""
        loop = asyncio.get_running_loop()
        if ours := {future for future in self._futures if future.get_loop() is loop}:
            await asyncio.wait(ours)


class _Driver(aiosqlite.Connection):
    """A connection that tells when its thread has stopped, even if the task that used it was cancelled."""

    def __init__(
        self, connector: partial[sqlite3.Connection], stopping: set[asyncio.Future[Any]]
    ) -> None:
        super().__init__(connector, ROWS_AT_ONCE)
        self._stopping = stopping
        self._stopped: asyncio.Future[Any] | None = None

    def cursor(self) -> StatementCursor:  # type: ignore[override]
        return StatementCursor(self)

    def stop(self) -> asyncio.Future[Any] | None:
        # The thread ends at the first request, so the future of a second one would never be done.
        if self._stopped is None and (stopped := super().stop()) is not None:
            self._stopped = stopped
            self._stopping.add(stopped)
            stopped.add_done_callback(self._stopping.discard)
        return self._stopped


def listen(engine: Engine) -> Stopping:
    """Prepare an engine's connections to SQLite, in files that only their owner can read.

    Returns what waits for those that stop.
    """
    stopping = Stopping()

    @event.listens_for(engine, "do_connect")
    def choose_driver(
        _dialect: object, _record: object, _arguments: object, named: dict[str, Any]
    ) -> None:
        named["async_creator_fn"] = stopping.open

    event.listen(engine, "do_connect", _check_file)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "reset", _reset)
    return stopping


def _check_file(_dialect: object, _record: object, arguments: list[Any], _named: object) -> None:
    # Check here: the driver's thread reports such an error late, to an event loop that may be closed.
    path = str(arguments[0])
    if path == ":memory:" or path.startswith("file:"):
        return
    # Do not open an existing file: closing it would drop this process's locks on it (POSIX), and the next
    # process that exits would delete the write-ahead log while this one uses it.
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not os.path.exists(path):
        _make_file(path)
    elif not os.access(path, os.R_OK | os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)


def _make_file(path: str) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        pass  # another process was faster
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None


def _prepare(connection: Any, _record: object) -> None:
    # Keep the driver from opening transactions: a writer must take its lock at the start, or two
    # transactions that read first and then write fail with "database is locked".
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def _reset(connection: Any, _record: object, state: PoolResetState) -> None:
    # A rollback is a turn of the connection's thread. Most connections come back without a transaction.
    if not state.terminate_only and connection.driver_connection.in_transaction:
        connection.rollback()
