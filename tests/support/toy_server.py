"""The doors around the toy schema, on a real uvicorn in the test's own event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

from graph.clock import Clock
from graph.context import Services
from graph.database import Database
from graph.domain import Domain
from graph.errors import InvalidToken, TokenExpired, TokenRevoked
from graph.events import Event
from graph.execution.engine import Engine
from graph.execution.limits import Limits
from graph.fanout.hub import Hub
from graph.fanout.memory import MemoryBus
from graph.principal import Grants, Principal
from graph.settings import Settings
from graph.transports.authenticate import authenticator
from graph.transports.door import Door
from graph.transports.http import HttpDoor
from graph.transports.websocket import WebSocketDoor
from tests.support import toy_schema

LIFE = 600.0


@dataclass
class ToyServer:
    """A running server: its address, and its inside for a test to move and look at."""

    url: str
    door: Door

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1)

    async def publish(self, *keys: str) -> None:
        await self.door.services.bus.publish(
            [Event(toy_schema.STREAM, key, "made") for key in keys]
        )

    async def followed(self, times: int) -> None:
        """Wait until so many mailboxes are open."""
        async with asyncio.timeout(10):
            while len(self.door.services.hub) != times:
                await asyncio.to_thread(lambda: None)


def principal(token: str, now: float) -> Principal:
    """`name`, `name+role`, `name+role/resource.action`: what a toy token says is what its principal is."""
    subject, *scopes = token.split("/")
    name, *roles = subject.split("+")
    grants = Grants(frozenset(roles), frozenset(scope.replace(".", ":") for scope in scopes))
    return Principal(name, grants, session=name, issued_at=now, expires_at=now + LIFE)


def door(clock: Clock, **settings: Any) -> Door:
    """The stages around the toy schema, with tokens that name their principal."""
    read = Settings(_env_file=None, **settings)

    async def verify(token: str) -> Principal:
        match token:
            case "bad":
                raise InvalidToken("signature")
            case "expired":
                raise TokenExpired
            case "revoked":
                raise TokenRevoked
            case "crash":
                raise RuntimeError("the key store is on fire")
        return principal(token, clock.now())

    bus, hub = MemoryBus(), Hub(read.mailbox_limit)
    services = Services(Database("sqlite+aiosqlite://"), bus, hub, clock, Domain())
    limits = Limits(read.max_tokens, read.max_depth, read.max_aliases, read.max_objects)
    engine = Engine(toy_schema.schema, limits, read.plan_cache)
    return Door(read, authenticator(verify), engine, services)


@asynccontextmanager
async def toy_server(clock: Clock, **settings: Any) -> AsyncIterator[ToyServer]:
    """Serve the toy schema on a free port for as long as the block lasts."""
    made = door(clock, **settings)
    await made.services.bus.open(made.services.hub.receive)
    routes = [
        Route("/graphql", HttpDoor(made, None)),
        WebSocketRoute("/graphql", WebSocketDoor(made)),
    ]
    async with serving(Starlette(routes=routes), made.settings) as url:
        yield ToyServer(f"{url}/graphql", made)
    await made.services.database.close()


@asynccontextmanager
async def serving(app: Any, settings: Settings) -> AsyncIterator[str]:
    """Run an ASGI app on a real socket in this event loop; yield its origin."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        log_config=None,
        ws="websockets-sansio",
        ws_max_size=settings.max_message_bytes,
        ws_per_message_deflate=False,
        lifespan="auto",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    started = asyncio.Event()
    startup = server.startup

    async def announce(sockets: list[socket.socket] | None = None) -> None:
        await startup(sockets)
        started.set()

    server.startup = announce  # type: ignore[method-assign]
    task = asyncio.create_task(server._serve([listener]))
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        waiting.cancel()
        server.should_exit = True
        await task
        listener.close()
