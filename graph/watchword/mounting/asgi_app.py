"""`Watchword`: the whole server as an ASGI app, to mount in somebody's FastAPI or Starlette app."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Iterator, MutableMapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import urlsplit

import strawberry
from fastapi import APIRouter
from starlette.routing import Mount as StarletteMount
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from watchword.app import create_app
from watchword.bootstrap import Started, bootstrap
from watchword.config.settings import Settings, read
from watchword.domain import Domain, Mount, check
from watchword.errors import Unsafe
from watchword.oauth.metadata import WELL_KNOWN
from watchword.process.clock import Clock, SystemClock
from watchword.transports.middleware.startup import Stage

SEVERAL = "several"
"""What `app.state.watchword` is if the lifespans of several were given the same app."""


class Watchword:
    """The server for a Strawberry schema, as an ASGI app to mount in a FastAPI or Starlette app.

    Without `settings` they are read from the environment and `.env`, as `watchword serve` reads them. `domain`
    describes the schema's roles and migrations. Raises `Unsafe` if the schema must not be served, or for settings
    that cannot be used.

        watchword = Watchword(schema)
        app = FastAPI(lifespan=watchword.lifespan)
        app.mount("/watchword", watchword)

    Starlette does not run the lifespan of a mounted app, so pass it on as above, or enter `watchword.lifespan(app)`
    in a lifespan of your own. Until it has run, every request is answered 503, and the log says what to do.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        settings: Settings | None = None,
        *,
        domain: Domain | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.mount = Mount(schema, Domain() if domain is None else domain)
        check(self.mount.domain)
        self._alone = Router(lifespan=lambda _: self.lifespan())
        self._make(read() if settings is None else settings, clock or SystemClock())

    def _make(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self._clock = clock
        self._app = create_app(settings, self.mount, clock)
        self.pipeline = self._app.pipeline
        self.nonce = self._app.nonce

    @contextmanager
    def replaced(self, settings: Settings, clock: Clock) -> Iterator[None]:
        """Have these settings and this clock for a block, and be as new, wherever this app is mounted.

        For tests of the app around it. Enter and leave the block while the lifespan does not run.
        """
        before = self.settings, self._clock, self._app
        self._make(settings, clock)
        try:
            yield
        finally:
            self.settings, self._clock, self._app = before
            self.pipeline, self.nonce = self._app.pipeline, self._app.nonce

    @property
    def is_open(self) -> bool:
        """Whether the lifespan has started everything, and has not ended."""
        return self._app.startup.stage is Stage.OPEN

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; or the lifespan, where a server runs this app by itself."""
        await (self._alone if scope["type"] == "lifespan" else self._app)(scope, receive, send)

    def lifespan(self, app: Any = None) -> AbstractAsyncContextManager[None]:
        """Prepare the database as `watchword serve` does, and run everything for a block.

        `app` is the app around this one: `requires` and `current_principal` work in its routes from then on, unless
        another Watchword is open in it.
        A generated password of the first account is written to standard error, once.
        """
        return self._lifespan(app)

    @asynccontextmanager
    async def _lifespan(self, app: Any) -> AsyncIterator[None]:
        await bootstrap(self.settings, self.mount, self._clock, _tell)
        async with self._app.router.lifespan_context(self._app):
            if app is not None:
                app.state.watchword = self._beside(getattr(app.state, "watchword", None))
            yield

    def _beside(self, other: object) -> object:
        """Return what the routes of the app around this one ask: this, or `SEVERAL` if another is open in that app."""
        is_open = isinstance(other, Watchword) and other.is_open
        return SEVERAL if other is SEVERAL or (other is not self and is_open) else self

    def router(self, path: str) -> APIRouter:
        """Return a router for `app.include_router`: this app mounted at `path`, with its lifespan.

        FastAPI runs the lifespan of an included router beside the app's own, so nothing else is needed there.
        It includes `well_known`. Raises `Unsafe` for the root of the host, which FastAPI includes no router at.
        """
        if not path.strip("/"):
            raise Unsafe(
                'A router has a path, such as "/watchword". To answer at the root, where clients ask for /graphql, write'
                ' app.mount("/", watchword) behind all other routes, and FastAPI(lifespan=watchword.lifespan).'
            )
        return APIRouter(
            routes=[*self.well_known, StarletteMount(path, self)], lifespan=self.lifespan
        )

    @property
    def well_known(self) -> list[Route]:
        """The routes that clients look for at the root of the host, if the issuer has a path (RFC 8414, section 3)."""
        path = urlsplit(self.settings.issuer).path.rstrip("/")
        return [Route(WELL_KNOWN + path, _At(self, WELL_KNOWN))] if path else []


class _At:
    """An ASGI app that serves another one's path at its own."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        self._app = app
        self._path = path

    def __call__(
        self, scope: MutableMapping[str, Any], receive: Receive, send: Send
    ) -> Awaitable[None]:
        here = {"path": self._path, "raw_path": self._path.encode(), "root_path": ""}
        return self._app({**scope, **here}, receive, send)


def _tell(started: Started) -> None:
    # Not to the log, which is kept and sent elsewhere.
    if started.password:
        said = f"The first account is {started.email}; its password is {started.password} (shown this once)."
        print(said, file=sys.stderr)
