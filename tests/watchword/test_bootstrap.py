"""A start makes what is missing, keeps what is there, and takes turns with other starts."""

from __future__ import annotations

import asyncio
import fcntl
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from tests.support import toy_schema
from tests.support.clock import MovedClock
from tests.support.hashing import watched_hashes
from tests.support.users_table import UsersTable
from tests.support.vault import ENCRYPTION_KEY
from watchword.auth.accounts.accounts import add_account
from watchword.auth.keys.signing_keys import ensure
from watchword.auth.sign_in.passwords import matching_form
from watchword.auth.tables import Account, Password, SigningKey
from watchword.bootstrap import Started, bootstrap, packages
from watchword.config.settings import Settings
from watchword.domain import Domain, Mount
from watchword.errors import Unsafe
from watchword.storage.columns import moment
from watchword.storage.database import Database
from watchword.storage.migration import RUNTIME, pending, upgrade
from watchword.storage.packages import Migrations
from watchword.storage.vault import make_key, vault
from watchword.transaction import Transaction

ADMIN, GUEST = "admin@example.com", "guest@example.com"
PASSWORD = "correct horse battery"
ROLES = {"admin": frozenset({"toys:all"}), "keeper": frozenset({"toys:count"})}


async def guest(unit: Transaction) -> None:
    """Add demo data that is easy to count: one account."""
    await add_account(unit, email=GUEST, name="Guest", roles=[], hash=None)


MOUNT = Mount(toy_schema.schema, Domain(roles=ROLES, demo=guest))


@dataclass
class Kept:
    """The contents of a database: e-mail addresses and roles of accounts, key ids, hashes."""

    accounts: dict[str, list[str]]
    keys: list[str]
    hashes: list[str]


@dataclass
class Place:
    """A home directory, and a database without any table, in which a server starts."""

    home: Path
    url: str

    def settings(self, **changes: Any) -> Settings:
        values: dict[str, Any] = {"home": self.home, "database_url": self.url} | changes
        return Settings(_env_file=None, **values)

    async def start(
        self, mount: Mount = MOUNT, *, is_local: bool = False, **changes: Any
    ) -> Started:
        return await bootstrap(self.settings(**changes), mount, MovedClock(), is_local=is_local)

    async def kept(self) -> Kept:
        database = Database(self.url)
        async with database.read() as db:
            accounts = (await db.execute(select(Account))).scalars()
            keys = (await db.execute(select(SigningKey.kid))).scalars()
            hashes = (await db.execute(select(Password.hash))).scalars()
            kept = Kept({each.email: each.roles for each in accounts}, list(keys), list(hashes))
        await database.close()
        return kept


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A place in which no server was started yet, on each kind of database."""
    home = tmp_path / "home"
    if request.param == "sqlite":
        return Place(home, f"sqlite+aiosqlite:///{home}/watchword.db")
    url = str(request.getfixturevalue("postgres_url"))
    asyncio.run(_empty(url))
    return Place(home, url)


async def _empty(url: str) -> None:
    database = Database(url)
    async with database.write() as db:
        await db.execute(text("DROP SCHEMA public CASCADE"))
        await db.execute(text("CREATE SCHEMA public"))
    await database.close()


@pytest.fixture
def sqlite_place(tmp_path: Path) -> Place:
    home = tmp_path / "deep" / "home"
    return Place(home, f"sqlite+aiosqlite:///{home}/watchword.db")


def is_held(home: Path) -> bool:
    """Tell whether a home directory is locked."""
    with (home / "lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


async def test_a_start_holds_the_home_directory_until_it_is_done(sqlite_place: Place) -> None:
    held: list[bool] = []

    async def look(unit: Transaction) -> None:
        held.append(is_held(sqlite_place.home))

    await sqlite_place.start(Mount(toy_schema.schema, Domain(demo=look)))
    assert held == [True]
    assert not is_held(sqlite_place.home)


async def test_a_start_that_failed_releases_the_home_directory(sqlite_place: Place) -> None:
    async def fail(unit: Transaction) -> None:
        raise RuntimeError("lightning")

    with pytest.raises(RuntimeError, match="lightning"):
        await sqlite_place.start(Mount(toy_schema.schema, Domain(demo=fail)))
    assert not is_held(sqlite_place.home)


async def test_the_first_start_makes_the_tables_of_the_runtime_and_of_the_schema(
    place: Place,
) -> None:
    mount = Mount(toy_schema.schema, Domain(migrations="incident_room.migrations"))
    assert packages(mount) == [
        RUNTIME,
        Migrations("incident_room.migrations", "incident_room_migrations_version"),
    ]
    await place.start(mount)
    database = Database(place.url)
    assert await pending(database, packages(mount)) == []
    async with database.read() as db:
        await db.execute(text("SELECT count(*) FROM incidents"))
    await database.close()


async def test_a_schema_without_tables_needs_those_of_the_runtime_only() -> None:
    assert packages(MOUNT) == [RUNTIME]


async def test_the_first_start_makes_a_key_an_admin_and_the_demo_data(place: Place) -> None:
    started = await place.start()
    assert (started.is_first, started.email) == (True, ADMIN)
    kept = await place.kept()
    assert kept.accounts == {ADMIN: ["admin"], GUEST: []}
    assert len(kept.keys) == 1


async def test_where_a_users_table_keeps_accounts_none_is_made(sqlite_place: Place) -> None:
    mount = Mount(toy_schema.schema, Domain(roles=ROLES, demo=guest, accounts=UsersTable()))
    started = await sqlite_place.start(mount)
    assert (started.is_first, started.password) == (False, None)
    kept = await sqlite_place.kept()
    assert (kept.accounts, len(kept.keys)) == ({}, 1)


async def test_the_generated_password_is_shown(place: Place) -> None:
    started = await place.start()
    assert started.password is not None
    assert len(started.password) >= 24
    [hash] = (await place.kept()).hashes
    assert await matching_form(started.password, hash)


async def test_a_password_from_the_settings_is_used_and_not_shown(place: Place) -> None:
    started = await place.start(admin_password=PASSWORD)
    assert (started.is_first, started.password) == (True, None)
    [hash] = (await place.kept()).hashes
    assert await matching_form(PASSWORD, hash)


async def test_the_password_is_hashed_once_and_before_the_transaction_begins(
    sqlite_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watched_hashes(monkeypatch) as open_meanwhile:
        for _ in range(2):
            await sqlite_place.start(admin_password=PASSWORD)
    assert open_meanwhile == [0]


async def test_a_start_that_is_printed_shows_no_password(sqlite_place: Place) -> None:
    started = await sqlite_place.start()
    assert started.password is not None
    assert started.password not in repr(started)


async def test_a_password_is_shown_before_its_account_is_committed(place: Place) -> None:
    told: list[Started] = []

    def tell(started: Started) -> None:
        told.append(started)
        raise BrokenPipeError("nobody listens")

    with pytest.raises(BrokenPipeError):
        await bootstrap(place.settings(), MOUNT, MovedClock(), tell)
    assert [each.is_first for each in told] == [True]
    assert told[0].password is not None
    assert (await place.kept()).accounts == {}


async def test_an_sql_error_in_the_demo_names_it_and_leaves_nothing(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    async def no_column(unit: Transaction) -> None:
        await unit.db.execute(
            text("INSERT INTO watchword_accounts (colour) VALUES (:it)"), {"it": "rose"}
        )

    async def no_account(unit: Transaction) -> None:
        # It is written after the demo has returned.
        unit.db.add(Password(account_id="nobody", hash="lilac", changed_at=moment(unit.now)))

    told: list[Started] = []
    for demo, said in ((no_column, "colour"), (no_account, "(FOREIGN KEY|foreign key) constraint")):
        mount = Mount(toy_schema.schema, Domain(roles=ROLES, demo=demo))
        with pytest.raises(Unsafe, match=rf"^Domain.demo failed: .*{said}.*The traceback is in"):
            await bootstrap(place.settings(), mount, MovedClock(), told.append)
    assert told == []
    assert (await place.kept()).accounts == {}
    assert "in no_column" in caplog.text
    assert "INSERT INTO watchword_passwords" in caplog.text
    assert "rose" not in caplog.text
    assert "lilac" not in caplog.text
    assert (await place.start()).is_first


async def test_tell_is_called_with_the_returned_value(sqlite_place: Place) -> None:
    for is_first in (True, False):
        told: list[Started] = []
        clock = MovedClock()
        returned = await bootstrap(sqlite_place.settings(), MOUNT, clock, told.append)
        assert told == [returned]
        assert returned.is_first is is_first


async def test_the_second_start_keeps_everything_and_shows_no_password(place: Place) -> None:
    await place.start()
    kept = await place.kept()
    started = await place.start(
        admin_password=PASSWORD, admin_email="other@example.com", algorithm="EdDSA"
    )
    assert started == Started(is_first=False)
    assert await place.kept() == kept


async def test_the_admin_has_the_address_that_was_set(sqlite_place: Place) -> None:
    started = await sqlite_place.start(admin_email="Root@Example.com", demo=False)
    assert started.email == "Root@Example.com"
    assert list((await sqlite_place.kept()).accounts) == ["Root@Example.com"]


@pytest.mark.parametrize(
    ("roles", "given"),
    [
        (ROLES, ["admin"]),
        ({"keeper": frozenset(), "guard": frozenset()}, ["guard", "keeper"]),
        ({}, ["admin"]),
    ],
)
async def test_the_first_account_has_the_admin_role_or_all_roles_of_the_domain(
    roles: dict[str, frozenset[str]], given: list[str], sqlite_place: Place
) -> None:
    await sqlite_place.start(Mount(toy_schema.schema, Domain(roles=roles)))
    assert (await sqlite_place.kept()).accounts == {ADMIN: given}


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
async def test_the_key_is_of_the_kind_that_was_set(algorithm: str, sqlite_place: Place) -> None:
    await sqlite_place.start(algorithm=algorithm, rsa_bits=2048)
    database = Database(sqlite_place.url)
    async with database.read() as db:
        assert (await db.execute(select(SigningKey.algorithm))).scalar_one() == algorithm
    await database.close()


async def test_without_the_demo_there_is_the_admin_and_nothing_else(place: Place) -> None:
    started = await place.start(demo=False)
    assert started.is_first
    assert list((await place.kept()).accounts) == [ADMIN]


async def test_the_demo_data_is_not_added_to_an_existing_database(sqlite_place: Place) -> None:
    await sqlite_place.start(demo=False)
    await sqlite_place.start(demo=True)
    assert list((await sqlite_place.kept()).accounts) == [ADMIN]


def homes(place: Place) -> list[Place]:
    """The home directories of processes on one database: one with SQLite, one each with PostgreSQL."""
    if place.url.startswith("sqlite"):
        return [place] * 4
    return [Place(place.home / str(number), place.url) for number in range(4)]


async def test_processes_that_start_together_end_with_one_admin_and_one_key(place: Place) -> None:
    # Processes with home directories of their own must share the encryption key too.
    shared = {} if place.url.startswith("sqlite") else {"encryption_keys": (ENCRYPTION_KEY,)}

    def process(each: Place) -> Started:
        return asyncio.run(each.start(**shared))

    threads = (asyncio.to_thread(process, each) for each in homes(place))
    started = await asyncio.gather(*threads)
    assert sorted(each.is_first for each in started) == [False, False, False, True]
    assert sum(each.password is not None for each in started) == 1
    kept = await place.kept()
    assert set(kept.accounts) == {ADMIN, GUEST}
    assert len(kept.keys) == len(kept.hashes) == 1


async def test_a_start_that_was_interrupted_after_the_tables_is_completed_by_the_next(
    place: Place,
) -> None:
    place.home.mkdir()
    database = Database(place.url)
    await upgrade(database, packages(MOUNT))
    await database.close()
    started = await place.start()
    assert started.is_first
    kept = await place.kept()
    assert (set(kept.accounts), len(kept.keys)) == ({ADMIN, GUEST}, 1)


async def test_a_start_that_was_interrupted_after_the_key_keeps_the_key(place: Place) -> None:
    place.home.mkdir()
    database = Database(place.url)
    await upgrade(database, packages(MOUNT))
    settings = place.settings()
    make_key(settings)
    await ensure(database, vault(settings), settings, MovedClock().now())
    await database.close()
    keys = (await place.kept()).keys
    assert (await place.start()).is_first
    assert (await place.kept()).keys == keys


async def test_a_start_that_was_interrupted_in_the_demo_data_has_made_no_admin(
    place: Place,
) -> None:
    async def cut_off(unit: Transaction) -> None:
        await guest(unit)
        raise RuntimeError("lightning")

    with pytest.raises(RuntimeError, match="lightning"):
        await place.start(Mount(toy_schema.schema, Domain(roles=ROLES, demo=cut_off)))
    assert (await place.kept()).accounts == {}
    started = await place.start()
    assert started.is_first
    assert started.password is not None
    assert set((await place.kept()).accounts) == {ADMIN, GUEST}


async def test_only_the_owner_can_read_the_home_directory(sqlite_place: Place) -> None:
    await sqlite_place.start()
    assert stat.S_IMODE(sqlite_place.home.stat().st_mode) == 0o700
    assert stat.S_IMODE((sqlite_place.home / "lock").stat().st_mode) == 0o600


async def test_the_default_database_is_in_the_home_directory(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, home=tmp_path / "home")
    await bootstrap(settings, MOUNT, MovedClock())
    assert (tmp_path / "home" / "watchword.db").exists()


# The tests may run as root, which can write everywhere except below a file.
@pytest.mark.parametrize("below", ["", "home", "deep/home"])
async def test_an_unusable_home_directory_is_refused_in_a_sentence(
    below: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("I am here already.")
    home = tmp_path / "file" / below
    with pytest.raises(Unsafe) as refusal:
        await Place(home, f"sqlite+aiosqlite:///{home}/watchword.db").start()
    sentence = str(refusal.value)
    assert sentence.startswith(f"{home} cannot be written to: ")
    assert "Set WATCHWORD_HOME to a directory that can." in sentence
    assert "\n" not in sentence
    assert (tmp_path / "file").read_text() == "I am here already."
