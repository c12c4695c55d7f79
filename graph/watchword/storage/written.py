"""Notes which tables a transaction writes, through the ORM, in bulk or as text."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection, Engine, TextClause, UpdateBase, event
from sqlalchemy.ext.asyncio import AsyncSession

# The execution option of a connection that holds the names of the tables that its transaction has written.
OPTION = "watchword_written"

_WRITING = re.compile(
    r"\s*(?:insert\s+(?:or\s+\w+\s+)?into|replace\s+into|update(?:\s+or\s+\w+)?|delete\s+from|merge\s+into|truncate)"
    r"\s+(?:table\s+|only\s+)*(?:\"?\w+\"?\.)?\"?(\w+)",
    re.IGNORECASE,
)


def listen(engine: Engine) -> None:
    """Note the tables that statements on this engine write, in transactions that have the option."""
    event.listen(engine, "after_execute", _note)


async def written(db: AsyncSession) -> frozenset[str]:
    """Write the session's changed objects, and return the names of the tables that its transaction has written.

    A statement that changed no row wrote nothing.
    """
    await db.flush()
    connection = (await db.connection()).sync_connection
    options = {} if connection is None else connection.get_execution_options()
    return frozenset(options.get(OPTION, ()))


def _note(
    connection: Connection,
    statement: Any,
    _many: object,
    _params: object,
    _options: object,
    result: Any,
) -> None:
    if not isinstance(statement, UpdateBase | TextClause):
        return
    tables: set[str] | None = connection.get_execution_options().get(OPTION)
    # The number of rows is -1 where the driver does not tell it.
    if tables is not None and result.rowcount != 0 and (name := _table(statement)):
        tables.add(name)


def _table(statement: UpdateBase | TextClause) -> str | None:
    if isinstance(statement, TextClause):
        found = _WRITING.match(statement.text)
        return found[1] if found else None
    return getattr(statement.table, "name", None)
