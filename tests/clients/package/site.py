"""The server of the tests with accounts, and pages that use watchword-client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.staticfiles import StaticFiles

from tests.support import site
from tests.support.clock import MovedClock
from tests.support.site import ADMIN, LIFE, LIVE, OTHER, PASSWORD, PERSON
from tests.support.toy_server import serving

FOLDER = Path(__file__).parent

__all__ = ["ADMIN", "FOLDER", "LIFE", "LIVE", "OTHER", "PASSWORD", "PERSON", "Site"]


class Site(site.Site):
    """A server that serves pages too."""

    def __init__(self, database_url: str, clock: MovedClock, folder: Path, package: Path) -> None:
        """`folder` has the pages, `package` the compiled package."""
        super().__init__(database_url, clock)
        self.folder = folder
        self._package = package

    def show(self, app: Starlette) -> None:
        """Serve the pages below /front."""
        app.mount("/front/watchword-client", StaticFiles(directory=self._package))
        app.mount("/front", StaticFiles(directory=self.folder))

    @asynccontextmanager
    async def pages(self) -> AsyncIterator[str]:
        """Serve the pages from localhost, on another port; yield the origin."""
        app = Starlette()
        self.show(app)
        async with serving(app, self._settings) as (url, _):
            yield url.replace("127.0.0.1", "localhost")

    async def allow(self, origin: str) -> None:
        """Start the server again, for a front end of another origin."""
        await self.stop()
        self._settings = self._settings.model_copy(update={"allowed_origins": (origin,)})
        await self.start()
