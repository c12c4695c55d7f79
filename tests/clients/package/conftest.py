"""The fixtures of the tests of watchword-client: the compiled package, and a server with pages."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clients.package.site import FOLDER, Site
from tests.support.clock import MovedClock
from tests.support.documents import FRONT_END, block
from tests.support.npm_package import compiled, pack


@pytest.fixture(scope="session")
def package() -> Path:
    """Return the folder that the package was compiled to."""
    return compiled()


@pytest.fixture(scope="session")
def packed(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the archive that `npm pack` makes."""
    return pack(tmp_path_factory.mktemp("packed"))


@pytest.fixture
async def site(
    sqlite_url: str, clock: MovedClock, node: Path, package: Path, tmp_path: Path
) -> AsyncIterator[Site]:
    """A server that shows pages with the package."""
    folder = tmp_path / "front"
    folder.mkdir()
    for name in ("page.html", "commands.mjs"):
        shutil.copy(FOLDER / name, folder)
    (folder / "index.html").write_text(block(FRONT_END, "html", "importmap"))
    made = Site(sqlite_url, clock, folder, package)
    await made.prepare()
    await made.start()
    yield made
    await made.stop()
