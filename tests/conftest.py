"""Fixtures that every test may ask for: a clock, and a migrated database of each kind."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest
import uvloop

from tests.support import postgres, savings
from tests.support.clock import MovedClock
from tests.support.crashes import Crashes
from tests.support.identity import SignInDesk, sign_in_desk
from tests.support.programs import missing
from tests.support.schedule import Groups
from tests.support.server import LiveServer, live_server
from tests.support.tasks import end_other_tasks
from tests.support.variants import Variants
from tests.support.wheel import build, install, once
from watchword.storage.database import Database
from watchword.storage.migration import RUNTIME, upgrade
from watchword.storage.packages import Migrations
from watchword.testing.cheap_passwords import cheap_passwords as cheap
from watchword.testing.databases import SQLITE, Databases

savings.begin()

PACKAGES = (RUNTIME, Migrations("incident_room.migrations", "incident_room_version"))


def pytest_configure(config: pytest.Config) -> None:
    # A shell that starts a job in the background lets it ignore SIGINT, and every process below it: servers
    # and shells that tests interrupt would not end.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.pluginmanager.register(Variants())
    config.pluginmanager.register(Groups())
    config.pluginmanager.register(Crashes())


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
def cheap_passwords(request: pytest.FixtureRequest) -> Iterator[None]:
    """Passwords cost next to nothing in this process, but in tests that ask for `dear_passwords`.

    A `LiveServer` does the same in a process of its own.
    """
    with nullcontext() if "dear_passwords" in request.fixturenames else cheap():
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server; no server is a failure in CI and a loud skip elsewhere."""
    try:
        with postgres.server() as url:
            yield url
    except postgres.Missing as fault:
        missing(str(fault))


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    made = Databases(tmp_path_factory.mktemp("templates"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def sqlite_template(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A migrated SQLite database, to copy."""
    with databases.fresh("migrated", _migrate, "", tmp_path_factory.mktemp("template")) as url:
        yield Path(url.removeprefix(SQLITE))


@pytest.fixture
def sqlite_url(databases: Databases, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh migrated SQLite database."""
    with databases.fresh("migrated", _migrate, "", tmp_path) as url:
        yield url


@pytest.fixture(scope="session")
def new_postgres(
    postgres_server: str, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], AbstractContextManager[str]]:
    """Make a fresh migrated PostgreSQL database for the length of a block, and yield its URL."""
    return lambda: databases.fresh("migrated", _migrate, postgres_server, Path())


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


async def _migrate(url: str) -> None:
    database = Database(url)
    await upgrade(database, PACKAGES)
    await database.close()
