"""`watchword serve`: prepares the database, starts the server, and prints its addresses."""

from __future__ import annotations

import asyncio
import functools
import json
import math
import shlex
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any
from urllib.parse import urlsplit

import click
import uvicorn

from watchword.app import create_app
from watchword.asgi.uvicorn.frames import FramesProtocol, PipeProtocol
from watchword.asgi.uvicorn.supervisor import supervise
from watchword.bootstrap import Started, bootstrap
from watchword.cli import workers as several
from watchword.config.settings import Settings, read
from watchword.config.trusted_issuer import is_loopback
from watchword.domain import load
from watchword.errors import Unsafe
from watchword.process import json_logs, log_setup
from watchword.process.clock import SystemClock
from watchword.telemetry.metrics.workers.supervisor import gathering
from watchword.throttling.ceiling import Ceiling

# Seconds for open requests to finish after SIGTERM, in addition to drain_seconds.
SHUTDOWN_GRACE = 5
BACKLOG = 2_048
# Seconds for which a browser uses only https after one visit by https: a year (RFC 6797, section 6.1.1).
# Without includeSubDomains, because other servers under the domain may need http.
STRICT_SECONDS = 31_536_000


@click.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.  [default: 8000]")
@click.option("--workers", type=int, help="Server processes.  [default: 1]")
@click.option(
    "--schema", "mount", metavar="MODULE:ATTRIBUTE", help="The Strawberry schema to mount."
)
def serve(host: str | None, port: int | None, workers: int | None, mount: str | None) -> None:
    """Serve the mounted schema.

    The first start creates the database, a signing key, an admin account and demo data.
    """
    read_on = functools.partial(read, host=host, workers=workers, mount=mount)
    settings = read_on(port=port)
    log_setup.set_up(settings.log_level, json_logs.formatter(settings.log_format))
    mounted = load(settings.mount)
    with _listen(settings) as listener:
        # The port may have been 0. The issuer names the one that the operating system chose.
        settings = read_on(port=listener.getsockname()[1])
        app = create_app(settings, mounted)

        def tell(started: Started) -> None:
            click.echo(_greeting(settings, mounted.domain.pages, started))

        asyncio.run(bootstrap(settings, mounted, SystemClock(), tell, is_local=settings.is_local))
        is_alone = settings.workers == 1
        served = (
            _serve_alone(app, settings, listener)
            if is_alone
            else _serve_together(settings, listener)
        )
    if not served:
        raise Unsafe("The server could not start; the log above says why.")


def _serve_alone(app: object, settings: Settings, listener: socket.socket) -> bool:
    """Serve until a signal comes. Returns False when the app could not start."""
    _exit_cleanly_on_signals()
    server = uvicorn.Server(config(app, settings))
    server.run(sockets=[listener])
    return server.started


def _serve_together(settings: Settings, listener: socket.socket) -> bool:
    """Serve by several processes until a signal comes. Returns False when they could not start."""
    with gathering() if settings.for_prometheus else nullcontext() as address:
        shared = config(
            functools.partial(several.make_app, settings, address),
            settings,
            factory=True,
            workers=settings.workers,
            timeout_worker_healthcheck=several.ANSWER_SECONDS,
        )
        return supervise(shared, listener)


def _exit_cleanly_on_signals() -> None:
    # uvicorn shuts down on a signal, and then raises the signal again for the previous handler. Without
    # this handler, the process would count as killed by the signal although it shut down in order.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise Unsafe(
            f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}."
            " Choose another with --host and --port."
        ) from error


def config(app: object, settings: Settings, **more: Any) -> uvicorn.Config:
    """Return uvicorn's configuration for the app, with our own protocols for HTTP and WebSocket."""
    ceiling = Ceiling(settings)
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        log_config=None,
        access_log=False,
        loop="uvloop",
        http=PipeProtocol,
        h11_max_incomplete_event_size=ceiling.most("header_bytes"),
        ws=FramesProtocol,
        ws_max_size=ceiling.most("message_bytes"),
        # Compression costs memory for each socket, and can reveal secrets that are sent together with an
        # attacker's text (CRIME).
        ws_per_message_deflate=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        server_header=False,
        # Otherwise a pipelined request would see the context variables of the request before it.
        reset_contextvars=True,
        headers=_headers(settings),
        timeout_graceful_shutdown=math.ceil(settings.drain_seconds) + SHUTDOWN_GRACE,
        **more,
    )


def _headers(settings: Settings) -> list[tuple[str, str]]:
    """Return the headers of every response, including those that uvicorn itself sends.

    Strict-Transport-Security is sent over http too, where browsers ignore it, so a proxy need not tell us
    the scheme. It is not sent for a loopback issuer, because it would cover every server on the machine.
    """
    issuer = urlsplit(settings.issuer)
    if issuer.scheme != "https" or is_loopback(issuer.hostname or ""):
        return []
    return [("strict-transport-security", f"max-age={STRICT_SECONDS}")]


def _greeting(settings: Settings, pages: Mapping[str, str], started: Started) -> str:
    origin = settings.listens_at
    socket_url = origin.replace("http", "ws", 1) + "/graphql"
    lines = [
        "",
        *(f"  {name:<11} {origin}{path}  (in a browser)" for name, path in pages.items()),
        f"  GraphiQL    {origin}/graphql  (in a browser)",
        f"  GraphQL     {origin}/graphql",
        f"  WebSocket   {socket_url}  (graphql-transport-ws)",
        f"  Sign in     {origin}/api/auth/login",
        f"  Keys        {origin}/.well-known/jwks.json",
        f"  Health      {origin}/health/ready",
        *_port_warning(settings),
        "",
    ]
    if started.is_first:
        lines += _how_to_sign_in(origin, started)
    return "\n".join(lines)


def _port_warning(settings: Settings) -> list[str]:
    """Return a warning if the issuer is a loopback address with another port than the server's."""
    issuer = urlsplit(settings.issuer)
    if not is_loopback(issuer.hostname or "") or (issuer.port or 80) == settings.port:
        return []
    return [
        "",
        f"  Tokens, metadata and DPoP name {settings.issuer}, another port than this. If clients",
        f"  use this one, set WATCHWORD_ISSUER={issuer.scheme}://{issuer.hostname}:{settings.port}",
    ]


def _how_to_sign_in(origin: str, started: Started) -> list[str]:
    lines = [f"  E-mail      {started.email}"]
    if started.password:
        lines.append(f"  Password    {started.password}  (shown this once)")
    if started.people:
        lines += ["", "  Demo people, for two windows side by side (shown this once):"]
        lines += [f"  {each.email:<28}{each.password}" for each in started.people]
    command = f"curl -s {origin}/api/auth/login -H 'content-type: application/json' -d"
    return [*lines, "", "  To sign in, paste:", "", f"  {command} {_credentials(started)}", ""]


def _credentials(started: Started) -> str:
    if started.password:
        given = {"email": started.email, "password": started.password}
        return shlex.quote(json.dumps(given))
    # The operator chose the password, so it is not shown. A shell that lacks the variable, because the
    # password is in .env or the server was started in another terminal, says so instead of sending nothing.
    return (
        shlex.quote(f'{{"email": {json.dumps(started.email)}, "password": "')
        + '"${WATCHWORD_ADMIN_PASSWORD:?is the password that you chose: export it first}"'
        + shlex.quote('"}')
    )
