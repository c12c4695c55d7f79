"""The tables of the last release, as its servers know them: they run beside the new ones for a while.

`python -m tests.support.last_release` writes them down anew, when a release is made.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, MetaData, inspect

import incident_room
from tests.support.migrations import upgrade_to
from watchword.bootstrap import packages
from watchword.domain import Mount
from watchword.storage.database import Database

FILE = Path(__file__).with_name("last_release.json")
PACKAGES = packages(Mount(incident_room.schema, incident_room.domain))
NOW = datetime(2026, 1, 1, tzinfo=UTC)

Tables = dict[str, dict[str, str]]
"""The type of each column of each table, with NOT NULL where it says so, as SQLite has them."""


def last_release() -> Tables:
    """Return the tables of the last release."""
    read: dict[str, Any] = json.loads(FILE.read_text())
    return dict(read["tables"])


def revisions() -> dict[str, str | None]:
    """Return the newest revision of each package in the file."""
    return dict(json.loads(FILE.read_text())["revisions"])


def tables(connection: Connection) -> Tables:
    """Return the tables of a database."""
    found = inspect(connection)
    return {
        name: {
            column["name"]: f"{column['type']}{'' if column['nullable'] else ' NOT NULL'}"
            for column in found.get_columns(name)
        }
        for name in sorted(found.get_table_names())
        if not name.endswith("_version")
    }


def write_rows(connection: Connection, known: Tables) -> None:
    """Write two rows into each table, naming only the columns that are known.

    Ids are equal in all tables, so that what refers to a row finds it.
    """
    metadata = MetaData()
    metadata.reflect(connection)
    for table in metadata.sorted_tables:
        if table.name in known:
            for number in (1, 2):
                columns = [c for c in table.columns if c.name in known[table.name]]
                values = {c.name: _value(c, number) for c in columns}
                connection.execute(table.insert().values(values))


def _value(column: sa.Column[Any], number: int) -> Any:
    match column.type:
        case sa.Boolean():
            return True
        case sa.DateTime():
            return NOW if column.type.timezone else NOW.replace(tzinfo=None)
        case sa.JSON():
            return []
        case sa.LargeBinary():
            return b"\0\xff"
        case sa.Integer():
            return number
    return str(number)


async def _write() -> None:
    with TemporaryDirectory() as home:
        database = Database(f"sqlite+aiosqlite:///{home}/last.db")
        for package in PACKAGES:
            await upgrade_to(database, package, str(package.last_release))
        async with database.engine.connect() as connection:
            found = await connection.run_sync(tables)
        await database.close()
    made = {"revisions": {p.package: p.last_release for p in PACKAGES}, "tables": found}
    FILE.write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    asyncio.run(_write())
