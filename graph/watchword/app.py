"""The composition root: the only module that connects all parts. Tests and production build the same app."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from watchword.asgi.wire import CLOSING_SECONDS
from watchword.auth.announcer import RECALLED, Announcer
from watchword.auth.audit.audit import ANNOUNCED
from watchword.auth.http import passkey_routes, request_auth
from watchword.auth.http import routes as identity_routes
from watchword.auth.revocation.follower import RevocationFollower
from watchword.auth.revocation.identity_events import STREAM
from watchword.auth.rotation import Rotation
from watchword.auth.service import AuthService
from watchword.auth.sessions import sessions
from watchword.config.settings import Settings
from watchword.connections.directory import Directory
from watchword.context import Services
from watchword.delivery.groups import Groups
from watchword.delivery.leases import Leases
from watchword.domain import Domain, Mount
from watchword.errors import Unsafe
from watchword.events.bus import buses
from watchword.events.hub import Hub
from watchword.events.known import Known
from watchword.events.log.event_log import EventLog
from watchword.events.log.pruner import EVERY_SECONDS, Pruner
from watchword.execution.documents.documents import make_documents
from watchword.execution.documents.follower import ManifestFollower
from watchword.execution.limits import Limits
from watchword.explorer import assets
from watchword.explorer.page import page
from watchword.oauth import metadata
from watchword.oauth.authorize import authorize_routes, codes
from watchword.oauth.endpoints import routes as oauth_routes
from watchword.permissions import coverage
from watchword.permissions.claims_read import claims_read
from watchword.permissions.non_null import name_non_null
from watchword.process import clock_check
from watchword.process.background import Background
from watchword.process.clock import Clock, SystemClock
from watchword.process.garbage import GarbagePolicy
from watchword.storage import used_ids
from watchword.storage.vault import vault
from watchword.telemetry.metrics.access import Access
from watchword.telemetry.metrics.meter import Meter
from watchword.telemetry.metrics.operations import Operations
from watchword.telemetry.metrics.outputs import Outputs, paths
from watchword.telemetry.metrics.requests import MeasuredRequests
from watchword.telemetry.traces import provider
from watchword.telemetry.traces.parts import Parts
from watchword.telemetry.traces.requests import TracedRequests
from watchword.telemetry.traces.tracing import Tracing
from watchword.throttling.attempts import Attempts
from watchword.throttling.budgets import Budgets, Rates
from watchword.throttling.ceiling import Ceiling, most
from watchword.transports import health
from watchword.transports.authenticator import authenticator
from watchword.transports.front import Front
from watchword.transports.http.http import HttpTransport
from watchword.transports.middleware.cors import CorsByPath
from watchword.transports.middleware.nonce import NonceHeader
from watchword.transports.middleware.startup import Startup, StartupGate
from watchword.transports.middleware.trailing_slash import TrailingSlash
from watchword.transports.pipeline import Pipeline
from watchword.transports.websocket.websocket import WebSocketTransport

# Beginnings of paths that only Watchword serves.
RESERVED = ("/graphql", "/api/auth", "/oauth", "/.well-known", "/health")


# FastAPI's own spans, metrics and log records would hold query strings and messages of errors.
_NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}


class App(Front):
    """The server, with what routes of other apps in the same process need of it."""

    pipeline: Pipeline
    startup: Startup
    nonce: Callable[[], str] | None = None
    """Returns the nonce for the next DPoP proof; None if proofs need none."""


def create_app(
    settings: Settings,
    mount: Mount,
    clock: Clock | None = None,
    tracing: Tracing | None = None,
    supervisor: str | None = None,
) -> App:
    """Build the server for a mounted schema. Without `tracing`, the settings say whether it is traced.

    `supervisor` is the address at which a supervisor gathers the metrics of several workers, of which this app is one.
    Raises `Unsafe` if the schema must not be served.
    """
    coverage.cover(mount.schema, mount.domain, settings.coverage)
    clock = clock or SystemClock()
    tracing = tracing or provider.tracing(settings, clock.now)
    operations = None if settings.metrics == "off" else Operations()
    parts = Parts(tracing, operations, names_operations=settings.log_format == "json")
    services = make_services(settings, clock, mount.domain, claims_read(mount.schema), parts)
    auth = AuthService(services)
    pipeline = _make_pipeline(mount, services, auth, parts)
    follower = _make_follower(pipeline, auth)
    access = Access(pipeline, settings.metrics_networks)
    meter = None if operations is None else Meter(pipeline, auth, follower, operations)
    outputs = None if meter is None else Outputs(meter, settings, access, supervisor)
    startup = Startup()
    app = App(
        title="Watchword",
        lifespan=startup.follow(_lifespan(pipeline, auth, follower, outputs, tracing, mount)),
        telemetry=_NO_TELEMETRY,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.pipeline, app.startup = pipeline, startup
    _open_doors(app, pipeline, parts)
    _add_routes(app, pipeline, auth, access)
    if outputs is not None:
        app.router.routes.extend(outputs.routes)
    _add_own(app, mount.domain)
    if settings.dpop_nonce:
        app.nonce = partial(request_auth.nonce, auth)
    _add_middleware(app, settings, tracing, outputs)
    return app


def _add_routes(app: App, pipeline: Pipeline, auth: AuthService, access: Access) -> None:
    """Add the routes beside /graphql: of sign-in, OAuth and health."""
    services = pipeline.services
    app.include_router(identity_routes.routes(auth))
    app.include_router(passkey_routes.routes(auth))
    app.include_router(authorize_routes.routes(auth))
    app.include_router(oauth_routes.routes(auth))
    app.include_router(health.routes(services.database, services.background, access.is_given))


def _add_middleware(
    app: App, settings: Settings, tracing: Tracing | None, outputs: Outputs | None
) -> None:
    """Put our middleware in front of all routes. The last one runs first."""
    if app.nonce is not None:
        app.put_in_front(NonceHeader, nonce=app.nonce)
    app.put_in_front(StartupGate, startup=app.startup)
    _allow_origins(app, settings)
    if tracing is not None:
        app.put_in_front(TracedRequests, tracing=tracing, stack=app.user_middleware)
    if outputs is not None:
        outputs.requests.paths = frozenset(paths(app.router.routes))
        app.put_in_front(MeasuredRequests, requests=outputs.requests)
    # All others see the path without its trailing slash.
    app.put_in_front(TrailingSlash)


def _add_own(app: App, domain: Domain) -> None:
    """Add the routes and the middleware of the schema. Raises `Unsafe` for a route in the place of one of ours."""
    ours = {getattr(route, "path", None) for route in app.router.routes}
    for route in domain.routes:
        path = getattr(route, "path", None)
        if path in ours or str(path).startswith(RESERVED):
            raise Unsafe(
                f"Domain.routes has the path {path!r}, which is Watchword's. Choose another."
            )
    app.router.routes.extend(domain.routes)
    # Starlette puts each one in front of those before; the first of the list is to see a request first.
    app.user_middleware.extend(domain.middleware)


def make_services(
    settings: Settings,
    clock: Clock,
    domain: Domain,
    claims_read: frozenset[str] = frozenset(),
    parts: Parts | None = None,
) -> Services:
    """Make the services of the process from its settings. `claims_read` are the claims that permissions read."""
    parts = parts or Parts()
    database = parts.database(
        settings.database_url,
        statement_seconds=settings.database_statement_seconds,
        pool_seconds=settings.database_pool_seconds,
        pool_size=settings.database_pool_size,
    )
    publishing = domain.publishing(settings.unpublished_writes == "raise")
    database.publishing = parts.publishing(publishing)
    event_log = EventLog(database, Known(clock.now, settings.log_look_seconds))
    background = Background(clock)
    bus = buses.bus(settings.bus_url, lambda: event_log.cursors.epoch, background)
    hub = Hub(event_log, bus, background, settings.mailbox_limit, settings.log_look_seconds)
    attempts = Attempts(settings.bus_url)
    directory = Directory(database, bus, hub, clock, background, settings.log_look_seconds)
    return Services(
        database,
        event_log,
        bus,
        hub,
        clock,
        background,
        domain,
        settings,
        vault(settings),
        attempts,
        directory,
        Budgets(
            _rates(settings),
            attempts,
            clock,
            background,
            enforced=settings.limits == "enforce",
        ),
        claims_read,
        subscribed=Ceiling(settings).subscribed(),
    )


def _rates(settings: Settings) -> Rates:
    return Rates(
        settings.budget_per_principal, settings.budget_per_client, settings.budget_per_address
    )


def _make_follower(pipeline: Pipeline, auth: AuthService) -> RevocationFollower:
    services, settings = pipeline.services, pipeline.settings
    grace = settings.outdated_grace_seconds if settings.on_role_change == "renew" else None
    return RevocationFollower(services, auth.revocations, pipeline.leases, auth.seconds, grace)


def _make_pipeline(mount: Mount, services: Services, auth: AuthService, parts: Parts) -> Pipeline:
    settings, ceiling = services.settings, Ceiling(services.settings)
    engine = parts.engine(
        mount.schema,
        Limits.of(settings),
        settings.plan_cache,
        settings.execution,
        settings.introspection,
    )
    return Pipeline(
        settings,
        authenticator(
            partial(request_auth.authenticate, auth),
            services.clock,
            most(settings, "operation_seconds"),
            partial(request_auth.recall, auth),
        ),
        partial(request_auth.recall_bearer, auth),
        auth.revocations.check,
        engine,
        parts.answers(engine, services),
        Groups(engine, services),
        Leases(),
        services,
        ceiling.connections(),
        ceiling.operations(),
        make_documents(engine, settings),
    )


def _open_doors(app: Front, pipeline: Pipeline, parts: Parts) -> None:
    settings = pipeline.settings
    explorer = settings.explorer
    shown = partial(page, issuer=settings.issuer if settings.dpop == "required" else "")
    http = HttpTransport(pipeline, shown if explorer else None)
    app.serve_graphql(http, WebSocketTransport(pipeline, parts.connection))
    if explorer:
        app.router.routes.extend(assets.routes())


def _allow_origins(app: Front, settings: Settings) -> None:
    about = [*metadata.paths(settings), identity_routes.JWKS]
    app.put_in_front(
        CorsByPath,
        named=settings.allowed_origins,
        public=[metadata.TOKEN, metadata.REVOKE, *about],
        private=[metadata.AUTHORIZE],
    )


def _lifespan(  # type: ignore[no-untyped-def]
    pipeline: Pipeline,
    auth: AuthService,
    follower: RevocationFollower,
    outputs: Outputs | None,
    tracing: Tracing | None,
    mount: Mount,
):
    services, domain = pipeline.services, pipeline.services.domain

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        # Close in reverse order, each part even if the start or the closing of another part failed.
        async with AsyncExitStack() as closing:
            if tracing is not None:
                closing.push_async_callback(tracing.close)
            for part in (services.database, services.attempts, services.bus, services.background):
                closing.push_async_callback(part.close)
            await auth.open()
            await services.event_log.open()
            await services.hub.open()
            await follower.open()
            await services.directory.open()
            _open_periodic(pipeline, auth)
            name_non_null(mount.schema, pipeline.settings.refusals)
            if outputs is not None:
                closing.push_async_callback(outputs.close)
                outputs.open(services.background)
            garbage = GarbagePolicy()
            garbage.open(services.background)
            closing.push_async_callback(garbage.close)
            closing.push_async_callback(services.directory.close)
            pipeline.shutdown.reopen()
            if domain.shutdown is not None:
                closing.push_async_callback(domain.shutdown)
            closing.push_async_callback(pipeline.shutdown.end, CLOSING_SECONDS)
            if domain.startup is not None:
                await domain.startup()
            yield

    return lifespan


def _open_periodic(pipeline: Pipeline, auth: AuthService) -> None:
    """Start the background tasks that prune, rotate keys, announce what happens to accounts, check the clock, and follow manifests."""
    services = pipeline.services
    needed = {STREAM: auth.seconds, ANNOUNCED: RECALLED}
    Pruner(services.event_log, services.clock, pipeline.settings, needed).open(services.background)
    _prune_outdated_rows(services)
    Rotation(auth).open(services.background)
    if (hook := services.domain.on_identity) is not None:
        Announcer(services, hook).open(services.background)
    leeway = pipeline.settings.leeway_seconds
    clock_check.watch(services.database, services.background, services.clock, leeway)
    _follow_manifests(pipeline)


def _follow_manifests(pipeline: Pipeline) -> None:
    """Check the trusted documents in the background, and read manifests again when they change."""
    services, path = pipeline.services, pipeline.settings.documents
    if path is not None:
        planner = pipeline.engine.planner
        ManifestFollower(path, pipeline.documents, planner, services.clock).open(
            services.background
        )


def _prune_outdated_rows(services: Services) -> None:
    """Start the background tasks that delete outdated rows, one task for each kind."""
    database, now = services.database, services.clock.now
    kinds = {
        "used ids": lambda: used_ids.prune(database, now()),
        "sessions": lambda: sessions.prune(database, services.settings, now()),
        "authorization codes": lambda: codes.prune(database, now()),
    }
    for kind, prune in kinds.items():
        services.background.every(EVERY_SECONDS, f"the pruning of {kind}", prune)
