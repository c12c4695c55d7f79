"""Version tables: whose they are, and what a release does with a database from a later one."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.support import toy_schema
from watchword.bootstrap import packages
from watchword.domain import Domain, Mount
from watchword.errors import Unsafe
from watchword.storage.database import Database
from watchword.storage.migration import RUNTIME, pending, upgrade
from watchword.storage.migrations.versions import LAST_RELEASE
from watchword.storage.packages import Migrations

ROOM = Migrations("incident_room.migrations", "incident_room_version")
TOOLS = Migrations("tests.support.former_versions", "incident_room_version")


def named(package: str, version_table: str | None = None) -> str:
    domain = Domain(migrations=package, version_table=version_table)
    return packages(Mount(toy_schema.schema, domain))[-1].version_table


async def change(database: Database, *statements: str) -> None:
    async with database.write() as db:
        for statement in statements:
            await db.execute(text(statement))


async def noted(database: Database) -> list[tuple[str, ...]]:
    query = "SELECT version_table, package, readable_from FROM watchword_packages ORDER BY 1 DESC"
    async with database.read() as db:
        return [tuple(row) for row in await db.execute(text(query))]


def test_a_version_table_is_named_by_the_schema_or_after_the_whole_package() -> None:
    assert named("schema.migrations") == "schema_migrations_version"
    assert named("Acme.db.migrations") == "acme_db_migrations_version"
    assert named("acme.migrations", "acme_version") == "acme_version"


@pytest.mark.parametrize(
    ("package", "version_table", "said"),
    [
        ("acme.migrations", "watchword_version", "watchword_version, and names that begin with"),
        ("acme.migrations", "watchword_sessions", "are the runtime's. Give its version table"),
        ("watchword_tools.migrations", None, "watchword_tools_migrations_version"),
        ("acme.migrations", 'a"; DROP TABLE b', "at most 63 lower-case letters"),
        ("a" * 60, None, r"Domain\(version_table="),
    ],
)
def test_a_version_table_of_the_runtimes_or_with_a_bad_name_is_refused(
    package: str, version_table: str | None, said: str
) -> None:
    with pytest.raises(Unsafe, match=said):
        named(package, version_table)


async def test_the_owner_of_each_version_table_is_noted(database: Database) -> None:
    assert await noted(database) == [
        (RUNTIME.version_table, RUNTIME.package, LAST_RELEASE),
        (ROOM.version_table, ROOM.package, "0002"),
    ]


@pytest.mark.parametrize(
    ("claimed", "said"),
    [
        (TOOLS, "incident_room_version, where incident_room.migrations keeps its own. Give its"),
        (
            Migrations(ROOM.package, "room_version"),
            r"Say where they are: Domain\(version_table='incident_room_version'\)",
        ),
        (Migrations(TOOLS.package, "components"), "components, which holds other things. Give its"),
        (Migrations(TOOLS.package, "alembic_version"), "alembic_version holds f00, which is no"),
    ],
    ids=["another's", "moved", "no version table", "another application's"],
)
async def test_a_version_table_that_is_not_the_packages_stops_the_start(
    claimed: Migrations, said: str, database: Database
) -> None:
    await change(
        database,
        "CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)",
        "INSERT INTO alembic_version VALUES ('f00')",
    )
    before = await noted(database)
    for look in (upgrade, pending):
        with pytest.raises(Unsafe, match=said):
            await look(database, [RUNTIME, claimed])
    assert await noted(database) == before


NEXT = (
    "UPDATE watchword_version SET version_num = '9999'",
    "UPDATE incident_room_version SET version_num = 'f00'",
)


async def test_a_database_that_the_next_release_has_migrated_is_left_as_it_is(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await change(database, *NEXT)
    before = await noted(database)
    await upgrade(database, [RUNTIME, ROOM])
    assert await pending(database, [RUNTIME, ROOM]) == []
    assert "revision 9999 of watchword.storage.migrations.versions, from a later" in caplog.text
    assert await noted(database) == before


async def test_a_release_that_is_too_old_for_the_database_does_not_start(
    database: Database,
) -> None:
    await change(database, *NEXT, "UPDATE watchword_packages SET readable_from = '9998'")
    for look in (upgrade, pending):
        with pytest.raises(Unsafe, match=r"revision 9999 .* too old for it\. Install the release"):
            await look(database, [RUNTIME, ROOM])


async def test_a_package_that_names_no_release_goes_on_with_whatever_is_there(
    database: Database,
) -> None:
    await change(database, *NEXT, "UPDATE watchword_packages SET readable_from = NULL")
    await upgrade(database, [RUNTIME, ROOM])


async def test_a_release_without_revisions_says_from_where_on_it_can_be_read(
    database: Database,
) -> None:
    await change(database, "UPDATE watchword_packages SET readable_from = '0001'")
    await upgrade(database, [RUNTIME, ROOM])
    assert [row[2] for row in await noted(database)] == [LAST_RELEASE, "0002"]
