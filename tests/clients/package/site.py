"""The server of the tests with accounts, and pages that use watchword-client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.staticfiles import StaticFiles

from tests.support import site
from tests.support.clock import MovedClock
from tests.support.site import ADMIN, LIFE, LIVE, OTHER, PASSWORD, PERSON
from tests.support.toy_server import serving

FOLDER = Path(__file__).parent

__all__ = ["ADMIN", "FOLDER", "LIFE", "LIVE", "OTHER", "PASSWORD", "PERSON", "Site"]


class Refreshes:
    """Counts the refreshes that reach an app, and holds them while it is told to."""

    def __init__(self) -> None:
        self.cookies: list[str] = []
        """The cookie of each refresh, in the order in which they came."""
        self._free = asyncio.Event()
        self._free.set()

    def hold(self) -> None:
        self._free.clear()

    def release(self) -> None:
        self._free.set()

    def around(self, app: Any) -> Any:
        """Return an app that is counted."""

        async def counted(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http" and scope["path"] == "/api/auth/refresh":
                self.cookies.append(dict(scope["headers"]).get(b"cookie", b"").decode())
                await self._free.wait()
            await app(scope, receive, send)

        return counted


class Site(site.Site):
    """A server that serves pages too."""

    def __init__(self, database_url: str, clock: MovedClock, folder: Path, package: Path) -> None:
        """`folder` has the pages, `package` the compiled package."""
        super().__init__(database_url, clock)
        self.folder = folder
        self.refreshes = Refreshes()
        self._package = package

    def show(self, app: Starlette) -> None:
        """Serve the pages below /front, and count refreshes."""
        app.add_middleware(self.refreshes.around)
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
