"""The private part of aiosqlite that the runtime uses."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

import aiosqlite

T = TypeVar("T")


def do_not_wait_for(connection: aiosqlite.Connection) -> None:
    """Let the process end although this connection is open. SQLAlchemy does the same with those that it opens."""
    connection._thread.daemon = True


def in_thread(
    connection: aiosqlite.Connection, work: Callable[..., T], *given: object
) -> Awaitable[T]:
    """Call a function in the connection's thread, after all that was asked of it before."""
    return cast(Awaitable[T], connection._execute(work, *given))  # type: ignore[no-untyped-call]


def connection_of_thread(connection: aiosqlite.Connection) -> sqlite3.Connection:
    """Return the connection of the standard library, for functions that run in its thread."""
    return connection._conn
