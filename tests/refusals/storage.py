"""Refusals of a database, of its version tables, and of the keys that open what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import text, update

from tests.refusals.ground import Case, Ground
from tests.support.vault import ENCRYPTION_KEY, VAULT
from watchword.auth.keys.signing_keys import ensure, load
from watchword.auth.tables import SigningKey
from watchword.bootstrap import _home
from watchword.config.settings import Settings
from watchword.storage.database import Database
from watchword.storage.migration import RUNTIME, of_domain, upgrade
from watchword.storage.packages import Migrations
from watchword.storage.vault import FILE, Vault, make_key, vault

ROOM = Migrations("incident_room.migrations", "incident_room_version")
TOOLS = "tests.support.former_versions"
ANOTHER_KEY = "YW5vdGhlciBrZXkgb2YgdGhlIHRlc3RzLCAzMiBieXQ="


def settings(home: Path, *keys: str, **more: Any) -> Settings:
    return Settings(_env_file=None, home=home, encryption_keys=keys, **more)


def enter(given: Settings) -> None:
    with _home(given):
        pass


def home(ground: Ground) -> None:
    file = ground.folder / "file"
    file.touch()
    with ground.refused("cannot be written to: .* Set WATCHWORD_HOME to a directory that can"):
        enter(settings(file / "home"))
    enter(settings(ground.folder / "home"))


def version_tables(ground: Ground) -> None:
    with ground.refused(r"the runtime's. Give its version table .*Domain\(version_table="):
        of_domain("watchword_tools.migrations", None)
    with ground.refused("at most 63 lower-case letters"):
        of_domain("a" * 60, None)
    for package in ("watchword_tools.migrations", "a" * 60):
        assert of_domain(package, "tools_version").version_table == "tools_version"


async def missing_revisions(ground: Ground) -> None:
    database, name = await upgraded(ground), f"tools_{ground.folder.name}"
    packages = [RUNTIME, Migrations(f"{name}.revisions", "tools_version")]
    with ground.refused(f"no module '{name}', .* Name the package of your revisions, and install"):
        await upgrade(database, packages)
    (ground.folder / name / "revisions").mkdir(parents=True)
    for each in (name, f"{name}/revisions"):
        (ground.folder / each / "__init__.py").touch()
    ground.patch.syspath_prepend(str(ground.folder))
    await upgrade(database, packages)
    await database.close()


async def owners(ground: Ground) -> None:
    database = await upgraded(ground)
    await change(database, "CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)")
    await change(database, "INSERT INTO alembic_version VALUES ('f00')")
    refusals = {
        "components": "components, which holds other things",
        "incident_room_version": "where incident_room.migrations keeps its own",
        "alembic_version": "holds f00, which is no revision of",
    }
    for table, said in refusals.items():
        with ground.refused(f"{said}.*Domain\\(version_table="):
            await upgrade(database, [RUNTIME, ROOM, Migrations(TOOLS, table)])
    await upgrade(database, [RUNTIME, ROOM, Migrations(TOOLS, "tools_version")])
    with ground.refused(r"Say where they are: Domain\(version_table='incident_room_version'\)"):
        await upgrade(database, [RUNTIME, Migrations(ROOM.package, "room_version")])
    await upgrade(database, [RUNTIME, Migrations(ROOM.package, "incident_room_version")])
    await database.close()


async def renamed_package(ground: Ground) -> None:
    database = await upgraded(ground)
    await change(
        database, "UPDATE watchword_packages SET package = 'old' WHERE package LIKE 'inc%'"
    )
    with ground.refused("UPDATE watchword_packages SET") as _:
        await upgrade(database, [RUNTIME, ROOM])
    await change(
        database,
        "UPDATE watchword_packages SET package = 'incident_room.migrations'"
        " WHERE version_table = 'incident_room_version'",
    )
    await upgrade(database, [RUNTIME, ROOM])
    await database.close()


async def old_release(ground: Ground) -> None:
    database = await upgraded(ground)
    before = await version(database)
    await change(database, "UPDATE watchword_version SET version_num = '9999'")
    await change(database, "UPDATE watchword_packages SET readable_from = '9998'")
    with ground.refused("too old for it. Install the release that migrated it, or the one before"):
        await upgrade(database, [RUNTIME, ROOM])
    # As the release before would see it, which knows the revision that this one can be read from.
    await change(database, f"UPDATE watchword_packages SET readable_from = '{before}'")
    await upgrade(database, [RUNTIME, ROOM])
    await database.close()


async def damaged_key(ground: Ground) -> None:
    database = await upgraded(ground)
    given = settings(ground.folder, ENCRYPTION_KEY)
    await ensure(database, VAULT, given, ground.clock.now())
    async with database.write() as db:
        await db.execute(update(SigningKey).values(private_pem=VAULT.seal("nonsense")))
    with ground.refused("is damaged: bring back a copy of the database, or delete its row"):
        await load(database, VAULT, ground.clock.now())
    await change(database, "DELETE FROM watchword_signing_keys")
    await ensure(database, VAULT, given, ground.clock.now())
    await load(database, VAULT, ground.clock.now())
    await database.close()


def lost_keys(ground: Ground) -> None:
    sealed = Vault(lambda: (ENCRYPTION_KEY,)).seal("x")
    lost = Vault(lambda: (ANOTHER_KEY,))
    with ground.refused(r"set WATCHWORD_ENCRYPTION_KEYS to the keys that sealed it, or bring back"):
        lost.open(sealed)
    assert Vault(lambda: (ANOTHER_KEY, ENCRYPTION_KEY)).open(sealed) == "x"
    make_key(settings(ground.folder))
    by_file = vault(settings(ground.folder)).seal("y")
    with ground.refused("add what is in .*, which is not read while that is set"):
        vault(settings(ground.folder, ANOTHER_KEY)).open(by_file)
    in_file = (ground.folder / FILE).read_text().strip()
    assert vault(settings(ground.folder, ANOTHER_KEY, in_file)).open(by_file) == "y"


def key_file(ground: Ground) -> None:
    file, beside = ground.folder / FILE, settings(ground.folder)
    with ground.refused(
        "is not there, .* bring it back from a copy, set WATCHWORD_HOME .*, or set"
    ):
        vault(beside).seal("x")
    file.mkdir()
    with ground.refused("cannot be read: .* Make it a file that the server's user can read"):
        vault(beside).seal("x")
    file.rmdir()
    file.write_text("nonsense")
    file.chmod(0o600)
    with ground.refused("no usable key in .*: bring the file back from a copy, or set"):
        vault(beside).seal("x")
    assert vault(settings(ground.folder, ENCRYPTION_KEY)).seal("x")
    file.write_text(ENCRYPTION_KEY)
    file.chmod(0o644)
    with ground.refused(f"is open to everybody on this machine: chmod 600 {file}"):
        vault(beside).seal("x")
    file.chmod(0o600)
    assert vault(beside).seal("x")


async def upgraded(ground: Ground) -> Database:
    database = Database(f"sqlite+aiosqlite:///{ground.folder}/storage.db")
    await upgrade(database, [RUNTIME, ROOM])
    return database


async def version(database: Database) -> str:
    async with database.read() as db:
        return str((await db.execute(text("SELECT version_num FROM watchword_version"))).scalar())


async def change(database: Database, statement: str) -> None:
    async with database.write() as db:
        await db.execute(text(statement))


CASES: list[Case] = [
    *(home, version_tables, owners, renamed_package, old_release, damaged_key, lost_keys),
    *(key_file, missing_revisions),
]
