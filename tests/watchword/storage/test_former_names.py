"""The renaming of a database from before the prefix: every name, every row, and nothing of anybody else's."""

from __future__ import annotations

import asyncio
import re
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.exc import DBAPIError, IntegrityError

import incident_room
from incident_room.tables import Base as IncidentBase
from tests.support.last_release import PACKAGES, tables, write_rows
from tests.support.migrations import upgrade_to
from tests.watchword.auth.test_tables import differences
from watchword.auth.tables import Base
from watchword.connections import tables as connections
from watchword.storage import used_ids
from watchword.storage.database import Database
from watchword.storage.former_names import INCIDENT_ROOM, RUNTIME_TABLES, VERSION, rename
from watchword.storage.migration import pending, upgrade
from watchword.storage.packages import Migrations

FORMER = Migrations("tests.support.former_versions", "graph_version")
FORMER_ROOM = Migrations("incident_room.migrations", "schema_version")
# The index on the streams is of an expression.
pytestmark = pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression")


@pytest.fixture(params=["sqlite", "postgresql"])
async def empty(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database without any table."""
    name = f"watchword_{secrets.token_hex(8)}"
    if request.param == "sqlite":
        made = Database(f"sqlite+aiosqlite:///{tmp_path / name}.db")
    else:
        server = request.getfixturevalue("postgres_server")
        await _administer(server, f"CREATE DATABASE {name}")
        url = server.replace("postgresql:", "postgresql+asyncpg:")
        made = Database(f"{url.rpartition('/')[0]}/{name}")
    yield made
    await made.close()
    if request.param == "postgresql":
        await _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def fresh_url(request: pytest.FixtureRequest, empty: Database) -> str:
    kind = "sqlite_url" if empty.is_sqlite else "postgres_url"
    return str(request.getfixturevalue(kind))


@pytest.fixture
async def fresh(fresh_url: str) -> AsyncIterator[Database]:
    """A database of the same kind that never had the former names."""
    made = Database(fresh_url)
    yield made
    await made.close()


async def _administer(server: str, statement: str) -> None:
    connection = await asyncpg.connect(server)
    await connection.execute(statement)
    await connection.close()


async def make_former(database: Database, revision: str, room: str | None = "0002") -> None:
    """Make the tables of a release before the prefix, with two rows in each."""
    await upgrade_to(database, FORMER, revision)
    if room:
        await upgrade_to(database, FORMER_ROOM, room)
    async with database.engine.begin() as connection:
        await connection.run_sync(lambda sync: write_rows(sync, tables(sync)))


def _reflected(connection: Connection) -> MetaData:
    metadata = MetaData()
    metadata.reflect(connection)
    return metadata


async def rows(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    def read(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
        return {
            name: sorted((tuple(row) for row in connection.execute(table.select())), key=repr)
            for name, table in _reflected(connection).tables.items()
        }

    async with database.engine.connect() as connection:
        return await connection.run_sync(read)


async def made(database: Database) -> set[str]:
    """Return everything that is in the database by its name: tables, indexes, constraints, triggers, …"""
    queries = ["SELECT sql FROM sqlite_master"] if database.is_sqlite else POSTGRESQL
    async with database.read() as db:
        found = [(await db.execute(text(query))).scalars().all() for query in queries]
    # Alembic writes the constraints of a table that it copies in any order.
    return {
        ",".join(sorted(re.split(r"[,()]", re.sub(r'["\s]', "", name or ""))))
        for each in found
        for name in each
    }


POSTGRESQL = [
    "SELECT relkind::text || relname FROM pg_class WHERE relnamespace = 'public'::regnamespace",
    "SELECT conrelid::regclass || '.' || conname FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace AND conrelid > 0",
    "SELECT tgrelid::regclass || '.' || tgname FROM pg_trigger WHERE NOT tgisinternal",
    "SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "SELECT table_name || '.' || column_name || column_default FROM information_schema.columns"
    " WHERE table_schema = 'public' AND column_default IS NOT NULL",
]


def _differences(connection: Connection) -> list[Any]:
    metadatas = (Base, IncidentBase, used_ids, connections)
    return [difference for each in metadatas for difference in differences(connection, each)]


REVISIONS = [
    pytest.param(each, marks=pytest.mark.exhaustive) if each in {"0002", "0004"} else each
    for each in RUNTIME_TABLES
]


@pytest.mark.parametrize("revision", REVISIONS)
async def test_every_name_and_row_of_every_revision_follows(
    revision: str, empty: Database, fresh: Database
) -> None:
    await make_former(empty, revision, "0001" if revision == "0001" else "0002")
    before = await rows(empty)
    assert await pending(empty, PACKAGES) == [p.package for p in PACKAGES]
    await upgrade(empty, PACKAGES)
    assert await pending(empty, PACKAGES) == []
    after = await rows(empty)
    async with empty.engine.connect() as connection:
        assert await connection.run_sync(_differences) == []
    for table in RUNTIME_TABLES[revision] - {"challenges"}:
        kept = after.pop(f"watchword_{table}")
        # Later revisions add columns at the end, and 0004 puts right what is not kept any more.
        width = 2 if table == "log_streams" else len(before[table][0])
        assert [row[:width] for row in kept] == [row[:width] for row in before[table]]
    assert {"1", "2"} == {row[0] for row in after["incidents"]}
    assert after[VERSION] == [("0008",)]
    assert after[INCIDENT_ROOM[1]] == [("0004",)]
    assert await made(empty) == await made(fresh)
    await _audit_entries_are_kept(empty)


async def _audit_entries_are_kept(database: Database) -> None:
    entry = "INSERT INTO watchword_audit_entries (position, at, action, address, detail)"
    async with database.write() as db:
        await db.execute(text(f"{entry} VALUES (99, '2026-01-01 00:00:00', 'x', '', '{{}}')"))
    for change in (
        "UPDATE watchword_audit_entries SET actor = 'x'",
        "DELETE FROM watchword_audit_entries",
    ):
        with pytest.raises(DBAPIError, match="audit entries are kept"):
            async with database.write() as db:
                await db.execute(text(change))


async def test_what_refers_to_a_table_follows_it(empty: Database) -> None:
    """A domain's foreign keys, its view and its trigger; and rows that refer to nobody are refused."""
    await make_former(empty, "0005")
    async with empty.write() as db:
        for statement in THEIRS_SQLITE if empty.is_sqlite else THEIRS_POSTGRESQL:
            await db.execute(text(statement))
    await upgrade(empty, PACKAGES)
    async with empty.write() as db:
        await db.execute(text("UPDATE watchword_accounts SET name = 'new' WHERE id = '1'"))
    async with empty.read() as db:
        noted = await db.execute(
            text("SELECT account_id, name FROM notes_by_name ORDER BY account_id")
        )
        assert noted.all() == [("1", "new"), ("2", "2")]
        assert (await db.execute(text("SELECT name FROM accounts_history"))).scalars().all() == [
            "new"
        ]
    with pytest.raises(IntegrityError):
        async with empty.write() as db:
            await db.execute(text("INSERT INTO notes VALUES ('nobody')"))
    with pytest.raises(IntegrityError):
        async with empty.write() as db:
            await db.execute(text("DELETE FROM watchword_accounts"))


THEIRS = (
    "CREATE TABLE notes (account_id VARCHAR(32) REFERENCES accounts (id))",
    "INSERT INTO notes VALUES ('1'), ('2')",
    "CREATE VIEW notes_by_name AS SELECT account_id, name FROM notes JOIN accounts ON id = account_id",
    "CREATE TABLE accounts_history (name TEXT)",
)
REMEMBER = "INSERT INTO accounts_history VALUES (NEW.name);"
THEIRS_SQLITE = (
    *THEIRS,
    f"CREATE TRIGGER accounts_changed AFTER UPDATE ON accounts BEGIN {REMEMBER} END",
)
THEIRS_POSTGRESQL = (
    *THEIRS,
    "CREATE FUNCTION accounts_changed() RETURNS trigger LANGUAGE plpgsql AS"
    f" $$ BEGIN {REMEMBER} RETURN NEW; END $$",
    "CREATE TRIGGER accounts_changed AFTER UPDATE ON accounts FOR EACH ROW"
    " EXECUTE FUNCTION accounts_changed()",
)


# Tables of other applications, as they may be there before Watchword is: with names that ours had,
# and with the columns that Alembic, or another tool, keeps versions in.
OTHERS = (
    "CREATE TABLE accounts (id INTEGER PRIMARY KEY, iban TEXT)",
    "CREATE TABLE sessions (id INTEGER PRIMARY KEY, account_id INTEGER REFERENCES accounts (id))",
    "INSERT INTO accounts VALUES (1, 'DE02')",
    "INSERT INTO sessions VALUES (7, 1)",
)
ALEMBICS = tuple(
    statement
    for name in ("graph_version", "schema_version", "incident_room_version_2", "alembic_version")
    for statement in (
        f"CREATE TABLE {name} (version_num VARCHAR(32) PRIMARY KEY)",
        f"INSERT INTO {name} VALUES ('0002')",
    )
)
FLYWAYS = (
    "CREATE TABLE schema_version (installed_rank INTEGER, version TEXT)",
    "INSERT INTO schema_version VALUES (1, '0002')",
    "CREATE TABLE graph_version (version_num VARCHAR(32), at TEXT)",
    "INSERT INTO graph_version VALUES ('0005', '')",
)


@pytest.mark.parametrize(
    "others", [(*OTHERS, *ALEMBICS), (*OTHERS, *FLYWAYS)], ids=["alembic", "flyway"]
)
async def test_tables_of_other_applications_are_left_alone(
    others: tuple[str, ...], empty: Database, fresh: Database
) -> None:
    async with empty.write() as db:
        for statement in others:
            await db.execute(text(statement))
    theirs, before = await made(empty), await rows(empty)
    for _ in range(2):
        await upgrade(empty, PACKAGES)
        assert await pending(empty, PACKAGES) == []
        assert await made(empty) == theirs | await made(fresh)
        after = await rows(empty)
        assert {name: after[name] for name in before} == before


async def test_another_applications_clients_beside_our_oldest_tables_stay_theirs(
    empty: Database,
) -> None:
    """Revision 0002 had no table of this name yet, so it is not ours."""
    await make_former(empty, "0002")
    async with empty.write() as db:
        await db.execute(text("CREATE TABLE clients (company TEXT)"))
        await db.execute(text("INSERT INTO clients VALUES ('ACME')"))
    await upgrade(empty, PACKAGES)
    after = await rows(empty)
    assert (after["clients"], after["watchword_clients"]) == ([("ACME",)], [])


async def test_a_package_called_schema_does_not_get_the_incident_rooms_version(
    empty: Database,
) -> None:
    await make_former(empty, "0005")
    # As if `schema.migrations` had these revisions.
    theirs = Migrations("incident_room.migrations", "schema_migrations_version")
    async with empty.engine.connect() as connection:
        await connection.run_sync(
            rename, {theirs.version_table: ("schema_version", {"0001", "0002"})}
        )
    after = await rows(empty)
    assert after["incident_room_version"] == [("0002",)]
    assert "schema_migrations_version" not in after


@pytest.mark.parametrize(("known", "is_renamed"), [({"0001", "0002"}, True), ({"0001"}, False)])
async def test_the_version_of_a_mounted_schema_follows_if_its_package_has_the_revision(
    known: set[str], is_renamed: bool, empty: Database
) -> None:
    await make_former(empty, "0005", None)
    await upgrade_to(empty, Migrations("incident_room.migrations", "acme_version"), "0002")
    async with empty.engine.connect() as connection:
        await connection.run_sync(rename, {"acme_migrations_version": ("acme_version", known)})
    after = await rows(empty)
    assert ("acme_migrations_version" in after) is is_renamed
    assert ("acme_version" in after) is not is_renamed


async def test_processes_that_start_together_rename_once(empty: Database) -> None:
    await make_former(empty, "0003")
    started = [Database(str(empty.engine.url.render_as_string(False))) for _ in range(4)]
    await asyncio.gather(*(upgrade(database, PACKAGES) for database in started))
    for database in started:
        await database.close()
    assert await pending(empty, PACKAGES) == []


@pytest.mark.parametrize("statement", [pytest.param(1, marks=pytest.mark.exhaustive), 50])
async def test_a_process_that_is_killed_half_way_has_changed_nothing(
    statement: int, empty: Database
) -> None:
    await make_former(empty, "0004")
    before = (await made(empty), await rows(empty))
    url = empty.engine.url.render_as_string(hide_password=False)
    run = [sys.executable, "-c", KILLED, url, str(statement)]
    ended = await asyncio.to_thread(subprocess.run, run, check=False)
    assert ended.returncode == 9
    assert (await made(empty), await rows(empty)) == before
    await upgrade(empty, PACKAGES)
    assert await pending(empty, PACKAGES) == []


# Ends at the statement of that number after the first that renames a table.
KILLED = """
import asyncio, os, sys
from sqlalchemy import event
from tests.watchword.storage.test_former_names import PACKAGES
from watchword.storage.database import Database
from watchword.storage.migration import upgrade

seen = []

def count(_1, _2, statement, *_):
    if seen or " RENAME TO " in statement:
        seen.append(statement)
    if len(seen) == int(sys.argv[2]):
        os._exit(9)

database = Database(sys.argv[1])
event.listen(database.engine.sync_engine, "before_cursor_execute", count)
asyncio.run(upgrade(database, PACKAGES))
"""


def test_the_incident_rooms_name_is_the_one_that_its_former_table_gets() -> None:
    assert incident_room.domain.version_table == INCIDENT_ROOM[1]
