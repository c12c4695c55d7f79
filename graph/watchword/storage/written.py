"""Notes which tables a transaction writes: through the ORM, in bulk, as text, or by a foreign key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Delete, Engine, MetaData, Table, TextClause, UpdateBase, event
from sqlalchemy.ext.asyncio import AsyncSession

# The execution option of a connection that holds the names of the tables that its transaction has written.
OPTION = "watchword_written"

# What a foreign key does to the rows that refer to a deleted one, if it changes them.
_CHANGES = frozenset({"CASCADE", "SET NULL", "SET DEFAULT"})
_NAME = r'(?:"[^"]+"|`[^`]+`|\[[^\]]+\]|\w+)'
_TABLE = rf"(?:{_NAME}\s*\.\s*)?{_NAME}"
# These words may stand anywhere in a text: after WITH, within it, or in a block of code.
_WRITING = re.compile(
    r"\b(?:insert\s+(?:or\s+\w+\s+)?into|replace\s+into|update(?:\s+or\s+\w+)?|delete\s+from|merge\s+into"
    rf"|truncate(?:\s+table)?)\s+(?:only\s+)?({_TABLE}(?:\s*,\s*{_TABLE})*)",
    re.IGNORECASE,
)
_LAST_NAME = re.compile(rf"(?:{_NAME}\s*\.\s*)?({_NAME})")
# Comments and texts within a statement, where these words write nothing.
_QUOTED = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.DOTALL)


def listen(engine: Engine) -> None:
    """Note the tables that statements on this engine write, in transactions that have the option."""
    event.listen(engine, "after_cursor_execute", _note)


async def written(db: AsyncSession) -> frozenset[str]:
    """Write the session's changed objects, and return the names of the tables that its transaction has written.

    A statement that changed no row wrote nothing. A deleted row counts as a write of the tables whose foreign keys
    would change with it, as far as SQLAlchemy knows them. What triggers write is not known.
    """
    await db.flush()
    connection = (await db.connection()).sync_connection
    options = {} if connection is None else connection.get_execution_options()
    return frozenset(options.get(OPTION, ()))


def _note(
    connection: Connection,
    cursor: Any,
    text: str,
    _params: object,
    context: Any,
    _many: bool,
) -> None:
    tables: set[str] | None = connection.get_execution_options().get(OPTION)
    if tables is None:
        return
    statement = context.invoked_statement
    if statement is None or isinstance(statement, TextClause):
        tables.update(of_text(text, cursor.rowcount))
        return
    # The number of rows is -1 where the driver does not tell it.
    if isinstance(statement, UpdateBase) and cursor.rowcount != 0:
        tables.update(_of_statement(statement))
    for within in getattr(context.compiled, "ctes", None) or ():
        if isinstance(within.element, UpdateBase):
            tables.update(_of_statement(within.element))


def _of_statement(statement: UpdateBase) -> Iterator[str]:
    table = statement.table
    if isinstance(table, Table):
        yield table.name
        if isinstance(statement, Delete):
            yield from _changed_with(table.metadata, table.key)


@lru_cache
def _changed_with(metadata: MetaData, deleted: str) -> frozenset[str]:
    """Return the tables whose rows a foreign key may change when rows of a table are deleted."""
    found, left = set[str](), [deleted]
    while left:
        referred = metadata.tables[left.pop()]
        for table in metadata.tables.values():
            rules = _on_delete(table, referred)
            if rules & _CHANGES and table.name not in found:
                found.add(table.name)
                left += [table.key] if "CASCADE" in rules else []
    return frozenset(found)


def _on_delete(table: Table, referred: Table) -> set[str]:
    keys = (each for each in table.foreign_key_constraints if each.referred_table is referred)
    return {(each.ondelete or "").upper() for each in keys}


def of_text(text: str, rows: int) -> Iterator[str]:
    """Yield the tables that a text of SQL writes, unless it begins with writing and has changed no row."""
    plain = _QUOTED.sub(" ", text).lstrip()
    for found in _WRITING.finditer(plain):
        # The rows of any other statement are those that it selects.
        if found.start() or rows:
            yield from (name.strip('"`[]') for name in _LAST_NAME.findall(found[1]))
