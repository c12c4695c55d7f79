"""Each test has a database of its own, a copy of one that was migrated once; nothing is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from tests.support.identity import unit_of
from tests.support.postgres import LivePostgres, Missing
from tests.support.programs import missing
from watchword.auth.accounts.accounts import add_account, list_accounts
from watchword.storage.database import Database
from watchword.storage.migration import RUNTIME, upgrade
from watchword.testing.databases import PREFIX, Databases


def emails(url: str, new: str | None = None) -> list[str]:
    """Add an account, if one is given; return the addresses of all."""

    async def work() -> list[str]:
        database = Database(url)
        if new is not None:
            async with unit_of(database) as unit:
                await add_account(unit, email=new, name="New", roles=[], hash=None)
        async with database.read() as db:
            found = sorted(each.email for each in await list_accounts(db))
        await database.close()
        return found

    return asyncio.run(work())


async def prepare(url: str) -> None:
    """Migrate a database, and add an account."""
    database = Database(url)
    await upgrade(database, [RUNTIME])
    async with unit_of(database) as unit:
        await add_account(unit, email="first@example.com", name="First", roles=[], hash=None)
    await database.close()


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Databases]:
    (tmp_path / "templates").mkdir()
    databases = Databases(tmp_path / "templates")
    yield databases
    databases.close()


def names(server: str) -> set[str]:
    """Return the names of the databases that tests have made on a server."""

    async def work() -> set[str]:
        connection = await asyncpg.connect(server)
        found = await connection.fetch(
            f"SELECT datname FROM pg_database WHERE datname LIKE '{PREFIX}%'"
        )
        await connection.close()
        return {row["datname"] for row in found}

    return asyncio.run(work())


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_each_has_its_own_copy_of_one_template(
    kind: str, made: Databases, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server = "" if kind == "sqlite" else request.getfixturevalue("postgres_server")
    prepared: list[str] = []

    async def once(url: str) -> None:
        prepared.append(url)
        await prepare(url)

    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    with made.fresh("toys", once, server, folders[0]) as first:
        assert emails(first, "ann@example.com") == ["ann@example.com", "first@example.com"]
        with made.fresh("toys", once, server, folders[1]) as second:
            assert second != first
            assert emails(second) == ["first@example.com"]
    assert len(prepared) == 1
    with made.fresh("other toys", once, server, folders[1]):
        assert len(prepared) == 2


def test_nothing_stays_on_the_server_even_if_a_connection_is_left_open(
    tmp_path: Path, postgres_server: str
) -> None:
    before = names(postgres_server)
    databases = Databases(tmp_path)
    with (
        asyncio.Runner() as runner,
        pytest.raises(LookupError, match="the test failed"),
        databases.fresh("toys", prepare, postgres_server, tmp_path) as url,
    ):
        plain = url.replace("+asyncpg", "")
        left = runner.run(asyncpg.connect(plain))
        assert len(names(postgres_server) - before) >= 2
        raise LookupError("the test failed")
    mine = make_url(plain).database
    assert mine not in names(postgres_server)
    template = databases._templates["toys", postgres_server]
    databases.close()
    assert template not in names(postgres_server)
    assert left is not None


def test_a_server_may_end_before_the_tests_do(tmp_path: Path) -> None:
    databases = Databases(tmp_path)
    try:
        own = LivePostgres()
    except Missing as fault:
        missing(str(fault))
    with own, databases.fresh("toys", prepare, own.url, tmp_path) as url:
        assert emails(url) == ["first@example.com"]
    databases.close()


def test_a_server_that_is_not_of_postgresql_is_refused(made: Databases, tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="leave it out for SQLite"),
        made.fresh("toys", prepare, "mysql://127.0.0.1/shop", tmp_path),
    ):
        pass
