"""Fixtures that every test may ask for: a clock, and a migrated database of each kind."""

from __future__ import annotations

import asyncio
import gc
import secrets
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
import uvloop

from tests.support import postgres, savings
from tests.support.clock import MovedClock
from tests.support.identity import SignInDesk, sign_in_desk
from tests.support.programs import missing
from tests.support.quick_watchword import HASHER, NOBODY
from tests.support.schedule import Groups
from tests.support.server import LiveServer, live_server
from tests.support.tasks import end_other_tasks
from tests.support.variants import Variants
from tests.support.wheel import build, install, once
from watchword.auth.sign_in import passwords
from watchword.storage.database import Database
from watchword.storage.migration import RUNTIME, upgrade
from watchword.storage.packages import Migrations

savings.begin()

PACKAGES = (RUNTIME, Migrations("incident_room.migrations", "incident_room_version"))


def pytest_configure(config: pytest.Config) -> None:
    # A shell that starts a job in the background lets it ignore SIGINT, and every process below it: servers
    # and shells that tests interrupt would not end.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.pluginmanager.register(Variants())
    config.pluginmanager.register(Groups())


@pytest.hookimpl(optionalhook=True, wrapper=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Start two workers more than there are cores: some wait for a browser, a server or a database."""
    return (yield) + 2


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run async tests in the event loop that serves, which also takes less of a core."""
    return {"uvloop": uvloop.new_event_loop}


def pytest_collection_finish() -> None:
    """Keep the garbage collector from walking the modules, the tests and their rubbish again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def dear_passwords() -> None:
    """Passwords cost in this test what they cost where they are served."""


@pytest.fixture(autouse=True)
def cheap_passwords(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords cost next to nothing in this process, but in tests that ask for `dear_passwords`.

    A `LiveServer` does the same in a process of its own.
    """
    if "dear_passwords" not in request.fixturenames:
        monkeypatch.setattr(passwords, "_hasher", HASHER)
        monkeypatch.setattr(passwords, "_NOBODY", NOBODY)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server; no server is a failure in CI and a loud skip elsewhere."""
    try:
        with postgres.server() as url:
            yield url
    except postgres.Missing as fault:
        missing(str(fault))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "template.db"
    _migrate(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def administer(postgres_server: str) -> Iterator[Callable[[str], Any]]:
    """Run a statement on the PostgreSQL server, by one connection for all tests; return its first value."""
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(postgres_server))
        yield lambda statement: runner.run(connection.fetchval(statement))
        runner.run(connection.close())


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str, administer: Callable[[str], Any]) -> Iterator[str]:
    name = f"watchword_template_{secrets.token_hex(6)}"
    administer(f'CREATE DATABASE "{name}"')
    _migrate(_url(postgres_server, name))
    yield name
    administer(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a fresh migrated SQLite database."""
    path = tmp_path / "watchword.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture(scope="session")
def new_postgres(
    postgres_server: str, postgres_template: str, administer: Callable[[str], Any]
) -> Callable[[], AbstractContextManager[str]]:
    """Make a fresh migrated PostgreSQL database for the length of a block, and yield its URL."""
    # PostgreSQL 15 writes each page into its log, or copies files, which is faster if it waits for no disk.
    is_own = (
        administer("SHOW fsync") == "off" and int(administer("SHOW server_version_num")) >= 150000
    )
    strategy = "STRATEGY file_copy" if is_own else ""

    @contextmanager
    def make() -> Iterator[str]:
        name = f"watchword_{secrets.token_hex(8)}"
        administer(f'CREATE DATABASE "{name}" TEMPLATE "{postgres_template}" {strategy}')
        yield _url(postgres_server, name)
        administer(f'DROP DATABASE "{name}" WITH (FORCE)')

    return make


@pytest.fixture
def postgres_url(new_postgres: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    """The URL of a fresh migrated PostgreSQL database."""
    with new_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh migrated database; a test that asks for it runs on both kinds."""
    kind = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    return str(request.getfixturevalue(kind))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh migrated database; a test that asks for it runs on both kinds."""
    opened = Database(database_url)
    yield opened
    await end_other_tasks()
    await opened.close()


@pytest.fixture
async def sqlite_desk(sqlite_url: str, clock: MovedClock) -> AsyncIterator[SignInDesk]:
    """A sign-in desk on SQLite, for what does not depend on the database."""
    opened = Database(sqlite_url)
    async with sign_in_desk(opened, clock) as desk:
        yield desk
    await end_other_tasks()
    await opened.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A real server process on SQLite with the demo data, one for all tests that change little."""
    with live_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution of this checkout, and the wheel that was built from it."""
    return once(tmp_path_factory, "distributions", build)


@pytest.fixture(scope="session")
def wheel(distributions: Path) -> Path:
    """The wheel of this checkout, with GraphiQL's files if it has them or npm can be reached."""
    (built,) = distributions.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, and with the packages that the tests have."""
    return once(tmp_path_factory, "installed", install(wheel))


def _url(server: str, name: str) -> str:
    parts = urlsplit(server)
    return parts._replace(scheme="postgresql+asyncpg", path=f"/{name}").geturl()


def _migrate(url: str) -> None:
    async def run() -> None:
        database = Database(url)
        await upgrade(database, PACKAGES)
        await database.close()

    asyncio.run(run())
