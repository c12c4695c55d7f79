"""SQLite: how its connections are opened, begun and given back."""

from __future__ import annotations

import errno
import os
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import PoolResetState


def listen(engine: Engine) -> None:
    """Prepare an engine's connections to SQLite, in files that only their owner can read."""
    event.listen(engine, "do_connect", _check_file)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "reset", _reset)


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
