"""The private part of aiosqlite that the runtime uses."""

from __future__ import annotations

import aiosqlite


def do_not_wait_for(connection: aiosqlite.Connection) -> None:
    """Let the process end although this connection is open. SQLAlchemy does the same with those that it opens."""
    connection._thread.daemon = True
