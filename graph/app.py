"""The composition root: the only place where all parts meet. The same app for tests and production."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route, WebSocketRoute

from graph import health
from graph.clock import Clock, SystemClock
from graph.context import Services
from graph.database import Database
from graph.domain import Mount
from graph.execution.engine import Engine
from graph.execution.limits import Limits
from graph.explorer import assets
from graph.explorer.page import page
from graph.fanout.bus import Bus
from graph.fanout.hub import Hub
from graph.fanout.memory import MemoryBus
from graph.identity import routes as identity_routes
from graph.identity.identity import Identity
from graph.permissions import coverage
from graph.settings import Settings
from graph.transports.authenticate import authenticator
from graph.transports.door import Door
from graph.transports.http import HttpDoor
from graph.transports.websocket import WebSocketDoor


def create_app(settings: Settings, mount: Mount, clock: Clock | None = None) -> FastAPI:
    """Build the server around a mounted schema. Raises `Unsafe` when the schema cannot be served."""
    coverage.check(mount.schema)
    clock = clock or SystemClock()
    database = Database(settings.database_url)
    bus: Bus = MemoryBus()
    services = Services(database, bus, Hub(settings.mailbox_limit), clock, mount.domain)
    identity = Identity(database, settings, clock, mount.domain)
    limits = Limits(
        settings.max_tokens, settings.max_depth, settings.max_aliases, settings.max_objects
    )
    door = Door(
        settings,
        authenticator(identity.verify),
        Engine(mount.schema, limits, settings.plan_cache),
        services,
    )
    app = FastAPI(
        title="Watchword",
        lifespan=_lifespan(services, identity),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    _open_doors(app, door)
    app.include_router(identity_routes.routes(identity))
    app.include_router(health.routes(database))
    _allow_origins(app, settings)
    return app


def _open_doors(app: FastAPI, door: Door) -> None:
    explorer = door.settings.explorer
    app.router.routes.append(Route("/graphql", HttpDoor(door, page if explorer else None)))
    app.router.routes.append(WebSocketRoute("/graphql", WebSocketDoor(door)))
    if explorer:
        app.router.routes.extend(assets.routes())


def _allow_origins(app: FastAPI, settings: Settings) -> None:
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_credentials=True,
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type"],
            expose_headers=["www-authenticate", "retry-after"],
        )


def _lifespan(services: Services, identity: Identity):  # type: ignore[no-untyped-def]
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        try:
            await identity.open()
            await services.bus.open(services.hub.receive)
            yield
        finally:
            await services.bus.close()
            await services.database.close()

    return lifespan
