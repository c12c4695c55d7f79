"""The pytest plugin: the fixture `watchword`, and those that say what it serves.

pytest imports this module in each of its runs in an environment with Watchword. So it imports nothing but pytest, and
everything else when a test asks for the fixture.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from watchword.testing.app import App
    from watchword.testing.databases import Databases


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the settings `watchword_mount` and `watchword_database_url`, and an option for the second."""
    parser.addini(
        "watchword_mount",
        "what the fixture `watchword` serves, as module:attribute: a schema, or an app with Watchword in it"
        " (default: what WATCHWORD_MOUNT names)",
    )
    about = "a PostgreSQL server on which each test gets a database: postgresql://user:password@host/name (default: SQLite)"
    parser.addini("watchword_database_url", about)
    parser.getgroup("watchword").addoption(
        "--watchword-database-url", metavar="URL", default=None, help=about
    )


@pytest.fixture(scope="session")
def watchword_app(pytestconfig: pytest.Config) -> object:
    """What to serve: the name of a schema or an app as module:attribute, an ASGI app with a `Watchword` mounted in it, or
    a `Watchword`. Override it, or set `watchword_mount`."""
    return pytestconfig.getini("watchword_mount")


@pytest.fixture
def watchword_settings() -> Mapping[str, Any]:
    """Changes of the app's settings for a test, by the names of `watchword.Settings`. Override it."""
    return {}


@pytest.fixture
def watchword_database_url(pytestconfig: pytest.Config) -> str:
    """The URL of a PostgreSQL server on which each test gets a database; "" for SQLite. Override it, with
    parameters to run tests on both."""
    given = pytestconfig.getoption("--watchword-database-url")
    return str(pytestconfig.getini("watchword_database_url") if given is None else given)


@pytest.fixture
def watchword_transport() -> str:
    """How callers reach the app: "process", or "sockets" for a server on 127.0.0.1. Override it."""
    return "process"


@pytest.fixture(scope="session")
def _watchword_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    made = import_module("watchword.testing.databases").Databases(
        tmp_path_factory.mktemp("watchword")
    )
    yield made
    made.close()


@pytest.fixture
def watchword(
    watchword_app: object,
    watchword_settings: Mapping[str, Any],
    watchword_database_url: str,
    watchword_transport: str,
    _watchword_databases: Databases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[App]:
    """The app under test: started for this test, on a database and with a clock of its own."""
    served = import_module("watchword.testing.app").served
    folder: Path = tmp_path_factory.mktemp("watchword")
    with served(
        watchword_app,
        watchword_settings,
        watchword_database_url,
        _watchword_databases,
        folder,
        watchword_transport,
    ) as app:
        yield app
