"""A rolling upgrade: servers of the last release read and write the tables that this one has migrated."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError

from incident_room.tables import Base as IncidentBase
from tests.support import last_release
from tests.support.last_release import PACKAGES, Tables, tables, write_rows
from tests.support.migrations import upgrade_to
from tests.support.server import LiveServer, live_server
from watchword.auth.tables import Base
from watchword.events.log.tables import epochs, events, streams
from watchword.storage.database import Database
from watchword.storage.migration import upgrade
from watchword.storage.packages import note
from watchword.storage.used_ids import used_ids

# The index on the streams is of an expression.
pytestmark = pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression")

LAST = last_release.last_release()


def read_everything(connection: Connection) -> int:
    """Read every row as this release does; return how many there are."""
    mapped = [m.class_.__table__ for b in (Base, IncidentBase) for m in b.registry.mappers]
    found = [
        connection.execute(select(t)).all() for t in (*mapped, epochs, events, streams, used_ids)
    ]
    return sum(map(len, found))


def count_everything(connection: Connection) -> int:
    """Count the rows without naming a column, which the last release may not have."""
    names = tables(connection).keys() - {"watchword_packages"}
    counts = [connection.execute(text(f'SELECT count(*) FROM "{name}"')) for name in names]
    return sum(int(count.scalar_one()) for count in counts)


def lost(connection: Connection, last: Tables) -> list[str]:
    """Return the columns that servers of the last release would miss, or find to be something else."""
    now = tables(connection)
    return [
        f"{table}.{column}"
        for table, columns in last.items()
        for column, type in columns.items()
        if now.get(table, {}).get(column) != type
    ]


def test_the_file_is_of_the_last_release() -> None:
    assert last_release.revisions() == {p.package: p.last_release for p in PACKAGES}


async def test_no_column_of_the_last_release_is_gone_or_changed(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    async with database.engine.connect() as connection:
        assert await connection.run_sync(lost, LAST) == []
    await database.close()


async def test_what_servers_of_the_last_release_write_is_read_by_this_one(
    database: Database,
) -> None:
    async with database.engine.begin() as connection:
        before = await connection.run_sync(read_everything)
        await connection.run_sync(write_rows, LAST)
        written = sum(2 for table in LAST if table != "watchword_packages")
        assert await connection.run_sync(read_everything) == before + written


async def test_rows_of_the_last_release_are_there_after_the_upgrade(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'last.db'}")
    for package in PACKAGES:
        await upgrade_to(database, package, str(package.last_release))
    async with database.engine.begin() as connection:
        for package in PACKAGES:
            await connection.run_sync(note, package)
        await connection.run_sync(write_rows, LAST)
        before = await connection.run_sync(count_everything)
    await upgrade(database, PACKAGES)
    async with database.engine.connect() as connection:
        assert await connection.run_sync(read_everything) == before
    await database.close()


@pytest.mark.parametrize(
    "change",
    [
        "DROP TABLE watchword_used_ids",
        "ALTER TABLE watchword_accounts RENAME COLUMN name TO full_name",
        "ALTER TABLE incidents DROP COLUMN shortlink",
        "ALTER TABLE watchword_sessions ADD COLUMN place VARCHAR(20) NOT NULL DEFAULT (1 / 0)",
        "CREATE TRIGGER t BEFORE INSERT ON components BEGIN SELECT RAISE(ABORT, 'no'); END",
    ],
)
async def test_a_change_that_the_last_release_cannot_live_with_is_found(
    change: str, sqlite_url: str
) -> None:
    database = Database(sqlite_url)
    async with database.write() as db:
        await db.execute(text(change))
    async with database.engine.connect() as connection:
        try:
            await connection.run_sync(write_rows, LAST)
            assert await connection.run_sync(lost, LAST)
        except DBAPIError:
            pass
    await database.close()


# As a next release may do it: a column that may be null, one with a default, a table, an index.
NEXT = (
    *(f"ALTER TABLE {table} ADD COLUMN later VARCHAR(20)" for table in LAST),
    "ALTER TABLE watchword_sessions ADD COLUMN place VARCHAR(20) DEFAULT '' NOT NULL",
    "CREATE TABLE watchword_later (id INTEGER PRIMARY KEY, account VARCHAR(32) REFERENCES watchword_accounts (id))",
    "CREATE INDEX ix_later ON watchword_sessions (place)",
    "UPDATE watchword_version SET version_num = '9999'",
    "UPDATE incident_room_version SET version_num = '9999'",
)


@pytest.mark.parametrize(
    "database_url",
    [pytest.param("sqlite", marks=pytest.mark.exhaustive), "postgresql"],
    indirect=True,
)
async def test_servers_work_before_and_after_the_next_release_migrates(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    with live_server(tmp_path, database_url) as running:
        token = await sign_in(running)
        await use(running, token, "before")
        async with database.write() as db:
            for statement in NEXT:
                await db.execute(text(statement))
        await use(running, token, "migrated under it")
        # As it would after a crash.
        with live_server(tmp_path, database_url) as started:
            assert started.log.count("from a later release") == 2
            await use(started, token, "by a token from before")
            await use(started, await sign_in(started), "by one of its own")
            await use(running, token, "beside another")


async def sign_in(server: LiveServer) -> str:
    async with httpx2.AsyncClient(base_url=server.url) as client:
        shown = {"email": server.email, "password": server.password}
        answer = await client.post("/api/auth/login", json=shown)
    return str(answer.json()["access_token"])


async def use(server: LiveServer, token: str, name: str) -> None:
    """Write a component, and read what is in several tables."""
    headers = {"authorization": f"Bearer {token}"}
    add = "mutation Add($input: RegisterComponentInput!) { registerComponent(input: $input) { name } }"
    read = "{ components { name } sessions { id } consents { client } }"
    async with httpx2.AsyncClient(base_url=server.url, headers=headers) as client:
        asked = {"query": add, "variables": {"input": {"name": name}}}
        answer = await client.post("/graphql", json=asked)
        assert answer.json()["data"] == {"registerComponent": {"name": name}}
        answer = await client.post("/graphql", json={"query": read})
        assert name in {component["name"] for component in answer.json()["data"]["components"]}
