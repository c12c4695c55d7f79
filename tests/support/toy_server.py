"""All transports around the toy schema, on a real uvicorn in the test's own event loop."""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import strawberry
import uvicorn
from sqlalchemy import create_engine, insert
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

from tests.support import toy_schema
from tests.support.clock import passed
from tests.support.other_servers import serving_by
from tests.support.vault import ENCRYPTION_KEY
from watchword.app import make_services
from watchword.auth.revocation.follower import RevocationFollower
from watchword.auth.revocation.revocations import Revocations
from watchword.cli.serve import config
from watchword.config.settings import Settings
from watchword.context import Services
from watchword.delivery.groups import Groups
from watchword.delivery.leases import Leases
from watchword.domain import Domain
from watchword.errors import InvalidToken, TokenExpired, TokenNotYetValid, TokenRevoked
from watchword.events.event import Event
from watchword.events.log.tables import epochs, metadata
from watchword.execution.documents.documents import make_documents
from watchword.execution.engine import Engine
from watchword.execution.limits import Limits
from watchword.execution.shared.answers import SharedAnswers
from watchword.principal import Grants, Principal
from watchword.process.clock import Clock
from watchword.throttling.ceiling import Ceiling
from watchword.tokens.credential import Credential
from watchword.tokens.dpop import Target
from watchword.transaction import transaction
from watchword.transports.authenticator import authenticator
from watchword.transports.http.http import HttpTransport
from watchword.transports.pipeline import Pipeline
from watchword.transports.websocket.websocket import WebSocketTransport


class _Hasty:
    """asyncio as uvicorn's server sees it in tests, with a twentieth of its pauses of 0.1 seconds."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 20)


# Each server that stops would wait twice for the clock, which is longer than most tests take.
uvicorn.server.asyncio = _Hasty()  # type: ignore[attr-defined,assignment]

LIFE = 600.0
# Seconds that authenticating the token "slow" takes.
SLOW = 20.0
DOMAIN = Domain(
    roles={"keeper": frozenset({"toys:price", "toys:count"}), "child": frozenset({"toys:count"})}
)


@dataclass
class ToyServer:
    """A running server: its address, and its internals for tests."""

    url: str
    pipeline: Pipeline
    follower: RevocationFollower
    stop: Callable[[], None] = lambda: None

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1)

    async def publish(self, *keys: str, kind: str = "made") -> None:
        """Publish events of new toys, each in its own transaction."""
        for key in keys:
            await self.happen(Event(toy_schema.STREAM, key, kind))

    async def happen(self, *events: Event) -> None:
        """Commit events in one transaction."""
        services = self.pipeline.services
        async with transaction(services.database, services.bus, services.clock.now()) as unit:
            for event in events:
                unit.publish(event)

    async def followed(self, times: int) -> None:
        """Wait until so many subscriptions are waiting for events, alone or in a group."""
        await until(lambda: self.following == times)

    @property
    def following(self) -> int:
        sizes = self.pipeline.groups.sizes
        return self.pipeline.services.hub.size - WATCHES - len(sizes) + sum(sizes)


# The mailbox of the follower of revocations.
WATCHES = 1
# Turns in which `until` looks without a pause, and seconds between those that follow.
EAGER, PAUSE = 50, 0.002


async def until(happened: Callable[[], bool]) -> None:
    """Run the event loop until a condition holds."""
    async with asyncio.timeout(20):
        for _ in range(EAGER):
            if happened():
                return
            await asyncio.to_thread(lambda: None)
        # It waits for another process, which needs the core.
        while not happened():  # noqa: ASYNC110
            await asyncio.sleep(PAUSE)


def principal(token: str, now: float) -> Principal:
    """Return the principal that a toy token describes.

    `name`, `name+role`, `name+role/resource.action`, and behind those `_session` and `~version`.
    """
    token, _, version = token.partition("~")
    token, _, session = token.partition("_")
    subject, *scopes = token.split("/")
    name, *roles = subject.split("+")
    return Principal(
        name,
        Grants(frozenset(roles), frozenset(scope.replace(".", ":") for scope in scopes)),
        session=session or name,
        issued_at=now,
        expires_at=now + LIFE,
        version=int(version or 0),
    )


@lru_cache
def _home() -> tempfile.TemporaryDirectory[str]:
    """Make a directory that is removed when the tests end."""
    return tempfile.TemporaryDirectory()


@lru_cache
def _template() -> Path:
    path = Path(_home().name) / "template.db"
    engine = create_engine(f"sqlite:///{path}")
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(epochs), [{"epoch": "toys", "secret": "ab" * 32}])
    engine.dispose()
    return path


async def _driver_ends(before: set[threading.Thread]) -> None:
    """Keep the event loop open until the driver's threads have ended, for two seconds each at most.

    A thread whose `connect` was cancelled reports its end to the loop. If that is closed, a later test fails.
    """
    for each in set(threading.enumerate()) - before:
        if "_connection_worker_thread" in each.name:
            await asyncio.to_thread(each.join, 2)


@asynccontextmanager
async def toy_pipeline(
    clock: Clock,
    schema: strawberry.Schema = toy_schema.schema,
    *,
    domain: Domain = DOMAIN,
    **settings: Any,
) -> AsyncIterator[tuple[Pipeline, RevocationFollower]]:
    """The stages around the toy schema, on a log of their own; tokens name their principal."""
    # A connection whose query was cancelled closes its files in a thread of its own, perhaps after the rest.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        path = Path(home) / "toys.db"
        shutil.copy(_template(), path)
        read = Settings(
            _env_file=None,
            database_url=f"sqlite+aiosqlite:///{path}",
            encryption_keys=(ENCRYPTION_KEY,),
            **settings,
        )
        before = set(threading.enumerate())
        services = make_services(read, clock, domain)
        await services.event_log.open()
        await services.hub.open()
        made, follower = _toy_pipeline(read, services, clock, schema)
        await follower.open()
        try:
            yield made, follower
        finally:
            await services.background.close()
            await services.bus.close()
            await services.database.close()
            await _driver_ends(before)


def _toy_pipeline(
    settings: Settings, services: Services, clock: Clock, schema: strawberry.Schema
) -> tuple[Pipeline, RevocationFollower]:
    downgrades = settings.on_role_change == "downgrade"
    revocations = Revocations(DOMAIN, 2 * LIFE, downgrades)

    async def verify(credential: Credential, _target: Target) -> Principal:
        match token := credential.token:
            case "bad":
                raise InvalidToken("signature")
            case "expired":
                raise TokenExpired
            case "revoked":
                raise TokenRevoked
            case "crash":
                raise RuntimeError("the key store is on fire")
            case "early":
                raise TokenNotYetValid("nbf", 2.5)
            case "slow":
                await passed(clock, SLOW)
        return revocations.check(principal(token, clock.now()))

    limits, ceiling = Limits.of(settings), Ceiling(settings)
    engine = Engine(schema, limits, settings.plan_cache, settings.execution, settings.introspection)
    leases = Leases()
    pipeline = Pipeline(
        settings,
        authenticator(verify, clock, settings.operation_seconds),
        lambda _token: None,
        revocations.check,
        engine,
        SharedAnswers(engine, services),
        Groups(engine, services),
        leases,
        services,
        ceiling.connections(),
        ceiling.operations(),
        make_documents(engine, settings),
    )
    grace = None if downgrades else settings.outdated_grace_seconds
    return pipeline, RevocationFollower(services, revocations, leases, 2 * LIFE, grace)


@asynccontextmanager
async def toy_server(
    clock: Clock,
    schema: strawberry.Schema = toy_schema.schema,
    *,
    by: str = "watchword",
    wrap: Callable[[Any], Any] = lambda app: app,
    **settings: Any,
) -> AsyncIterator[ToyServer]:
    """Serve the toy schema on a free port while the block runs.

    `by` names the server: `watchword serve`, or another ASGI server; `wrap` adds a middleware.
    """
    async with toy_pipeline(clock, schema, **settings) as (made, follower):
        routes = [
            Route("/graphql", HttpTransport(made, None)),
            WebSocketRoute("/graphql", WebSocketTransport(made)),
        ]
        app = wrap(Starlette(routes=routes))
        served = serving(app, made.settings) if by == "watchword" else serving_by(by, app)
        async with served as (url, stop):
            yield ToyServer(f"{url}/graphql", made, follower, stop)


@asynccontextmanager
async def serving(
    app: Any, settings: Settings, port: int = 0
) -> AsyncIterator[tuple[str, Callable[[], None]]]:
    """Run an ASGI app on a real socket in this event loop; yield its origin, and a function to stop it.

    Port 0 takes any free one.
    """
    listener = socket.create_server(("127.0.0.1", port))
    made = config(app, settings, lifespan="auto")
    server = uvicorn.Server(made)
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
    port = listener.getsockname()[1]

    def stop() -> None:
        server.should_exit = True

    try:
        yield f"http://127.0.0.1:{port}", stop
    finally:
        waiting.cancel()
        server.should_exit = True
        await task
        listener.close()
