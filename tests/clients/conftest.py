"""The fixtures of the clients' tests: Node.js, the installed clients, a browser, and tokens.

A missing program skips the tests that need it, with the command that installs it; in CI they fail.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.account import Account, Server
from tests.support.node import installed
from tests.support.programs import missing, program
from tests.support.server import LiveServer, issuing
from watchword.explorer.assets import NotInstalled, load

FOLDER = Path(__file__).parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def node() -> Path:
    """Return Node.js, with the clients of package-lock.json installed beside the scripts."""
    return installed(FOLDER)


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Return a browser, if the explorer's assets are installed too."""
    browser = program(*BROWSERS)
    if browser is None:
        missing("There is no Chromium: run `apt-get install chromium`.")
    try:
        load()
    except NotInstalled as fault:
        missing(str(fault))
    return browser


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """The folder of the screenshots that a run makes, for somebody to look at: tests/screenshots, or another one by
    WATCHWORD_SCREENSHOTS."""
    folder = Path(os.environ.get("WATCHWORD_SCREENSHOTS", FOLDER.parent / "screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def account(server: Server) -> Account:
    """The admin's account."""
    return {"url": server.url, "email": server.email, "password": server.password}


@pytest.fixture
def issuing_server(database_url: str, tmp_path: Path) -> Iterator[LiveServer]:
    """A server for one test whose URL is its issuer, which stock clients require."""
    with issuing(tmp_path / "home", database_url) as running:
        yield running


@pytest.fixture
def expired_token(server: Server) -> str:
    """A token that the server's own key signed, and that expired a minute ago."""
    return server.run("token", "mint", "--account", server.email, "--seconds", "-60").strip()
